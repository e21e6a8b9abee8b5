"""`tocsin roster`: the affected people of an incident."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from console import choosing, show
from console.options import By, IncidentId, Json, examples, group

roster_app = group("The affected people of an incident, in waves.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(roster_app, name="roster")


@roster_app.command(
    "import",
    epilog=examples(
        "tocsin roster import - people.csv", "tocsin roster import - people.csv --map email=Mail --region CN"
    ),
)
def import_(
    incident: IncidentId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV of any dialect, or Parquet")],
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Which column holds a field; may be repeated"),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="Of a CSV, where it cannot be proven")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", metavar="PLACE", help="Place of people whose row names none, such as CN")
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option("--rejected", metavar="PATH", help="Where rejected rows go; FILE.rejected.csv by default"),
    ] = None,
    by: By = None,
    *,
    json: Json = False,
) -> None:
    """Import people as a new wave: all of the file, or nothing.

    Rows that cannot be used go to a file of their own, with number and reason.
    """
    from flows import wiring
    from flows.steps import enrolling

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with _progress(quiet=json) as progress:
        done = enrolling.enrol(
            house, found, file, mapping=mapping or [], encoding=encoding, region=region, rejected=rejected,
            by=wiring.acting(by), now=house.now(), progress=progress,
        )  # fmt: skip
    if json:
        show.as_json(done.document())
        return
    typer.echo(
        f"Wave {done.wave}: {done.rows} rows, {done.people} new people, {done.merged} merged, {done.rejected} rejected."
    )
    if done.rejected:
        typer.echo(f"Rejected rows, with number and reason: {done.rejected_path}")


@roster_app.command("show", epilog=examples("tocsin roster show -"))
def show_(incident: IncidentId, *, json: Json = False) -> None:
    """Show waves and counts, without personal data."""
    from db import people, waves
    from flows import wiring

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with house.database.reading() as session:
        listed = [
            {"wave": row.number, "rows": row.rows, "people": row.people, "merged": row.merged, "rejected": row.rejected,
             "imported": row.imported_at.isoformat(), "by": row.by}
            for row in waves.listed(session, found)
        ]  # fmt: skip
        counts = people.counts(session, found)
    if json:
        show.as_json({"waves": listed, "by_place": dict(counts.by_place), "by_language": dict(counts.by_language)})
        return
    show.table("Waves", listed, empty=f"no roster yet: `tocsin roster import {found} FILE`")
    show.table(
        "By place", [{"place": place, "people": n} for place, n in sorted(counts.by_place.items())], empty="nobody"
    )


@contextmanager
def _progress(*, quiet: bool) -> "Iterator[Callable[[int], None]]":
    """A counter of rows while the block runs, where a person looks at stderr."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    screen = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.completed} rows"), TimeElapsedColumn()
    with Progress(*columns, console=screen, transient=True, disable=quiet or not screen.is_terminal) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda rows: bar.update(task, completed=rows)
