"""`tocsin drill`: hold a drill of a plan, look at those that were held, and replay an incident under today's law."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import choosing, show
from console.options import Commands, IncidentId, Json, examples
from tocsin.errors import Invalid

if TYPE_CHECKING:
    from pendulum import DateTime

_SPEED = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)[xX]?")
Name = Annotated[str, typer.Argument(metavar="DRILL", help="Its name, the start of it, or `last`")]


class Drills(Commands):
    """The commands of `drill`; whatever is none of them is the plan to be drilled."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read `tocsin drill PLAN` as `tocsin drill hold PLAN`."""
        if args and args[0] not in {*self.list_commands(ctx), "--help"}:
            args = ["hold", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    said = (
        "Hold a drill: the real steps on a simulated clock, with made-up people and providers that reach nobody.\n\n"
        "`tocsin drill hold` holds one, also without the word `hold`; the others look at what came of it."
    )
    group = typer.Typer(cls=Drills, no_args_is_help=True, rich_markup_mode=None, help=said)
    group.command(
        "hold",
        epilog=examples("tocsin drill hold kaiconn", "tocsin drill hold conex-easykey --scenario nasty --speed 10000x"),
    )(hold)
    group.command("list", epilog=examples("tocsin drill list"))(held)
    group.command("show", epilog=examples("tocsin drill show last"))(shown)
    group.command("compare", epilog=examples("tocsin drill compare 20261122 last"))(compare)
    group.command("replay", epilog=examples("tocsin drill replay -"))(replay)
    app.add_typer(group, name="drill")


def hold(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The plan; `tocsin plan list` names them")],
    *,
    scenario: Annotated[
        str | None, typer.Option("--scenario", metavar="FILE", help="A scenario file, or the name of one that ships")
    ] = None,
    speed: Annotated[
        str | None,
        typer.Option("--speed", metavar="10000x", help="Play for an audience, so many times as fast as life"),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="An empty database for it; by default a fresh SQLite"),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the drill's own home there, to look into")
    ] = None,
    json: Json = False,
) -> None:
    """Hold a drill of a plan, and file its after-action report.

    Exit code 1 says that an expectation of the scenario was not met.
    """
    from flows import plans, wiring
    from flows.drill import filing, running, scripts

    chosen = plans.get(plan)
    found, source = scripts.find(scenario or scripts.for_plan(plan) or _no_scenario(plan))
    pace = running.Pace(speed=_speed(speed)) if speed is not None else None
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise Invalid(f"{keep} is not empty: a drill wants a new folder of its own.")
    report = running.run(
        found,
        chosen,
        source=source,
        folder=keep.absolute() if keep else None,
        database=database,
        tell=_teller(found.starts.timezone_name or "UTC") if pace and not json else lambda _at, _kind, _said: None,
        pace=pace,
    )
    path = filing.keep(wiring.home(), report, at=wiring.now())
    if json:
        show.as_json(report)
    else:
        _summary(report, path.with_suffix(".md"))
    if any(not one["met"] for one in report["expectations"]):
        raise typer.Exit(1)


def _no_scenario(plan: str) -> str:
    from flows.drill import scripts

    raise Invalid(f"No scenario ships for plan {plan}: give one with --scenario ({', '.join(scripts.names())}).")


def _speed(written: str) -> float:
    match = _SPEED.fullmatch(written.strip())
    if match is None or float(match[1]) <= 0:
        raise Invalid(f"--speed {written[:30]!r} is no speed: write how many times as fast as life, such as 10000x.")
    return float(match[1])


def _teller(zone: str) -> Any:
    def tell(at: "DateTime", kind: str, said: str) -> None:
        typer.echo(f"{at.in_timezone(zone).format('ddd D MMM YYYY HH:mm')}  {kind:<10} {said}")

    return tell


def _summary(report: dict[str, Any], path: Path) -> None:
    score = report["score"]
    percent = "nothing to score" if score["percent"] is None else f"{score['percent']} %"
    typer.echo(
        f"Drill {report['drill']['scenario']} of plan {report['drill']['plan']}, {report['drill']['lasts']}: {percent} "
        f"({score['duties_in_time']} duties in time, {score['duties_late'] + score['duties_late_and_open']} late, "
        f"{score['duties_unsettled']} unsettled; {score['expectations_met']} of {score['expectations']} expectations "
        "met)."
    )
    for one in report["expectations"]:
        if not one["met"]:
            typer.echo(f"Not met: {one['expected']} ({one['found']}).")
    for row in report["bottlenecks"][:3]:
        typer.echo(f"Work lay for {row['waited']} in all: {row['because']} ({row['times']} times).")
    typer.echo(f"The report is {path}.")


def held(*, json: Json = False) -> None:
    """List the drills that were held, and which plans are due for one."""
    from flows import wiring
    from flows.drill import filing
    from flows.steps import drilling

    home = wiring.home()
    rows = [
        {"drill": one.name, "held": one.held_at.isoformat(), "plan": one.plan, "score": one.percent}
        for one in filing.listed(home)
    ]
    due = drilling.standings(home, now=wiring.now(), used=_used(home))
    if json:
        show.as_json({"drills": rows, "due": [one.row() for one in due]})
        return
    show.table("Drills", rows, empty="none was held here")
    for one in due:
        typer.echo(one.sentence)


def _used(home: Path) -> dict[str, Any]:
    """Since when each plan is in use here, where there is an installation."""
    from flows import wiring
    from flows.steps import drilling

    return drilling.in_use(wiring.assemble(home)) if (home / wiring.SETTINGS).exists() else {}


def shown(name: Name, *, json: Json = False) -> None:
    """Show the report of a drill."""
    from documents import drills
    from flows import wiring
    from flows.drill import filing

    report = filing.read(filing.find(wiring.home(), name).path)
    if json:
        show.as_json(report)
    else:
        typer.echo(drills.as_markdown(report), nl=False)


def compare(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="The earlier drill")],
    now: Name = "last",
    *,
    json: Json = False,
) -> None:
    """Say what differs between two drills."""
    from documents import drills
    from flows import wiring
    from flows.drill import filing

    first, second = filing.find(wiring.home(), before), filing.find(wiring.home(), now)
    found = drills.compare(filing.read(first.path), filing.read(second.path), name=first.name)
    if json:
        show.as_json(found)
        return
    if not found["same_scenario"]:
        typer.echo(f"They are of different scenarios ({first.scenario}, {second.scenario}).")
    if not found["same_plan_text"]:
        typer.echo("The plan was changed in between.")
    typer.echo(f"Score: {_percent(found['score'][0])} before, {_percent(found['score'][1])} now.")
    show.table("Duties that went otherwise", found["duties"], empty="none")


def _percent(score: int | None) -> str:
    return "none" if score is None else f"{score} %"


def replay(incident: IncidentId, *, json: Json = False) -> None:
    """Assess a past incident anew, under today's law and plan, and say what would differ; nothing is changed."""
    from flows import wiring
    from flows.drill import replaying

    house = wiring.assemble()
    found = replaying.replay(house, choosing.incident(house, incident))
    if json:
        show.as_json(found.document())
        return
    if found.plan_changed:
        typer.echo(f"Plan {found.plan} has been changed since the incident was declared.")
    for step in found.steps:
        typer.echo(f"Facts {step.version} of {step.at.isoformat()}: {step.duties} duties, {len(step.changes)} changes.")
    show.table("What would differ from what is on record", found.differs, empty="nothing")
