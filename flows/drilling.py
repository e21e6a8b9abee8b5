"""The flow `drill`: a drill of a plan on a schedule of one's own, its report filed and shown as an artifact."""

import asyncio
from pathlib import Path

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact

from documents import drills
from flows import plans, wiring
from flows.drill import filing, running, scripts
from tocsin.errors import Invalid


@flow(name="drill", flow_run_name="drill {plan}", persist_result=False)
async def drill(plan: str, scenario: str | None = None) -> dict[str, int | None]:
    """Hold a drill; returns its score. `scenario` is a file or the name of one that ships."""
    path = await asyncio.to_thread(_held, plan, scenario)
    report = filing.read(path)
    await acreate_markdown_artifact(
        key=f"drill-{plan}", markdown=drills.as_markdown(report), description="After-action report"
    )
    return {"percent": report["score"]["percent"], "late": report["score"]["duties_late"]}


def _held(plan: str, scenario: str | None) -> Path:
    chosen, wanted = plans.get(plan), scenario or scripts.for_plan(plan)
    if wanted is None:
        raise Invalid(f"No scenario ships for plan {plan}: name one of {', '.join(scripts.names())}, or a file.")
    found, source = scripts.find(wanted)
    report = running.run(found, chosen, source=source)
    return filing.keep(wiring.home(), report, at=wiring.now())
