"""The one place that says whether something may leave the company.

An approval is bound to a subject (`notice`, `announcement`, `report:FORM:STAGE`) and to the hash of exactly what was
approved: the words, and what they go out with (`flows/steps/subjects.py`). Any change makes another hash, which nobody
has approved yet. Whether an approval counts is asked anew each time something leaves: it may have expired, and whoever
gave it may not be there any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import accounts, approvals, incidents, ledger
from db.account_tables import Account
from db.approval_tables import Approval as Given
from flows.steps import guarding
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.steps.subjects import Subject, find
from flows.wiring import House
from tocsin import bindings, durations
from tocsin.errors import NotAllowed
from tocsin.ledger import EventType
from tocsin.plantext import Approval as Rule
from tocsin.roles import MACHINE, may, named_by_plan, plain, same_name


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far the approvals of one subject have come, and what has changed since the last one that does not count."""

    subject: str
    given_by: tuple[str, ...]
    needed: int
    changed: tuple[str, ...] = ()

    @property
    def granted(self) -> bool:
        """Whether enough people have approved exactly this."""
        return len(self.given_by) >= self.needed

    @property
    def missing(self) -> str:
        """What is still wanted, in words."""
        left = self.needed - len(self.given_by)
        since = f" (since it was approved: {', '.join(self.changed)})" if self.changed else ""
        return f"{left} approval{'s' if left > 1 else ''} of the {self.subject}{since}"


def standing(house: House, session: Session, incident: str, subject: Subject) -> Standing:
    """The approvals of exactly this subject and hash that count now, one for each person whose word it is."""
    rule = _rule(house, session, incident, subject)
    given = approvals.standing(session, incident, subject.name, subject.hash)
    counting = _counting(session, incident, given, rule, now=house.now())
    words = {plain(row.on_behalf_of or row.by): row.by for row in counting}
    by = tuple(sorted({plain(name): name for name in words.values()}.values()))
    changed: tuple[str, ...] = ()
    if len(by) < rule.count:
        before = approvals.last_of_another(session, incident, subject.name, subject.hash)
        changed = bindings.changes(before.binding, subject.binding) if before and before.binding else ()
    return Standing(subject=subject.name, given_by=by, needed=rule.count, changed=changed)


def _rule(house: House, session: Session, incident: str, subject: Subject) -> Rule:
    return house.plan(incidents.get(session, incident).plan).approval(subject.kind)


def _counting(session: Session, incident: str, given: Sequence[Given], rule: Rule, *, now: DateTime) -> list[Given]:
    """Those that have not expired, of people who still are who they were."""
    if rule.expires is not None:
        length = durations.parse(rule.expires)
        given = [row for row in given if now < row.at + length]
    if not given or accounts.none(session):
        return list(given)
    known = accounts.named(session, [name for row in given for name in (row.by, row.on_behalf_of) if name])

    def counts(row: Given) -> bool:
        by, word = known.get(plain(row.by)), known.get(plain(row.on_behalf_of or row.by))
        if by is None or by.ended_at is not None or row.at < by.made_at:  # a name of before the account was no proof
            return False
        return word is not None and has_a_say(word, incident, rule)

    return [row for row in given if counts(row)]


def has_a_say(account: Account, incident: str, rule: Rule) -> bool:
    """Whether somebody's own approval counts under a rule of the plan."""
    roles = guarding.roles_of(account, incident)
    return account.ended_at is None and may(roles, "approve") and named_by_plan(account.plan_roles, rule.roles)


class Denied(NotAllowed):
    """An act that needs an approval it does not have; the attempt itself belongs on the ledger."""

    def __init__(self, message: str, *, subject: Subject, why: str) -> None:
        super().__init__(message)
        self.subject = subject
        self.why = why

    def recorded(self, incident: str, *, by: str, now: DateTime) -> "Denied":
        """This refusal, which writes itself down once its transaction has rolled back."""
        entry = {"subject": self.subject.name, "hash": self.subject.hash, "why": self.why}

        def leave(session: Session) -> None:
            ledger.append(session, incident, EventType.APPROVAL_DENIED, actor=by, data=entry, at=now)

        self.trace = leave
        return self


def approve(house: House, incident: str, name: str, *, by: str, now: DateTime, expected: str | None = None) -> Standing:
    """Approve the subject of that name as it stands now, or only if it still has the hash `expected`.

    Raises NotAllowed, leaving a ledger entry, where the plan wants other eyes or the text is not ready.
    """
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "approve", by=by, now=now, incident=incident, house=house)
        incidents.lock(session, incident)
        subject = find(house, session, incident, name)
        _must_be_expected(subject, expected)
        try:
            word = _must_be_approvable(house, session, incident, subject, by=by, now=now)
        except Denied as denied:
            raise denied.recorded(incident, by=by, now=now) from None
        approvals.give(
            session,
            incident,
            subject=subject.name,
            of_hash=subject.hash,
            by=by,
            at=now,
            binding=subject.binding,
            on_behalf_of=word,
            again=not _counted(house, session, incident, subject, by, word, now=now),
        )
        entry = {"subject": subject.name, "hash": subject.hash, **({"on_behalf_of": word} if word else {})}
        ledger.append(session, incident, EventType.APPROVAL_GIVEN, actor=by, data=entry, at=now)
        return standing(house, session, incident, subject)


