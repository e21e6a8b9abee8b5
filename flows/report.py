"""The flow `report`: one regulator's form of one incident, filled from the facts as they stand now."""

from prefect import flow
from prefect.artifacts import acreate_link_artifact

from flows import wiring
from flows.steps import reporting


@flow(name="report", flow_run_name="report {form} {incident}", persist_result=False)
async def report(incident: str, form: str, stage: str | None = None) -> str:
    """Draft and write the report; returns the path of its PDF."""
    with wiring.opened() as house:
        with house.database.transaction() as session:
            reporting.draft(house, session, incident, form, by="tocsin", now=house.now(), stage=stage)
        path = reporting.write(house, incident, form, stage=stage)
    await acreate_link_artifact(link=path.as_uri(), link_text=path.name, key=f"paper-{path.stem}".lower())
    return str(path)
