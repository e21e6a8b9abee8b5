"""`tocsin hold`: an authority asks to wait with telling people, and says later that it need not be waited any more."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console import choosing, reading, show
from console.options import By, IncidentId, Json, examples, group

if TYPE_CHECKING:
    from flows.steps.holding import Placed

hold_app = group("Legal holds: an authority asked to wait with telling people.")

Number = Annotated[int, typer.Argument(metavar="HOLD", help="Its number, as `tocsin hold list` shows it", min=1)]
Review = Annotated[
    str | None,
    typer.Option("--review", metavar="TIME", help="When somebody looks at it again; by default in 14 days"),
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="When it ends by its own words")]
Paper = Annotated[
    Path | None, typer.Option("--paper", metavar="FILE", help="The request itself: hashed and kept sealed")
]
Kind = Annotated[str, typer.Option("--kind", metavar="WORD", help="The kind of authority, as laws name it")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(hold_app, name="hold")


@hold_app.command(
    "place",
    epilog=examples(
        'tocsin hold place - --place US-MD --authority "Maryland State Police" --paper letter.pdf --as "Lin Wei"',
        'tocsin hold place - --everywhere --authority "Prosecutor, Berlin" --oral --until 2027-01-31T17:00:00+01:00',
    ),
)
def place(
    incident: IncidentId,
    authority: Annotated[str, typer.Option("--authority", metavar="NAME", help="Which authority asked")],
    places: Annotated[
        list[str] | None,
        typer.Option("--place", metavar="PLACE", help="For people of which place (ISO 3166); may be repeated"),
    ] = None,
    kind: Kind = "law-enforcement",
    began: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Since when, with offset; by default from now on")
    ] = None,
    until: Until = None,
    review: Review = None,
    paper: Paper = None,
    by: By = None,
    *,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="For everybody, wherever they live")] = False,
    written: Annotated[
        bool | None, typer.Option("--written/--oral", help="Whether it is in writing; with --paper it is")
    ] = None,
    json: Json = False,
) -> None:
    """Let people wait because an authority asks for it: from now on nothing is sent to them.

    Answers with what it does to each duty. A hold stays a duty only where the statute knows such holds: the clocks of
    the others run on, and are named.
    """
    from flows import wiring
    from flows.steps import holding
    from tocsin.errors import Invalid

    if bool(places) == everywhere:
        raise Invalid("Say for whom: --place PLACE, once or more, or --everywhere.")
    house = wiring.assemble()
    found = choosing.incident(house, incident)
    document = {"by": kind, "places": places, "from": began, "until": until, "written": written}
    asked = holding.request(
        {name: value for name, value in document.items() if value is not None and value != []},
        authority=authority,
        paper=paper,
        review_at=reading.moment(review, "--review"),
    )
    placed = holding.place(house, found, asked, by=wiring.acting(by), now=house.now())
    if json:
        show.as_json(_document(placed))
        return
    _say(placed)


@hold_app.command("lift", epilog=examples('tocsin hold lift - 1 --reason "Letter of 3 December" --as "Lin Wei"'))
def lift(
    incident: IncidentId,
    number: Number,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it ends; kept with the record")],
    by: By = None,
    *,
    json: Json = False,
) -> None:
    """End a hold: its people are told when their turn comes, and the statute's own time after a hold counts."""
    from flows import wiring
    from flows.steps import holding

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    lifted = holding.lift(house, found, number, by=wiring.acting(by), reason=reason, now=house.now())
    if json:
        show.as_json(_document(lifted))
        return
    typer.echo(f"Hold {number} is lifted; {lifted.people} people had to wait for it.")
    show.changes(lifted.changes)


@hold_app.command("review", epilog=examples("tocsin hold review - 1 --review 2027-01-04T09:00:00+01:00"))
def review(incident: IncidentId, number: Number, review: Review = None, until: Until = None, by: By = None) -> None:
    """Say that somebody asked, and the hold still stands; and when to ask again."""
    from flows import wiring
    from flows.steps import holding

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    row = holding.review(
        house,
        found,
        number,
        by=wiring.acting(by),
        review_at=reading.moment(review, "--review"),
        until=reading.moment(until, "--until"),
        now=house.now(),
    )
    assert row.review_at is not None
    typer.echo(f"Hold {number} stands; the next review is at {row.review_at.isoformat()}.")


@hold_app.command("list", epilog=examples("tocsin hold list -", "tocsin hold list - --json"))
def list_holds(incident: IncidentId, by: By = None, *, json: Json = False) -> None:
    """Show every hold: who asked, for whom, since when, and how many people wait."""
    from flows import wiring
    from flows.steps import holding

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    rows = holding.listed(house, found, by=wiring.acting(by), now=house.now())
    if json:
        show.as_json(rows)
        return
    shown = ("hold", "state", "by", "authority", "places", "paper", "from", "until", "review", "people")
    show.table("Legal holds", [{name: row[name] for name in shown} for row in rows], empty="none")


def _document(placed: "Placed") -> dict[str, object]:
    return {
        "hold": placed.number,
        "people": placed.people,
        "not_placed": placed.unplaced,
        "changes": [{"duty": one.duty, "kind": one.kind, "sentence": one.sentence} for one in placed.changes],
        "running": list(placed.running),
    }


def _say(placed: "Placed") -> None:
    typer.echo(f"Hold {placed.number} stands: {placed.people} people wait.")
    if placed.unplaced:
        typer.echo(
            f"{placed.unplaced} more may live there, but only their country is known, or nothing: they are not held. "
            "If the authority means them too, place a hold for the country, or everywhere."
        )
    show.changes(placed.changes)
    for duty in placed.running:
        typer.echo(f"  ! The clock of {duty} runs on: no hold that is known here stays it.")
