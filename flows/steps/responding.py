"""The way of an incident: contain, assess, notify, announce, report, review.

Each phase does what is ready, records it, and returns what it waits for. A run may be killed anywhere and begun again;
two at once do no harm.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial

from pendulum import DateTime

from db import incidents, ledger
from flows.steps import announcing, leasing, notifying, reporting, reviewing, senders
from flows.steps.guarding import must_be_open
from flows.steps.progress import Progress
from flows.wiring import House
from tocsin.errors import Misconfigured
from tocsin.ledger import EventType

Phase = Callable[[House, str], Progress]

PHASES: dict[str, Phase] = {
    "contain": reviewing.contain,
    "assess": reviewing.assess,
    "notify": notifying.run,
    "announce": announcing.run,
    "report": reporting.run,
    "review": reviewing.run,
}

LEASE_MINUTES = 5
RENEW_SECONDS = 60.0


def run_phase(house: House, incident: str, phase: str, *, crew: senders.Sending = senders.here) -> Progress:
    """Run one phase and remember the furthest one that has finished; `crew` is who sends the notice."""
    act = partial(notifying.run, crew=crew) if phase == notifying.PHASE else PHASES[phase]
    progress = act(house, incident)
    _mark(house, incident, progress, now=house.now())
    return progress


def respond(house: House, incident: str) -> list[Progress]:
    """Run every phase once, without Prefect."""
    with house.database.reading() as session:
        must_be_open(session, incident)
    return [run_phase(house, incident, phase) for phase in PHASES]


def _mark(house: House, incident: str, progress: Progress, *, now: DateTime) -> None:
    with house.database.transaction() as session:
        word = EventType.PHASE_FINISHED if progress.finished else EventType.PHASE_ENTERED
        if incidents.mark_phase(session, incident, progress.phase, finished=progress.finished):
            ledger.append(session, incident, word, actor="tocsin", data={"phase": progress.phase}, at=now)


@contextlib.contextmanager
def held(house: House, incident: str) -> Iterator[bool]:
    """Hold the incident for the block, however long it takes; False where another live process has it."""
    owner = take(house, incident)
    if owner is None:
        yield False
        return
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(house, incident, owner, over), name="lease", daemon=True)
    keeper.start()
    try:
        yield True
    finally:
        over.set()
        keeper.join()
        give_back(house, incident, owner)


def _keep(house: House, incident: str, owner: str, over: threading.Event) -> None:
    """Prolong the lease until the block is over: otherwise the watch would begin a run beside a long one."""
    while not over.wait(RENEW_SECONDS):
        with contextlib.suppress(Misconfigured), house.database.transaction() as session:  # an outage ends the phases
            now = house.now()
            until = now.add(minutes=LEASE_MINUTES)
            incidents.lease(session, incident, owner=owner, until=until, now=now)


def take(house: House, incident: str) -> str | None:
    """Take the incident for one run, to save double work; None when another live process has it.

    Raises NotFound or NotAllowed where there is no such open incident.
    """
    owner = leasing.new_owner()
    now = house.now()
    with house.database.transaction() as session:
        record = must_be_open(session, incident)
        if record.lease_owner and leasing.surely_dead(record.lease_owner):
            incidents.release(session, incident, record.lease_owner)
        taken = incidents.lease(session, incident, owner=owner, until=now.add(minutes=LEASE_MINUTES), now=now)
    return owner if taken else None


def give_back(house: House, incident: str, owner: str) -> None:
    """Let the next run take the incident at once."""
    with house.database.transaction() as session:
        incidents.release(session, incident, owner)
