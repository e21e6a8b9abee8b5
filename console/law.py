"""Questions to the law that need no installation: what is owed, when a period ends, how severe a breach is."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import reading, show
from console.options import Json, examples
from tocsin.errors import Invalid, TocsinError

if TYPE_CHECKING:
    from pendulum import DateTime

    from tocsin.duties import Assessment, Duty
    from tocsin.facts import Facts
    from tocsin.periods import Manner

_MARKS = {
    "memory": " [yellow](from memory)[/]",
    "disputed": " [red](disputed)[/]",
    "secondary": " [dim](secondary)[/]",
}
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="INSTANT", help="The moment of the question; by default now")
]
FactsFile = Annotated[str, typer.Argument(metavar="FACTS", help="A facts document, or `-` for standard input")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        epilog=examples(
            "tocsin duties facts.yaml",
            "tocsin duties - --json --as-of 2026-11-22T00:00:00Z",
            "tocsin duties --batch DIR",
        )
    )(duties)
    counted = 'tocsin deadline 2026-11-20T16:30:00+01:00 --within "72 hours" --rule eu-1182-71 --place DE'
    app.command(epilog=examples(counted))(deadline)
    scored = "tocsin severity --dpc 3 --ei 0.75 --confidentiality 0.25 --malicious"
    app.command(epilog=examples(scored, "tocsin severity facts.yaml --json"))(severity)


def duties(
    facts: Annotated[
        str | None, typer.Argument(metavar="FACTS", help="A facts document (YAML or JSON), or `-` for standard input")
    ] = None,
    json: Json = False,
    everything: Annotated[bool, typer.Option("--all", help="Show what is not owed as well, and why not")] = False,
    as_of: AsOf = None,
    batch: Annotated[
        Path | None, typer.Option("--batch", metavar="DIR", help="Read every *.yaml in DIR; one JSON line a file")
    ] = None,
) -> None:
    """Say what is owed to whom by when, and why.

    Needs no installation and records nothing. `--json` holds the derivation of every date.
    """
    if batch is not None:
        _batch(batch, as_of=as_of, everything=everything)
        return
    if facts is None:
        raise Invalid("Name a facts document, `-` for standard input, or `--batch DIR`; see `tocsin duties --help`.")
    read = reading.facts(facts)
    assessment = _assess(read, as_of, everything=everything)
    if json:
        show.as_json(assessment.document(everything=everything))
    else:
        _print(assessment, read.title, everything=everything)


def _assess(facts: "Facts", as_of: str | None, *, everything: bool) -> "Assessment":
    from flows import contracts, library, wiring
    from tocsin import duties as engine

    known = (*library.regimes(), *contracts.regimes(wiring.home()))
    return engine.assess(facts, known, as_of=_moment(as_of, facts), everything=everything)


def _moment(as_of: str | None, facts: "Facts") -> "DateTime":
    from flows import wiring
    from tocsin import moments

    if as_of is None:
        return facts.as_of or wiring.now().replace(microsecond=0)
    try:
        return moments.parse(as_of)
    except ValueError as error:
        raise Invalid(f"`--as-of` {error}.") from None


def _batch(folder: Path, *, as_of: str | None, everything: bool) -> None:
    import json

    if not folder.is_dir():
        raise Invalid(f"{folder} is no folder: give `--batch` a folder of facts documents.")
    for path in sorted(folder.glob("*.yaml")):
        line: dict[str, Any] = {"file": path.name}
        try:
            read = reading.facts(str(path))
            line |= _assess(read, as_of, everything=everything).document(everything=everything)
        except TocsinError as error:
            line["error"] = str(error)
        typer.echo(json.dumps(line, ensure_ascii=False))


def _print(assessment: "Assessment", title: str, *, everything: bool) -> None:
    from rich.markup import escape

    from tocsin import moments, unsettled

    rich = show.rich
    shown = [duty for duty in assessment.gathered().duties if everything or duty.status != "not-owed"]
    rich(f"[bold]{escape(title)}[/], as of {moments.text(assessment.as_of)}")
    if not shown:
        rich("Nothing is owed under the laws that Tocsin knows; `--all` says why.")
    elif settled := [duty for duty in shown if duty.id != unsettled.ID]:
        rich(_table(settled, assessment.as_of))
    for duty in shown:
        if duty.id == unsettled.ID:
            rich(escape(duty.explained[0]))
    advice = assessment.advice
    scored = f" (ENISA score {advice.severity.score}, {advice.severity.level})" if advice.severity else ""
    rich(
        f"Advice on the risk to people: [bold]{advice.risk}[/]{scored}; a person decides. {escape(advice.because[-1])}."
    )
    _print_questions(assessment)
    for one in assessment.silent:
        rich(escape(f"{one.title} ({one.regime}, {one.status}): {one.note}"))


_QUESTIONS_SHOWN = 8


def _print_questions(assessment: "Assessment") -> None:
    from rich.markup import escape

    from tocsin import questions

    found = questions.ranked(assessment.duties)
    if found:
        show.rich("[bold]Find out first:[/]")
    for number, question in enumerate(found[:_QUESTIONS_SHOWN], start=1):
        before = f", the first of them due {question.before:%a %Y-%m-%d %H:%M %Z}" if question.before else ""
        duties_word = "duty turns" if len(question.touches) == 1 else "duties turn"
        show.rich(
            f"  {number}. {escape(question.words)} [dim]{escape(question.fact)}; {len(question.touches)} {duties_word} "
            f"on it{before}[/]"
        )
    if len(found) > _QUESTIONS_SHOWN:
        show.rich(f"  and {len(found) - _QUESTIONS_SHOWN} more: see `find_out_first` of `--json`.")


def _table(shown: "Sequence[Duty]", as_of: "DateTime") -> Any:
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Work to", "Last instant", "Status", "Whom", "Duty", "Law"):
        made.add_column(heading, overflow="fold")
    for duty in shown:
        made.add_row(*_cells(duty, as_of))
    return made


def _cells(duty: "Duty", as_of: "DateTime") -> tuple[str, ...]:
    from rich.markup import escape

    late = duty.status == "owed" and duty.due is not None and duty.due < as_of
    status = "[bold red]owed, OVERDUE[/]" if late else duty.status
    if duty.unknown:
        more = f" and {len(duty.unknown) - 2} more" if len(duty.unknown) > 2 else ""
        status += f": find out {escape(', '.join(duty.unknown[:2]))}{more}"
    if duty.advised:
        status += f" (advice: {duty.advised})"
    if duty.status == "conditional" and duty.starts_at:
        status += f": once {duty.starts_at}"
    due = f"{duty.due:%a %Y-%m-%d %H:%M:%S %Z}" if duty.due else (duty.undated or "")
    law = f"{escape(duty.citation)}{_MARKS.get(duty.confidence, '')}"
    target = f"{duty.target:%a %Y-%m-%d %H:%M %Z}" if duty.target else ""
    return target, escape(due), status, escape(duty.recipient), duty.id, law


def deadline(
    start: Annotated[str, typer.Argument(metavar="START", help="When the period starts, with offset")],
    within: Annotated[str, typer.Option("--within", metavar="PERIOD", help='Such as "72 hours" or "10 working days"')],
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule",
            metavar="RULE",
            help="exact, calendar-days, business-days, eu-1182-71 or at-least-before; by default by the unit",
        ),
    ] = None,
    place: Annotated[
        str | None, typer.Option("--place", metavar="PLACE", help="Whose clock and holidays, such as DE")
    ] = None,
    first_day: Annotated[bool, typer.Option("--first-day", help="The day of the event is day 1")] = False,
    roll: Annotated[
        str | None,
        typer.Option(
            "--roll", metavar="HOW", help="next-working-day or next-working-day-noon, where the last day is none"
        ),
    ] = None,
    ends: Annotated[
        str | None, typer.Option("--ends", metavar="TIME", help="Local time at which the last day ends, such as 17:30")
    ] = None,
    json: Json = False,
) -> None:
    """Count one period as a law counts it."""
    from tocsin import moments, periods, places

    try:
        begins = moments.parse(start)
    except ValueError as error:
        raise Invalid(f"START {error}.") from None
    try:
        where = None if place is None else places.check(place)
    except ValueError as error:
        raise Invalid(f"`--place`: {error}.") from None
    manner = _manner(first_day=first_day, roll=roll, ends=ends)
    counted = periods.count(begins, periods.within(within), rule=rule, place=where, manner=manner)
    if json:
        show.as_json(counted.document())
        return
    typer.echo(f"Last instant: {moments.text(counted.due)}")
    typer.echo(f"Work to:      {moments.text(counted.target)}")
    for step in counted.explained:
        typer.echo(f"  {step}")


def _manner(*, first_day: bool, roll: str | None, ends: str | None) -> "Manner":
    from datetime import time

    from tocsin import periods

    if roll is not None and roll not in periods.ROLLS:
        raise Invalid(f"`--roll` must be {' or '.join(periods.ROLLS)}.")
    try:
        at = None if ends is None else time.fromisoformat(ends)
    except ValueError:
        raise Invalid("`--ends` must be a local time such as 17:30.") from None
    return periods.Manner(first_day_counted=first_day, roll=roll, ends=at)


def severity(
    facts: Annotated[
        str | None,
        typer.Argument(metavar="FACTS", help="Derive the factors from this facts document; `-` reads standard input"),
    ] = None,
    dpc: Annotated[float | None, typer.Option(metavar="NUMBER", help="Data processing context, 1 to 4")] = None,
    ei: Annotated[float | None, typer.Option(metavar="NUMBER", help="Ease of identification, 0.25 to 1")] = None,
    confidentiality: Annotated[float, typer.Option(metavar="NUMBER", help="Loss of confidentiality, 0 to 0.5")] = 0,
    integrity: Annotated[float, typer.Option(metavar="NUMBER", help="Loss of integrity, 0 to 0.5")] = 0,
    availability: Annotated[float, typer.Option(metavar="NUMBER", help="Loss of availability, 0 to 0.5")] = 0,
    malicious: Annotated[bool, typer.Option("--malicious", help="Malicious intent (0.5)")] = False,
    json: Json = False,
) -> None:
    """Score a breach by ENISA's method.

    From factors that are given, or from a facts document. It is advice: a person decides.
    """
    if facts is not None:
        _derived_severity(facts, as_json=json)
        return
    if dpc is None or ei is None:
        raise Invalid("Give `--dpc` and `--ei`, or a facts document; see `tocsin severity --help`.")
    from tocsin import severity as method

    named = {
        "dpc": dpc,
        "ei": ei,
        "confidentiality": confidentiality,
        "integrity": integrity,
        "availability": availability,
    }
    scored = method.score(method.factors(**named, malicious=0.5 if malicious else 0.0))
    if json:
        show.as_json(scored.document())
    else:
        typer.echo(f"{scored.score} ({scored.level})")


def _derived_severity(path: str, *, as_json: bool) -> None:
    from tocsin import advice

    advised = advice.advise(reading.facts(path))
    if as_json:
        show.as_json(
            {
                **(advised.severity.derivation() if advised.severity else {"score": None, "level": None}),
                "risk": advised.risk,
            }
        )
        return
    if advised.severity is None:
        typer.echo("undetermined")
    else:
        typer.echo(f"{advised.severity.score} ({advised.severity.level}); advice: the risk to people is {advised.risk}")
    for step in advised.because:
        typer.echo(f"  {step}")
