"""The flow `respond`: the emergency plan of one incident, phase by phase.

It reads like the plan. Every phase is a short, idempotent task over our own database; Prefect only drives it, so a run
that crashed is simply run again. Parameters and results hold ids and counts, never personal data.
"""

import asyncio

from prefect import flow, task
from prefect.artifacts import acreate_link_artifact, acreate_markdown_artifact, acreate_table_artifact
from prefect.events import emit_event

from flows import send, wiring
from flows.steps import pictures, responding
from flows.steps.progress import Progress


@task(task_run_name="{phase}", retries=2, retry_delay_seconds=[2, 10], persist_result=False)
async def phase(incident: str, phase: str) -> Progress:
    """One phase. Retried, because a database or a provider may be away for a moment and every phase is idempotent."""
    return await asyncio.to_thread(_run, incident, phase)


def _run(incident: str, phase: str) -> Progress:
    with wiring.opened() as house:
        return responding.run_phase(house, incident, phase, crew=send.elsewhere)


@flow(name="respond", flow_run_name="respond {incident}", persist_result=False)
async def respond(incident: str) -> list[str]:
    """Run the plan of this incident as far as it can go now; returns what it waits for."""
    with wiring.opened() as house:
        with responding.held(house, incident) as held:
            if not held:
                return ["another run of this incident"]
            progress = [
                await phase(incident, "contain"),
                await phase(incident, "assess"),
                await phase(incident, "notify"),
                await phase(incident, "announce"),
                await phase(incident, "report"),
                await phase(incident, "review"),
            ]
        await show(house, incident, progress)
    return [f"{step.phase}: {item}" for step in progress for item in step.waiting]


async def show(house: wiring.House, incident: str, progress: list[Progress]) -> None:
    """Leave what a person would look at: the deadline table, the delivery funnel, the papers, and an event."""
    key = incident.lower()
    await acreate_table_artifact(
        key=f"deadlines-{key}", table=pictures.deadlines(house, incident), description="Duties"
    )
    await acreate_table_artifact(key=f"funnel-{key}", table=pictures.funnel(house, incident), description="Delivery")
    await acreate_markdown_artifact(key=f"plan-{key}", markdown=pictures.plan(progress), description="The plan now")
    for paper in pictures.papers(house, incident):
        await acreate_link_artifact(link=paper.as_uri(), link_text=paper.name, key=f"paper-{paper.stem}".lower())
    waiting = sum(len(step.waiting) for step in progress)
    emit_event(
        event="tocsin.respond.ran",
        resource={"prefect.resource.id": f"tocsin.incident.{incident}"},
        payload={"waiting_for": waiting},
    )
