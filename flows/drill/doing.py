"""What the cast does, through the same steps as people in an incident: nothing is written past them."""

from collections.abc import Callable
from functools import partial

from pendulum import DateTime

from db import alarms as outbox
from db import tasks as task_store
from flows.drill.house import DrillHouse
from flows.drill.words import words
from flows.drill.work import Job
from flows.steps import answering, approving, assessing, containing, drafting, reporting, subjects
from tocsin.errors import Invalid, NotAllowed, NotFound

MOOT = "it was settled, or had changed, meanwhile"


def act(house: DrillHouse, incident: str, who: str, job: Job) -> str | None:
    """Do a job as one of the cast; returns why not, where it could not be done."""
    by, now = house.scenario.cast[who].name, house.now()
    try:
        return _ACTS[job.kind](house, incident, job, by, now)
    except (NotAllowed, NotFound, Invalid) as refused:
        return str(refused)


def _task(house: DrillHouse, incident: str, job: Job, by: str, now: DateTime) -> None:
    with house.database.transaction() as session:
        containing.finish_task(session, incident, job.of, by=by, evidence="done in a drill", now=now)


def _write(house: DrillHouse, incident: str, job: Job, by: str, now: DateTime) -> None:
    if job.of.startswith("report:"):
        _, form, stage = job.of.split(":")
        with house.database.transaction() as session:
            reporting.draft(house, session, incident, form, by=by, now=now, stage=stage)
        return
    kind = job.of.partition(" ")[0]
    if kind == "notice":
        drafting.draft_notice(house, incident, by=by, now=now)
    folder = house.folder / "texts" / kind
    for path in drafting.write_files(house, incident, folder, kind=kind):
        drafting.fill_gaps(path, words(path.stem))
    drafting.put_files(house, incident, sorted(folder.glob("*.yaml")), by=by, now=now, kind=kind)


def _approve(house: DrillHouse, incident: str, job: Job, by: str, now: DateTime) -> str | None:
    name, _, seen = job.of.partition(" ")
    with house.database.reading() as session:
        subject = subjects.find(house, session, incident, name)
        if not subject.hash.startswith(seen) or approving.standing(house, session, incident, subject).granted:
            return MOOT
    approving.approve(house, incident, name, by=by, now=now, expected=subject.hash)
    return None


def _file(house: DrillHouse, incident: str, job: Job, by: str, now: DateTime) -> None:
    form, stage = job.of.split(" ")
    reporting.filed(house, incident, form, stage=stage, reference=f"DRILL-{stage}", by=by, at=now, now=now)


def _duty(house: DrillHouse, incident: str, job: Job, by: str, now: DateTime) -> None:
    assessing.finish(house, incident, job.of, by=by, evidence="done in a drill", now=now)


def _answer(house: DrillHouse, incident: str, job: Job, by: str, now: DateTime) -> None:
    with house.database.reading() as session:
        told = {one.key: one for one in outbox.listed(session)}
    message = told[job.of]
    inside = sorted({one.subject for one in told.values() if one.within == message.subject})
    for subject in inside or [message.subject]:
        answering.acknowledge(house, incident, subject, by=by, now=now)


_ACTS: dict[str, Callable[[DrillHouse, str, Job, str, DateTime], str | None]] = {
    "task": _task,
    "write": _write,
    "approve": _approve,
    "file": _file,
    "duty": _duty,
    "answer": _answer,
}


def open_question(house: DrillHouse, incident: str, number: int, title: str, owner: str, due: DateTime) -> None:
    """A regulator's question comes in: a task of the assessment with a due time."""
    house.database.transact(partial(_put_question, incident, number, title, owner, due, house.now()))


def _put_question(
    incident: str, number: int, title: str, owner: str, due: DateTime, now: DateTime, session: object
) -> None:
    from sqlalchemy.orm import Session

    from db import ledger
    from tocsin.ledger import EventType

    assert isinstance(session, Session)
    task = task_store.NewTask(key=f"question-{number}", phase="assess", title=title, owner=owner, due=due)
    for key in task_store.open_many(session, incident, [task]):
        entry = {"task": key, "phase": "assess"}
        ledger.append(session, incident, EventType.TASK_OPENED, actor="tocsin", data=entry, at=now)
