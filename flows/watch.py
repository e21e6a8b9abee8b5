"""The flow `watch`: every minute, what is due and not yet done.

It drives `respond` for the incidents where something became ready. Losing a run costs a minute, nothing else.
"""

from prefect import flow
from prefect.deployments import run_deployment

from flows import wiring
from flows.steps import pinging, watching


@flow(name="watch", persist_result=False)
async def watch(*, drive: bool = True) -> dict[str, int]:
    """Look once over every open incident, and with `drive` run those where something became ready; returns counts."""
    with wiring.opened() as house, pinging.around(house):
        seen = watching.run(house)
    for incident in seen.ready if drive else ():
        await run_deployment(  # type: ignore[misc]  # overloaded as sync and async
            "respond/respond",
            parameters={"incident": incident},
            timeout=0,
            as_subflow=False,
            # Two watches in one minute ask for one run.
            idempotency_key=f"{incident}:{seen.at.format('YYYY-MM-DDTHH:mm')}",
        )
    seen_and_done = {"warned": seen.warned, "overdue": seen.overdue, "ready": seen.ready, "troubles": seen.troubles}
    return {
        **{name: len(found) for name, found in seen_and_done.items()},
        "delivered": seen.delivered,
        "undelivered": seen.undelivered,
    }
