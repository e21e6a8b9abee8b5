"""The flow `watch`: every minute, what is due and not yet done.

It drives `respond` for the incidents where something became ready. Losing a run costs a minute, nothing else.
"""

from prefect import flow
from prefect.deployments import run_deployment

from flows import wiring
from flows.steps import watching


@flow(name="watch", persist_result=False)
async def watch(*, drive: bool = True) -> dict[str, int]:
    """Look once over every open incident, and with `drive` run those where something became ready; returns counts."""
    with wiring.opened() as house:
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
    return {"warned": len(seen.warned), "overdue": len(seen.overdue), "ready": len(seen.ready)}
