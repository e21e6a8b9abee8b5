"""`tocsin approve` and `tocsin refuse`: people who decide what may leave the company."""

from typing import Annotated

import typer

from console import choosing, costs
from console.options import By, IncidentId, examples

Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="notice, announcement, or report:FORM:STAGE")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        epilog=examples(
            'tocsin approve - notice --as "Zhao Min"',
            "tocsin approve - announcement",
            "tocsin approve - report:eu-gdpr-33:initial",
        )
    )(approve)
    app.command(epilog=examples('tocsin refuse - notice --reason "It promises what we cannot do"'))(refuse)


def approve(incident: IncidentId, subject: Subject, by: By = None) -> None:
    """Approve a text exactly as it stands now.

    Any later change of it needs a new approval, and so do other facts, people or providers of a notice. Where the plan
    wants four eyes, its author may not approve it.
    """
    from flows import wiring
    from flows.steps import approving

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    state = approving.approve(house, found, subject, by=wiring.acting(by), now=house.now())
    typer.echo(
        f"Approved {subject}: {len(state.given_by)} of {state.needed}."
        + ("" if state.granted else f" Still wanted: {state.missing}.")
    )
    if subject == "notice":
        costs.say_sms(house, found)


def refuse(
    incident: IncidentId,
    subject: Subject,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the record")],
    by: By = None,
) -> None:
    """Refuse a text as it stands, with a reason.

    Approvals given before are void, and only a changed text can be approved.
    """
    from flows import wiring
    from flows.steps import approving

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    approving.refuse(house, found, subject, by=wiring.acting(by), reason=reason, now=house.now())
    typer.echo(f"Refused {subject}. It must change before it can be approved.")
