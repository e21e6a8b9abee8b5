"""Deployments and schedules as code: `python -m flows.deployments` serves respond, send, watch and report."""

import asyncio
import contextlib
from datetime import timedelta

from prefect import aserve
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Interval
from prefect.types.entrypoint import EntrypointType
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

from flows import wiring
from flows.drilling import drill
from flows.report import report
from flows.respond import respond
from flows.send import send
from flows.watch import watch

FIRST_LOOK_SECONDS = 10  # after a start the watch looks soon, not only when a minute has gone
_ONE_SENDER = "One sender of one incident; any number may run at once."
_ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)


def run() -> None:
    """Serve the flows until stopped. The limit on `watch` is economy; correctness rests on the database."""
    asyncio.run(_run())


async def _run() -> None:
    senders = wiring.assemble().settings.senders
    sending: tuple[RunnerDeployment, ...] = ()
    if senders.work_pool is None:
        sending = (await send.ato_deployment("send", description=_ONE_SENDER),)
    else:
        await deploy(senders.work_pool)
    await aserve(
        *sending,
        await respond.ato_deployment(
            "respond", description="The emergency plan of one incident, as far as it can go now."
        ),
        await report.ato_deployment("report", description="One regulator's report of one incident."),
        await drill.ato_deployment("drill", description="A drill of one plan; give it a schedule of its own."),
        await watch.ato_deployment(
            "watch",
            description="What is due and not yet done, every minute.",
            schedule=Interval(timedelta(minutes=1), anchor_date=wiring.now().add(seconds=FIRST_LOOK_SECONDS)),
            concurrency_limit=_ONE_AT_A_TIME,
        ),
        pause_on_shutdown=False,
    )


async def deploy(work_pool: str, *, entrypoint: str = "flows.send.send") -> None:
    """Let the workers of a pool take senders; the pool is made, of the type `process`, where there is none.

    `entrypoint` is what a worker imports and runs; a path instead of a module would load a second copy of it.
    """
    kind = "process"
    async with get_client() as client:
        with contextlib.suppress(ObjectAlreadyExists):
            template = await get_default_base_job_template_for_infrastructure_type(kind)
            await client.create_work_pool(WorkPoolCreate(name=work_pool, type=kind, base_job_template=template or {}))
    deployment = await send.ato_deployment(
        "send",
        description=_ONE_SENDER,
        work_pool_name=work_pool,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    deployment.entrypoint = entrypoint
    await deployment.aapply()


if __name__ == "__main__":
    run()