def _counted(
    house: House, session: Session, incident: str, subject: Subject, by: str, word: str | None, *, now: DateTime
) -> bool:
    """Whether the same approval is there already and counts; one that has expired can be given again."""
    given = approvals.standing(session, incident, subject.name, subject.hash)
    rule = _rule(house, session, incident, subject)
    return any((row.by, row.on_behalf_of) == (by, word) for row in _counting(session, incident, given, rule, now=now))


def _must_be_expected(subject: Subject, expected: str | None) -> None:
    if expected is not None and expected != subject.hash:
        raise NotAllowed(f"The {subject.kind} has changed since you were shown it: look at it again before you decide.")


def _must_be_approvable(
    house: House, session: Session, incident: str, subject: Subject, *, by: str, now: DateTime
) -> str | None:
    """Raise Denied unless `by` may approve this; returns for whom, where it is not for themselves."""
    rule = _rule(house, session, incident, subject)
    word = _word(session, incident, subject, rule, by=by, now=now)
    if rule.four_eyes and any(same_name(author, one) for author in subject.authors for one in (by, word or by)):
        message = f"{word or by} wrote this {subject.kind} and the plan wants four eyes: someone else must approve it."
        raise Denied(message, subject=subject, why="own-work")
    if subject.problems:
        count = len(subject.problems)
        message = f"The {subject.kind} is not ready to approve ({count} to mend), first: {subject.problems[0]}"
        raise Denied(message, subject=subject, why="not-ready")
    refused = _refusal(session, incident, subject)
    if refused is not None and (refused.hash == subject.hash or not same_name(refused.by, by)):
        message = f"{refused.by} refused exactly this {subject.kind}: it must change before it can be approved."
        raise Denied(message, subject=subject, why="refused")
    return word


def _word(session: Session, incident: str, subject: Subject, rule: Rule, *, by: str, now: DateTime) -> str | None:
    """Whose word `by` gives: None for their own, else the name of whoever lets them; raises Denied for nobody's."""
    if accounts.none(session):
        return None
    account = guarding.active(session, by)
    if has_a_say(account, incident, rule):
        return None
    for giver in guarding.givers(session, account, now):
        if has_a_say(giver, incident, rule):
            return giver.name
    wanted = " or ".join(rule.roles)
    message = f"The plan wants the {subject.kind} approved by {wanted}, and {by} is not, nor decides for one."
    raise Denied(message, subject=subject, why="plan-role")


def _refusal(session: Session, incident: str, subject: Subject) -> Given | None:
    """The last refusal of these words, whatever else has changed since; None once its giver has approved them."""
    found = None
    for decision in approvals.listed(session, incident, subject.name):
        words = (decision.binding or {}).get("words")
        if decision.decision == approvals.REFUSED and subject.content in (words, decision.hash):
            found = decision
        elif found is not None and words == subject.content and same_name(decision.by, found.by):
            found = None
    return found


def refuse(
    house: House, incident: str, name: str, *, by: str, reason: str, now: DateTime, expected: str | None = None
) -> Subject:
    """Refuse the subject as it stands: approvals given before are void, and only a changed text can be approved.

    Once something else has changed, such as the facts, whoever refused may approve the same words.
    """
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "refuse", by=by, now=now, incident=incident, house=house)
        subject = find(house, session, incident, name)
        _must_be_expected(subject, expected)
        approvals.refuse(
            session,
            incident,
            subject=subject.name,
            of_hash=subject.hash,
            by=by,
            at=now,
            reason=reason,
            binding=subject.binding,
        )
        entry = {"subject": subject.name, "hash": subject.hash}
        ledger.append(session, incident, EventType.APPROVAL_REFUSED, actor=by, data=entry, at=now)
        return subject


def must_be_granted(
    house: House, session: Session, incident: str, subject: Subject, *, by: str = MACHINE, now: DateTime
) -> None:
    """Raise Denied, recorded, unless exactly this has the approvals that the plan wants; NotAllowed where closed."""
    must_be_open(session, incident)
    state = standing(house, session, incident, subject)
    if not state.granted:
        message = (
            f"The {subject.kind} is not approved: {state.missing} wanted; `tocsin approve {incident} {subject.name}`."
        )
        raise Denied(message, subject=subject, why="not-approved").recorded(incident, by=by, now=now)
