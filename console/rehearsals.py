"""How `tocsin notice send --dry-run` looks."""

from typing import TYPE_CHECKING

import typer

from console import show

if TYPE_CHECKING:
    from flows.steps.rehearsing import Rehearsal
    from flows.wiring import House

_REASONS = {
    "no-provider": "no provider of the channel is in the settings",
    "place-unknown": "the place is unknown",
    "residency": "no provider is marked for the place",
    "no-contract": "no provider there is bound in writing",
    "no-deletion": "no provider there must delete at the end",
}


def tell(house: "House", incident: str, *, people: tuple[int, ...] | None, most: int | None, json: bool) -> None:
    """Print what a sending would do now."""
    from flows.steps import rehearsing
    from flows.steps.opening import Choice

    choice = None if people is None and most is None else Choice(people=people, most=most)
    seen = rehearsing.rehearse(house, incident, choice=choice)
    if json:
        show.as_json({"incident": incident, **seen.document()})
        return
    typer.echo(_headline(seen))
    for wanted in seen.missing:
        typer.echo(f"Missing before it may go out: {wanted}.")
    for trouble in seen.troubles:
        typer.echo(trouble)
    if seen.messages:
        show.table("Messages", _lines(seen), empty="none")
    if seen.held:
        show.table("Held: nothing may be sent", _held(seen), empty="nobody")
    for sentence in _others(seen):
        typer.echo(sentence)


def _headline(seen: "Rehearsal") -> str:
    first = f", the first {seen.most:,} of {seen.messages.total():,}" if seen.total < seen.messages.total() else ""
    return (
        f"Nothing is sent: a sending now would hand {seen.total:,} messages to providers{first}, "
        f"for {seen.meant:,} people on the roster."
    )


def _lines(seen: "Rehearsal") -> list[dict[str, object]]:
    lines = seen.document()["lines"]
    return sorted(lines, key=lambda line: (-line["people"], line["provider"], line["place"]))


def _held(seen: "Rehearsal") -> list[dict[str, object]]:
    return [
        {"place": place or "unknown", "channel": channel, "people": count, "because": _REASONS.get(reason, reason)}
        for (place, channel, reason), count in sorted(seen.held.items())
    ]


def _others(seen: "Rehearsal") -> list[str]:
    said = []
    verdicts = ", ".join(f"{name} {count:,}" for name, count in sorted(seen.verdicts.items()))
    if verdicts:
        said.append(f"Without a message now: {verdicts}.")
    if seen.waiting:
        from tocsin.forecast import shown

        assert seen.waiting_until is not None
        until = shown(seen.waiting_until)
        said.append(f"{seen.waiting:,} wait (quiet hours, a receipt or a provider), the first until {until}.")
    if seen.doubtful:
        said.append(f"{seen.doubtful:,} are in doubt: a message to them may have left.")
    if seen.not_their_turn:
        said.append(f"It is not the turn of {seen.not_their_turn:,}.")
    if seen.settled:
        said.append(f"{seen.settled:,} have a verdict.")
    if seen.segments:
        by = ", ".join(f"{language} {count:,}" for language, count in sorted(seen.segments.items()))
        said.append(f"SMS: {sum(seen.segments.values()):,} segments in all ({by}).")
    if seen.forecast is not None:
        said.append(seen.forecast.sentence)
    return said
