"""Deployments and schedules as code: `python -m flows.deployments` serves respond, watch and report."""

import asyncio
from datetime import timedelta

from prefect import aserve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.schedules import Interval

from flows import wiring
from flows.report import report
from flows.respond import respond
from flows.watch import watch

FIRST_LOOK_SECONDS = 10  # after a start the watch looks soon, not only when a minute has gone
_ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)


def run() -> None:
    """Serve the flows until stopped. The limit on `watch` is economy; correctness rests on the database."""
    asyncio.run(_run())


async def _run() -> None:
    await aserve(
        await respond.ato_deployment(
            "respond", description="The emergency plan of one incident, as far as it can go now."
        ),
        await report.ato_deployment("report", description="One regulator's report of one incident."),
        await watch.ato_deployment(
            "watch",
            description="What is due and not yet done, every minute.",
            schedule=Interval(timedelta(minutes=1), anchor_date=wiring.now().add(seconds=FIRST_LOOK_SECONDS)),
            concurrency_limit=_ONE_AT_A_TIME,
        ),
        pause_on_shutdown=False,
    )


if __name__ == "__main__":
    run()
