"""The flow `send`: one sender. Run as many as one likes, on any machine that reaches the database.

Where the settings name a work pool or a Dask cluster, `respond` has its notice sent there, by `elsewhere`. Correctness
rests on the claims in the database alone: too many senders find nothing to do, and where nobody takes the work this
process does it.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
from pendulum import DateTime
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas import filters
from prefect.client.schemas.objects import StateType
from prefect.deployments import arun_deployment
from prefect.exceptions import PrefectException

from db import attempts
from flows import sender, wiring
from flows.settings import Senders
from flows.steps import leasing, senders
from flows.steps.errands import Errand
from flows.steps.senders import Counts, Crew
from flows.steps.sending import Sent

DEPLOYMENT = "send/send"
UNTAKEN_SECONDS = 60  # a run that no worker took for so long counts as one that none will take


@flow(name="send", flow_run_name="send {incident}", persist_result=False)
async def send(incident: str) -> Counts:
    """Send until it is nobody's turn; returns counts. Nothing is sent that may not go out."""
    return await asyncio.to_thread(_sent, incident)


@task(task_run_name="sender {number}", persist_result=False)
def one_of_many(incident: str, number: int) -> Counts:  # noqa: ARG001 - it names the run
    """One sender on a cluster."""
    return _sent(incident)


@flow(name="send-on-cluster", flow_run_name="send {incident} on a cluster", persist_result=False)
def on_cluster(incident: str, tasks: int) -> list[Counts | None]:
    """Senders as tasks of the runner that this flow is given; what each counted, None for one that failed."""
    futures = [one_of_many.submit(incident, number) for number in range(tasks)]
    for future in futures:
        future.wait()
    return [future.result() if future.state.is_completed() else None for future in futures]


def _sent(incident: str) -> Counts:
    with wiring.opened() as house:
        return sender.work(house, incident)


def elsewhere(errand: Errand, *, progress: Callable[[int], None] = lambda _: None) -> Crew:
    """Have the errand done where the settings say; call it outside any event loop.

    A work pool is only asked: its runs go on by themselves. Where asking fails this process sends.
    """
    wanted = errand.house.settings.senders
    if wanted.dask is not None:
        return _on_dask(errand, wanted, progress=progress)
    if wanted.work_pool is None:
        return senders.here(errand, progress=progress)
    try:
        asked = asyncio.run(_ask(errand, wanted))
    except (PrefectException, httpx.HTTPError) as error:
        asked = f"work pool {wanted.work_pool} could not be asked for senders ({type(error).__name__})"
    if isinstance(asked, int):
        return Crew(sent=Sent(), notes=(f"{asked} senders asked of work pool {wanted.work_pool}",) if asked else ())
    done = senders.here(errand, progress=progress)
    return Crew(sent=done.sent, notes=(f"{asked}; this process sent meanwhile", *done.notes))


async def _ask(errand: Errand, wanted: Senders) -> int | str:
    """Ask for the senders that are missing; how many, or why this process had better send itself.

    Two that ask in one minute ask for the same runs.
    """
    assert wanted.runs is not None
    now, incident = errand.house.now(), errand.incident
    at_work = await asyncio.to_thread(_at_work, errand, now)
    waiting, untaken = await _waiting(incident)
    if untaken and not at_work:
        return f"no worker of work pool {wanted.work_pool} takes the senders (`prefect worker start`)"
    missing = max(0, wanted.runs - at_work - waiting)
    for number in range(missing):
        await arun_deployment(
            DEPLOYMENT,
            parameters={"incident": incident},
            timeout=0,
            as_subflow=False,
            tags=[incident],
            idempotency_key=f"{incident}:{now.format('YYYY-MM-DDTHH:mm')}:{number}",
        )
    return missing


def _at_work(errand: Errand, now: DateTime) -> int:
    """How many processes hold claims of this incident that have not run out, by the database."""
    with errand.house.database.reading() as session:
        owners = attempts.claim_owners(session, errand.incident)
    return len({leasing.process_of(owner) for owner, until in owners if until > now})


async def _waiting(incident: str) -> tuple[int, int]:
    """How many runs no worker has taken yet, and how many of them for too long."""
    async with get_client() as client:
        runs = await client.read_flow_runs(
            flow_filter=filters.FlowFilter(name=filters.FlowFilterName(any_=["send"])),
            flow_run_filter=filters.FlowRunFilter(
                tags=filters.FlowRunFilterTags(all_=[incident]),
                state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            ),
        )
    since = wiring.now().subtract(seconds=UNTAKEN_SECONDS)
    return len(runs), sum(run.expected_start_time is not None and run.expected_start_time < since for run in runs)


def _on_dask(errand: Errand, wanted: Senders, *, progress: Callable[[int], None]) -> Crew:
    """Senders as tasks on the cluster, until it is nobody's turn; where the cluster is away this process sends."""
    from prefect_dask.task_runners import DaskTaskRunner

    assert wanted.tasks is not None
    runner: Any = DaskTaskRunner(address=wanted.dask, client_kwargs={"timeout": 20})
    run = partial(on_cluster.with_options(task_runner=runner), errand.incident, wanted.tasks)
    try:
        counted = run()
    except (OSError, PrefectException) as error:
        note = f"the Dask cluster {wanted.dask} could not be used ({type(error).__name__}); this process sent"
        done = senders.here(errand, progress=progress)
        return Crew(sent=done.sent, notes=(note, *done.notes))
    failed = sum(one is None for one in counted)
    said = [one for one in counted if one is not None]
    notes: tuple[str, ...] = ()
    if failed:
        notes = (f"{failed} of {wanted.tasks} senders failed; this process sent the rest",)
        said.append(senders.counts(senders.here(errand, progress=progress).sent))
    sent = Sent()
    for one in said:
        senders.add(sent, one)
    return Crew(sent=sent, notes=notes)
