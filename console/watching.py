"""`tocsin watch` and `respond`: the engine without Prefect, and what people answer to its warnings."""

from typing import TYPE_CHECKING, Annotated

import typer

from console import choosing, show
from console.options import By, Commands, IncidentId, Json, Reason, examples
from tocsin.errors import Invalid

if TYPE_CHECKING:
    from flows.steps.watching import Watched
    from flows.wiring import House

Subject = Annotated[
    str,
    typer.Argument(metavar="DUTY", help="As the warning names it: a duty, `task:KEY`, or `forecast`"),
]
Duty = Annotated[str, typer.Argument(metavar="DUTY", help="The duty, as `tocsin status` names it")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(cls=Commands, no_args_is_help=False, invoke_without_command=True, rich_markup_mode=None)
    group.callback(epilog=examples("tocsin watch --once"))(watch)
    group.command("list", epilog=examples("tocsin watch list", "tocsin watch list - --late"))(list_open)
    group.command("ack", epilog=examples("tocsin watch ack - eu-gdpr/authority-DE --as 'Lin Wei'"))(ack)
    group.command(
        "snooze",
        epilog=examples("tocsin watch snooze - eu-gdpr/authority-DE --for PT1H --reason 'The form is being filled.'"),
    )(snooze)
    group.command(
        "late", epilog=examples("tocsin watch late - eu-gdpr/authority-DE --reason 'The extent was not known before.'")
    )(late)
    app.add_typer(group, name="watch")
    app.command(epilog=examples("tocsin respond -"))(respond)


def watch(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="One look, for cron or systemd; it must be said")] = False,
    json: Json = False,
) -> None:
    """Look at what is due and not done; answer its warnings.

    `tocsin watch --once` looks once at every open incident, warns of what is due, marks what is overdue, goes on where
    something became ready, and leaves a heartbeat. `tocsin serve` does it every minute.
    """
    if context.invoked_subcommand is not None:
        if once or json:
            raise Invalid(f"`--once` and `--json` stand behind `tocsin watch {context.invoked_subcommand}`, or alone.")
        return
    from flows import wiring
    from flows.steps import pinging, responding, watching

    if not once:
        raise Invalid("Say `tocsin watch --once` for one look, or `tocsin serve` for one every minute.")
    house = wiring.assemble()
    with pinging.around(house):
        seen = watching.run(house)
    for incident in seen.ready:
        responding.respond(house, incident)
    if json:
        show.as_json({name: getattr(seen, name) for name in seen.__dataclass_fields__})
    else:
        _say(seen)
    if seen.troubles:
        raise typer.Exit(1)


def _say(seen: "Watched") -> None:
    for line in (*(f"overdue: {item}" for item in seen.overdue), *(f"warning: {item}" for item in seen.warned)):
        typer.echo(line)
    for trouble in seen.troubles:
        typer.echo(f"trouble: {trouble}", err=True)
    if seen.missed_minutes:
        typer.echo(f"The watch was away for {seen.missed_minutes} minutes; this look has caught up.")
    sent = f"{seen.delivered} messages delivered, {seen.undelivered} not"
    done = f"{len(seen.overdue)} newly overdue, {len(seen.warned)} warnings, {len(seen.ready)} gone on with"
    typer.echo(f"Looked at {seen.at.isoformat()}: {done}; {sent}.")


def list_open(
    incident: Annotated[
        str | None, typer.Argument(metavar="INCIDENT", help="Its id, the start of it, or `-`; by default all")
    ] = None,
    *,
    overdue: Annotated[bool, typer.Option("--late", help="Show what is or was late instead, and why")] = False,
    json: Json = False,
) -> None:
    """List the warnings that nobody has acknowledged, the last one of each matter."""
    from flows import wiring
    from flows.steps import answering

    house = wiring.assemble()
    found = choosing.incident(house, incident) if incident else None
    if overdue:
        rows = _late_rows(house, found)
        title, empty = "Late", "nothing is late"
    else:
        rows = answering.open_warnings(house, found)
        title, empty = "Open warnings", "none"
    if json:
        show.as_json(rows)
        return
    show.table(title, rows, empty=empty)


def _late_rows(house: "House", incident: str | None) -> list[dict[str, object]]:
    from db import watch as store
    from flows.steps import answering

    with house.database.reading() as session:
        asked = [incident] if incident else store.open_incidents(session)
    return [
        {
            "incident": one.incident,
            "duty": one.duty,
            "to": one.to,
            "due": one.due.isoformat(),
            "late": span(one.late_seconds),
            "done": one.done_at.isoformat() if one.done_at else None,
            "reason": one.reason or "not given: `tocsin watch late`",
        }
        for one in answering.late(house, asked)
    ]


def span(seconds: int) -> str:
    """A length of time in days, hours and minutes."""
    days, rest = divmod(seconds, 86400)
    parts = ((days, "d"), (rest // 3600, "h"), (rest % 3600 // 60, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "less than a minute"


def ack(incident: IncidentId, subject: Subject, by: By = None) -> None:
    """Acknowledge a warning: you have it in hand.

    Nobody else is asked, and an overdue duty is not repeated. A later step of the same duty is a new warning.
    """
    from flows import wiring
    from flows.steps import answering

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    stopped = answering.acknowledge(house, found, subject, by=wiring.acting(by), now=house.now())
    typer.echo(f"{subject} is acknowledged; {stopped} messages will not be sent or passed on.")


def snooze(
    incident: IncidentId,
    duty: Duty,
    length: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="How long, such as PT1H or P1D; at most seven days")
    ],
    reason: Reason,
    by: By = None,
) -> None:
    """Let a duty be silent for a while.

    The warning at the due time itself is never put off.
    """
    from flows import wiring
    from flows.steps import answering
    from tocsin import durations

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    try:
        wanted = durations.parse(length)
    except ValueError as error:
        raise Invalid(f"--for {error}.") from None
    until = answering.snooze(house, found, duty, length=wanted, reason=reason, by=wiring.acting(by), now=house.now())
    typer.echo(f"{duty} is silent until {until.isoformat()}, but for its due time.")


def late(incident: IncidentId, duty: Duty, reason: Reason, by: By = None) -> None:
    """Say why a duty is late; the report that asks for reasons for the delay takes it up."""
    from flows import wiring
    from flows.steps import answering

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    kept = answering.explain_delay(house, found, duty, reason=reason, by=wiring.acting(by), now=house.now())
    typer.echo(f"Kept: {duty} was due {kept.due.isoformat()}, late by {span(kept.late_seconds)}.")


def respond(incident: IncidentId, *, json: Json = False) -> None:
    """Run the plan of an incident as far as it can go now."""
    from flows import wiring
    from flows.steps import responding

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    progress = responding.respond(house, found)
    if json:
        show.as_json([{"phase": p.phase, "did": p.did, "waiting": p.waiting} for p in progress])
        return
    for step in progress:
        typer.echo(f"{'✓' if step.finished else '…'} {step.phase}")
        for item in step.did:
            typer.echo(f"    {item}")
        for item in step.waiting:
            typer.echo(f"    waits for {item}")
