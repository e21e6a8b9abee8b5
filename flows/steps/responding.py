"""The way of an incident: contain, assess, notify, announce, report, review.

Each phase does what is ready, records it, and returns what it waits for. A run may be killed anywhere and begun again;
two at once do no harm.
"""

from collections.abc import Callable

from pendulum import DateTime

from db import incidents, ledger
from flows.steps import announcing, leasing, notifying, reporting, reviewing
from flows.steps.guarding import must_be_open
from flows.steps.progress import Progress
from flows.wiring import House
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


def run_phase(house: House, incident: str, phase: str) -> Progress:
    """Run one phase and remember the furthest one that has finished."""
    progress = PHASES[phase](house, incident)
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
