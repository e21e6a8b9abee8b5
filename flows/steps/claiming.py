"""Claiming a batch: who is next, what the ladder says about each, and the right to send what is to be sent.

A claim has a journal of its own, begun before the claim is made, and runs out unless it is prolonged. On PostgreSQL
several senders claim at once: each passes over the people that another one holds (`db.turns`). A claim that has
something for the ledger to say is made once more under the incident's lock, which the ledger's writer needs.
"""

import contextlib
import time
from dataclasses import dataclass, field

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import attempts, holds, incidents, ledger, people, turns
from db.attempts import Retry
from flows.steps import halting, leasing, recovering
from flows.steps.climbing import BatchPlan, Planned
from flows.steps.errands import Errand
from notifiers.journal import Journal
from tocsin.errors import DatabaseLost, Misconfigured
from tocsin.ledger import EventType

CLAIM_MINUTES = 10
RENEW_MINUTES = 5  # so long before its end a claim is prolonged by a process at work
RENEW_AGAIN_SECONDS = 20  # where the database was away
ASK_EVERY_SECONDS = 0.1
SKEW_SECONDS = 60  # and so long before its end nothing leaves any more: clocks of two machines differ
LOOK_AGAIN_MINUTES = 1


class _NeedsLedger(Exception):
    """This batch has something to say on the ledger, whose writers wait for each other."""


@dataclass
class Claim:
    """A claim on a batch of messages: nothing of it leaves after its end, unless it was prolonged before."""

    errand: Errand
    owner: str
    journal: Journal
    made_until: DateTime = field(init=False)  # as it was made; people are looked at again then
    steps: tuple[Planned, ...] = ()
    looked_at: int = 0
    halted: str | None = None
    _stops_at: DateTime = field(init=False)
    _renews_at: DateTime = field(init=False)
    _asks_at: float = 0.0  # by the monotonic clock: thousands of answers a second need not ask the time each

    def make(self, session: Session, limit: int, *, locked: bool) -> None:
        """Look at the next people whose turn it is, settle or schedule those who need no message, claim the rest."""
        errand, now = self.errand, self.errand.house.now()
        self.made_until = now.add(minutes=CLAIM_MINUTES)
        self._ends(self.made_until)
        if locked:
            incidents.lock(session, errand.incident)
        self.halted = halting.why_not(errand, session)
        held = holds.held(session, errand.incident)
        holds.park(session, errand.incident, held, now)
        due = [] if self.halted else turns.take(session, errand.incident, now, limit, only=errand.only, held=held)
        self.looked_at = len(due)
        plan = errand.climber.plan_batch(due, now=now, key=errand.key, text_hash=errand.approved.hash)
        if not locked and (plan.refusals or plan.doubts):
            raise _NeedsLedger
        claims = [step.attempt for step in plan.sends]
        won = set(attempts.claim_many(session, errand.incident, claims, self.owner, self.made_until, now))
        self.steps = tuple(step for step in plan.sends if step.attempt.key in won)
        others = [step.person.id for step in plan.sends if step.attempt.key not in won]
        # Somebody who was settled and is due again (a late bounce) is open until the ladder says otherwise.
        until = self.made_until
        people.reopen_many(session, errand.incident, [*plan.waits, *((step.person.id, until) for step in self.steps)])
        people.schedule_many(session, errand.incident, [(one, now.add(minutes=LOOK_AGAIN_MINUTES)) for one in others])
        people.settle_many(session, errand.incident, plan.settles)
        attempts.settle_many(session, errand.incident, [recovering.doubt(lost, at=now) for lost in plan.doubts])
        _say_refusals(session, errand.incident, plan, now)

    def ran_out(self) -> bool:
        """Whether nothing may leave any more under this claim."""
        return self.errand.house.now() >= self._stops_at

    def prolong(self) -> None:
        """Keep the claim while answers come in; one that was taken over stays as it is, and runs out."""
        moment = time.monotonic()
        if moment < self._asks_at:
            return
        self._asks_at = moment + ASK_EVERY_SECONDS
        now = self.errand.house.now()
        if now < self._renews_at:
            return
        until = now.add(minutes=CLAIM_MINUTES)
        try:
            if self.errand.house.database.transact(lambda session: self._renew(session, until)):
                self._ends(until)
        except DatabaseLost:  # there is time: it is asked again, and nothing leaves after the end
            self._renews_at = now.add(seconds=RENEW_AGAIN_SECONDS)

    def end(self) -> None:
        """Everything the journal knew is recorded."""
        recovering.end_journal(self.errand.house, self.owner, self.journal)

    def give_back(self) -> None:
        """Let others have what was claimed and never begun. Where that fails, the empty journal says the same."""
        with contextlib.closing(self.journal), contextlib.suppress(Misconfigured):
            self.errand.house.database.transact(self._give_back)
            self.end()

    def _give_back(self, session: Session) -> None:
        incident, now = self.errand.incident, self.errand.house.now()
        incidents.lock(session, incident)
        retries = [Retry(key=step.attempt.key, not_before=now, tried=False) for step in self.steps]
        attempts.retry_later(session, incident, retries, owner=self.owner)
        people.schedule_many(session, incident, [(step.person.id, now) for step in self.steps])

    def _ends(self, until: DateTime) -> None:
        self._stops_at = until.subtract(seconds=SKEW_SECONDS)
        self._renews_at = until.subtract(minutes=RENEW_MINUTES)

    def _renew(self, session: Session, until: DateTime) -> bool:
        incidents.lock(session, self.errand.incident)
        return attempts.renew(session, self.errand.incident, self.owner, until)


def claim_next(errand: Errand, limit: int) -> Claim | None:
    """Claim the next messages there are to send, at most `limit`; None when it is nobody's turn, or sending halts."""
    while True:
        claim = _claimed(errand, limit)
        if claim.steps:
            return claim
        claim.end()
        if not claim.looked_at:
            return None


def _claimed(errand: Errand, limit: int) -> Claim:
    owner = leasing.new_owner()
    journal = recovering.begin_journal(errand.house, owner)  # before the claim: none, none sent
    claim = Claim(errand, owner, journal)
    transact = errand.house.database.transact
    try:
        try:
            transact(lambda session: claim.make(session, limit, locked=False))
        except _NeedsLedger:
            transact(lambda session: claim.make(session, limit, locked=True))
    except DatabaseLost as lost:
        (journal.close if lost.doubtful else claim.end)()
        raise
    except BaseException:
        journal.close()  # it stays: nobody knows whether the database took the claim
        raise
    return claim


def _say_refusals(session: Session, incident: str, plan: BatchPlan, now: DateTime) -> None:
    for (channel, reason), count in sorted(plan.refusals.items()):
        entry = {"channel": channel, "reason": reason, "people": count}
        ledger.append(session, incident, EventType.PROVIDER_REFUSED, actor="tocsin", data=entry, at=now)
