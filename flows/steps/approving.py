"""The one place that says whether something may leave the company.

An approval is bound to a subject (`notice`, `announcement`, `report:FORM:STAGE`) and to the hash of exactly what was
approved; any change of the text makes another hash, which nobody has approved yet.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import approvals, incidents, ledger
from flows.steps.guarding import must_be_open
from flows.steps.subjects import Subject, find
from flows.wiring import House
from tocsin.errors import NotAllowed
from tocsin.ledger import EventType


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far the approvals of one subject have come."""

    subject: str
    given_by: tuple[str, ...]
    needed: int

    @property
    def granted(self) -> bool:
        """Whether enough people have approved exactly this."""
        return len(self.given_by) >= self.needed

    @property
    def missing(self) -> str:
        """What is still wanted, in words."""
        left = self.needed - len(self.given_by)
        return f"{left} approval{'s' if left > 1 else ''} of the {self.subject}"


def standing(house: House, session: Session, incident: str, subject: Subject) -> Standing:
    """The valid approvals of exactly this subject and hash."""
    rule = house.plan(incidents.get(session, incident).plan).approval(subject.kind)
    given = approvals.standing(session, incident, subject.name, subject.hash)
    by = tuple(sorted({row.by for row in given}))
    return Standing(subject=subject.name, given_by=by, needed=rule.count)


class Denied(NotAllowed):
    """An act that needs an approval it does not have; the attempt itself belongs on the ledger."""

    def __init__(self, message: str, *, subject: Subject, why: str) -> None:
        super().__init__(message)
        self.subject = subject
        self.why = why


@contextmanager
def denials_recorded(house: House, incident: str, *, by: str, now: DateTime) -> Iterator[None]:
    """Record a denied act after its transaction has rolled back: the act leaves nothing, its attempt leaves a trace."""
    try:
        yield
    except Denied as denied:
        entry = {"subject": denied.subject.name, "hash": denied.subject.hash, "why": denied.why}
        with house.database.transaction() as session:
            ledger.append(session, incident, EventType.APPROVAL_DENIED, actor=by, data=entry, at=now)
        raise


def approve(house: House, incident: str, name: str, *, by: str, now: DateTime) -> Standing:
    """Approve the subject of that name as it stands now.

    Raises NotAllowed, leaving a ledger entry, where the plan wants other eyes or the text is not ready.
    """
    with denials_recorded(house, incident, by=by, now=now), house.database.transaction() as session:
        must_be_open(session, incident)
        subject = find(house, session, incident, name)
        _must_be_approvable(house, session, incident, subject, by=by)
        approvals.give(session, incident, subject=subject.name, of_hash=subject.hash, by=by, at=now)
        entry = {"subject": subject.name, "hash": subject.hash}
        ledger.append(session, incident, EventType.APPROVAL_GIVEN, actor=by, data=entry, at=now)
        return standing(house, session, incident, subject)


def _must_be_approvable(house: House, session: Session, incident: str, subject: Subject, *, by: str) -> None:
    rule = house.plan(incidents.get(session, incident).plan).approval(subject.kind)
    if rule.four_eyes and by in subject.authors:
        message = f"{by} wrote this {subject.kind} and the plan wants four eyes: someone else must approve it."
        raise Denied(message, subject=subject, why="own-work")
    if subject.problems:
        count = len(subject.problems)
        message = f"The {subject.kind} is not ready to approve ({count} to mend), first: {subject.problems[0]}"
        raise Denied(message, subject=subject, why="not-ready")
    for decision in approvals.listed(session, incident, subject.name):
        if decision.decision == approvals.REFUSED and decision.hash == subject.hash:
            message = f"{decision.by} refused exactly this {subject.kind}: it must change before it can be approved."
            raise Denied(message, subject=subject, why="refused")


def refuse(house: House, incident: str, name: str, *, by: str, reason: str, now: DateTime) -> Subject:
    """Refuse the subject as it stands: approvals given before are void, and only a changed text can be approved."""
    with house.database.transaction() as session:
        must_be_open(session, incident)
        subject = find(house, session, incident, name)
        approvals.refuse(session, incident, subject=subject.name, of_hash=subject.hash, by=by, at=now, reason=reason)
        entry = {"subject": subject.name, "hash": subject.hash}
        ledger.append(session, incident, EventType.APPROVAL_REFUSED, actor=by, data=entry, at=now)
        return subject


def must_be_granted(house: House, session: Session, incident: str, subject: Subject) -> None:
    """Raise Denied unless exactly this has the approvals that the plan wants, NotAllowed for a closed incident.

    Callers stand in `denials_recorded`.
    """
    must_be_open(session, incident)
    state = standing(house, session, incident, subject)
    if not state.granted:
        message = (
            f"The {subject.kind} is not approved: {state.missing} wanted; `tocsin approve {incident} {subject.name}`."
        )
        raise Denied(message, subject=subject, why="not-approved")
