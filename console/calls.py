"""`tocsin calls`: people who are told by telephone, from a list that a call centre works off."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console import choosing, show
from console.options import By, IncidentId, Json, examples, group
from tocsin.errors import Invalid

if TYPE_CHECKING:
    from pendulum import DateTime

SHOWN = 50  # people on the screen
calls_app = group("People to be called, and what came of the calls.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(calls_app, name="calls")


@calls_app.command("list", epilog=examples("tocsin calls list -", 'tocsin calls list - --owner "Call centre Lyon"'))
def list_(
    incident: IncidentId,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only those whom NAME calls")] = None,
    *,
    json: Json = False,
) -> None:
    """Show how the calls stand and whom is still to be called, without names and numbers."""
    from flows import wiring
    from flows.steps import call_sheets

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    counts, tasks = call_sheets.listed(house, found, owner=owner, most=None if json else SHOWN + 1)
    if json:
        show.as_json({"counts": counts, "to_call": tasks})
        return
    show.table("Calls", counts, empty="nobody is to be called")
    if tasks:
        show.table("To call", tasks[:SHOWN], empty="")
    if len(tasks) > SHOWN:
        typer.echo(f"Only the first {SHOWN} are shown: --json shows all.")


@calls_app.command(
    "export",
    epilog=examples("tocsin calls export - sheet.csv", 'tocsin calls export - lyon.csv --owner "Lyon" --most 200'),
)
def export_(
    incident: IncidentId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV that only you will be able to read")],
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME", help="Who calls these people; by default whoever exports")
    ] = None,
    taken_from: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="Take those as well that NAME was to call")
    ] = None,
    of_list: Annotated[
        str | None, typer.Option("--list", metavar="PROVIDER", help="Which list, where the settings have several")
    ] = None,
    most: Annotated[int | None, typer.Option("--most", metavar="N", min=1, help="At most so many people")] = None,
    by: By = None,
) -> None:
    """Write a sheet for callers: names, numbers and what to say, in clear; how many, and by whom, is logged."""
    from flows import wiring
    from flows.steps import call_sheets

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    done = call_sheets.export(
        house, found, file, by=wiring.acting(by), owner=owner, taken_from=taken_from, of_list=of_list, most=most
    )
    typer.echo(f"{done} people to call in {file}.")


@calls_app.command(
    "record",
    epilog=examples(
        "tocsin calls record - 5f0c9a1b2c reached",
        "tocsin calls record - 5f0c9a1b2c call-back --again 2026-11-23T18:00:00+08:00",
    ),
)
def record_(
    incident: IncidentId,
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task, or the start of it: the notice's reference")],
    result: Annotated[
        str,
        typer.Argument(
            metavar="RESULT",
            help="reached, left-message, no-answer, wrong-number, declined, do-not-call or call-back",
        ),
    ],
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When the call was, with offset; by default now")
    ] = None,
    again: Annotated[
        str | None, typer.Option("--again", metavar="TIME", help="When to call again, with offset")
    ] = None,
    by: By = None,
) -> None:
    """Record what came of one call."""
    from flows import wiring
    from flows.steps import calling
    from tocsin.calls import Report, Result, result_of

    known = result_of(result)
    if known is None:
        raise Invalid(f"{result[:40]!r} is no result of a call: take one of {', '.join(Result)}.")
    house = wiring.assemble()
    now = house.now()
    again_at = None if again is None else _moment(again, "--again")
    report = Report(at=now if at is None else _moment(at, "--at"), result=known, call_again_at=again_at)
    found = choosing.incident(house, incident)
    done = calling.record(house, found, task, report, by=wiring.acting(by), now=now)
    typer.echo(f"{known}: {'recorded' if done.new else 'was on record already'}.")


@calls_app.command(
    "import",
    epilog=examples("tocsin calls import - sheet.csv", "tocsin calls import - sheet.csv --zone Europe/Paris"),
)
def import_(
    incident: IncidentId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The sheet that came back, as CSV")],
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="Of times without an offset; by default the plan's own"),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="Of the file, where it cannot be proven")
    ] = None,
    by: By = None,
    *,
    json: Json = False,
) -> None:
    """Take a sheet back in; rows that cannot be taken are named by line, and the exit code is then 1.

    The same sheet may come again: a call counts once.
    """
    from flows import wiring
    from flows.steps import call_sheets

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    read = call_sheets.read_back(house, found, file, by=wiring.acting(by), zone=zone, encoding=encoding)
    done = read.recorded
    if json:
        rejected = [{"line": one.line, "why": one.why} for one in read.bad]
        show.as_json({"new": done.new, "known": done.known, "blank": read.blank, "results": dict(done.results),
                      "rejected": rejected})  # fmt: skip
    else:
        said = ", ".join(f"{result} {number}" for result, number in done.results.items())
        typer.echo(f"{done.new} calls recorded{f' ({said})' if said else ''}, {done.known} known already, "
                   f"{read.blank} without a result, {len(read.bad)} rejected.")  # fmt: skip
        for one in read.bad:
            typer.echo(f"  line {one.line}: {one.why}")
    if read.bad:
        raise typer.Exit(1)


def _moment(text: str, option: str) -> "DateTime":
    from tocsin import moments

    try:
        return moments.parse(text)
    except ValueError as error:
        raise Invalid(f"{option} {error}.") from None
