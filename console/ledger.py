"""`tocsin ledger`: the audit log, shown, verified, exported for strangers."""

import typer

from console import choosing, show
from console.options import By, IncidentId, Json, Out, examples, group

ledger_app = group("The audit log of an incident: append-only, chained, signed.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(ledger_app, name="ledger")


@ledger_app.command(epilog=examples("tocsin ledger verify -"))
def verify(incident: IncidentId) -> None:
    """Check every link and every signature.

    Exit code 4 names the first event that does not match.
    """
    from db import ledger
    from flows import wiring

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with house.database.reading() as session:
        verified = ledger.verify(session, found)
    typer.echo(f"Ledger of {found} verifies: {verified.count} events, {verified.checkpoints} signed checkpoints.")


@ledger_app.command(epilog=examples("tocsin ledger export - --out ledger.jsonl"))
def export(incident: IncidentId, out: Out = None, by: By = None) -> None:
    """Write the ledger for a stranger to verify.

    JSON Lines with the public key and a signed head; docs/ledger.md tells how to verify them without Tocsin.
    """
    import io

    from flows import wiring
    from flows.steps import exporting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    if out is not None:
        count = exporting.to_file(house, found, out, by=wiring.acting(by))
        typer.echo(f"{count} events in {out}.")
        return
    text = io.StringIO()
    exporting.write(house, found, text, by=wiring.acting(by))
    typer.echo(text.getvalue(), nl=False)


@ledger_app.command("show", epilog=examples("tocsin ledger show -", "tocsin ledger show - --json"))
def show_(incident: IncidentId, *, json: Json = False) -> None:
    """Print the events in order."""
    from db import ledger
    from flows import wiring

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with house.database.reading() as session:
        events = ledger.listed(session, found)
    if json:
        show.as_json(
            [
                {"seq": e.seq, "at": e.at, "type": e.type, "actor": e.actor, "data": e.data, "hash": e.hash}
                for e in events
            ]
        )
        return
    rows = [
        {
            "seq": e.seq,
            "at": e.at,
            "what": str(e.type),
            "by": e.actor,
            "details": " ".join(f"{k}={v}" for k, v in e.data.items()),
        }
        for e in events
    ]
    show.table("Ledger", rows, empty="no events")
