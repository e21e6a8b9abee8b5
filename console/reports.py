"""`tocsin report`: the regulators' forms, filled from the facts."""

from typing import Annotated

import typer

from console import choosing, show
from console.options import By, IncidentId, Json, examples, group

report_app = group("The regulators' reports, from draft to the filing.")
Form = Annotated[str, typer.Argument(metavar="FORM", help="A form; `tocsin report list` names them")]
Stage = Annotated[str | None, typer.Option("--stage", metavar="STAGE", help="The form's first stage by default")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(report_app, name="report")


@report_app.command("list", epilog=examples("tocsin report list -"))
def list_(incident: IncidentId, *, json: Json = False) -> None:
    """List the forms that are owed, and how far each is."""
    from db import reports as store
    from flows import wiring
    from flows.steps import reporting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with house.database.reading() as session:
        owed = reporting.owed_forms(house, session, found)
        rows = []
        for form in owed:
            for stage in form.stages:
                row = store.latest(session, found, form.id, stage)
                rows.append(
                    {
                        "form": form.id,
                        "stage": stage,
                        "version": row.version if row else None,
                        "missing": len(row.missing) if row else None,
                        "handed_in": row.filed_at.isoformat() if row and row.filed_at else None,
                        "reference": row.reference if row else None,
                    }
                )
    if json:
        show.as_json(rows)
    else:
        show.table("Reports", rows, empty="no duty asks for one")


@report_app.command(epilog=examples("tocsin report draft -", "tocsin report draft - eu-gdpr-33"))
def draft(
    incident: IncidentId,
    form: Annotated[
        str | None, typer.Argument(metavar="FORM", help="One form; by default every one that is owed")
    ] = None,
    stage: Stage = None,
    by: By = None,
) -> None:
    """Fill the forms from the facts as they stand, as PDF and JSON.

    A version that was handed in is never changed.
    """
    from flows import wiring
    from flows.steps import reporting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    lines = []
    with house.database.transaction() as session:
        wanted = [form] if form else [owed.id for owed in reporting.owed_forms(house, session, found)]
        for identifier in wanted:
            row, new = reporting.draft(
                house, session, found, identifier, by=wiring.acting(by), now=house.now(), stage=stage
            )
            version = f"version {row.version}{'' if new else ' (unchanged)'}"
            lines.append(f"{identifier} {row.stage}: {version}, {len(row.missing)} fields missing")
    lines += [f"  {reporting.write(house, found, identifier, stage=stage)}" for identifier in wanted]
    typer.echo("\n".join(lines) or "No duty asks for a report.")


@report_app.command(epilog=examples("tocsin report missing - eu-gdpr-33"))
def missing(incident: IncidentId, form: Form, stage: Stage = None, *, json: Json = False) -> None:
    """List what is still missing in a report, and what to find out.

    Exit code 1 while something is missing.
    """
    from flows import wiring
    from flows.steps import reporting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    row = reporting.latest(house, found, form, stage=stage)
    if json:
        show.as_json(row.missing)
    else:
        show.table(f"Missing in {form} ({row.stage}, version {row.version})", row.missing, empty="nothing")
    if row.missing:
        raise typer.Exit(1)


@report_app.command("show", epilog=examples("tocsin report show - eu-gdpr-33"))
def show_(incident: IncidentId, form: Form, stage: Stage = None) -> None:
    """Print the latest version of a report as JSON."""
    from flows import wiring
    from flows.steps import reporting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    show.as_json(reporting.latest(house, found, form, stage=stage).document)


@report_app.command(
    "file", epilog=examples("tocsin report file - eu-gdpr-33 --reference LfD-2026-117 --at 2026-11-23T10:00+01:00")
)
def file_(
    incident: IncidentId,
    form: Form,
    reference: Annotated[str, typer.Option("--reference", metavar="NUMBER", help="The number that the authority gave")],
    at: Annotated[str | None, typer.Option("--at", metavar="INSTANT", help="When, with offset; now by default")] = None,
    stage: Stage = None,
    by: By = None,
) -> None:
    """Record that a person handed a report in to the authority.

    It concerns the latest version; the next stage's clock starts from it.
    """
    from flows import wiring
    from flows.steps import reporting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    now = house.now()
    instant = reporting.instant(at) if at else now
    reporting.filed(house, found, form, stage=stage, reference=reference, by=wiring.acting(by), at=instant, now=now)
    typer.echo(f"Recorded: {form} handed in at {instant.isoformat()}, reference {reference}.")
