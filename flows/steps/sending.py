"""Telling people: claim, unseal, render, send, record, in batches of a thousand.

No transaction is open while a provider is asked. Every message has an at-most-once key, claimed in the database before
it is written and journalled while it is on the wire, so a kill at any instant loses nobody (see `recovering`).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import attempts, incidents, ledger, people
from db.attempts import Retry
from db.sealing import IncidentKey, person_aad
from documents import notices
from flows.steps import leasing, recovering
from flows.steps.climbing import BatchPlan, Climber, Planned
from flows.wiring import House
from notifiers.dispatch import JOURNAL_FAILED, REFUSES_US, STOPPED, TROUBLED, Deferred, dispatch
from notifiers.journal import Journal
from notifiers.providers import Provider
from tocsin.contacts import Contact
from tocsin.delivery import Message, Settled
from tocsin.ledger import EventType

BATCH = 1000
CLAIM_MINUTES = 10
RENEW_MINUTES = 5  # so long before its end a claim is prolonged by a process at work
SKEW_SECONDS = 60  # and so long before its end nothing leaves any more: clocks of two machines differ
LOOK_AGAIN_MINUTES = 1
PAUSE_SECONDS = 60  # a provider that is in trouble is not asked again by this run before
UNWRITABLE = "unwritable"
_NOT_ASKED = frozenset({STOPPED, JOURNAL_FAILED})


@dataclass(frozen=True, kw_only=True)
class Approved:
    """The texts that may go out, by language, and the hash that was approved."""

    texts: Mapping[str, notices.NoticeText]
    hash: str
    fallback: str

    def for_language(self, language: str) -> notices.NoticeText:
        """The person's language if there is a text in it, else the plan's first."""
        return self.texts.get(language) or self.texts[self.fallback]


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What is sent for which incident, with the key that opens its people's addresses."""

    house: House
    incident: str
    climber: Climber
    approved: Approved
    key: IncidentKey


@dataclass
class Sent:
    """What one run of sending did, for the ledger and the screen."""

    messages: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    deferred: int = 0
    pauses: dict[str, tuple[DateTime, str]] = field(default_factory=dict)  # provider: until when, and why

    def paused(self, provider: str, now: DateTime) -> str | None:
        """Why this run does not ask a provider now."""
        until, code = self.pauses.get(provider, (now, ""))
        return code if now < until else None

    def note(self, provider: str, late: Deferred, now: DateTime) -> None:
        """Leave a provider alone for a while that turned a whole batch away."""
        if late.code in {REFUSES_US, TROUBLED} and self.paused(provider, now) is None:
            seconds = max(PAUSE_SECONDS, late.retry_after_seconds or 0)
            self.pauses[provider] = (now.add(seconds=seconds), late.code)


def send_due(errand: Errand, *, progress: Callable[[int], None] = lambda _: None) -> Sent:
    """Send to everyone whose turn it is, until nobody's is."""
    sent = Sent()
    recovering.recover(errand.house, errand.incident, now=errand.house.now())
    while _anybody_due(errand):
        claim = _Claim(errand, leasing.new_owner())
        with recovering.journalled(errand.house, claim.owner) as journal:  # begun before the claim: none, none sent
            batch = errand.house.database.transact(claim.make)
            if batch:
                _record(errand, claim, batch, _send(errand, claim, batch, journal, sent), sent)
                progress(sent.messages)
    return sent


def _anybody_due(errand: Errand) -> bool:
    with errand.house.database.reading() as session:
        return people.any_due(session, errand.incident, errand.house.now())


@dataclass
class _Claim:
    """A claim on a batch of messages: nothing of it leaves after `until`, unless it was prolonged before it ran out."""

    errand: Errand
    owner: str
    until: DateTime = field(init=False)

    def make(self, session: Session) -> tuple[Planned, ...]:
        """Look at the next people whose turn it is, settle or schedule those who need no message, claim the rest."""
        errand, now = self.errand, self.errand.house.now()
        self.until = now.add(minutes=CLAIM_MINUTES)
        incidents.lock(session, errand.incident)
        due = people.due(session, errand.incident, now, BATCH)
        plan = errand.climber.plan_batch(due, now=now, key=errand.key, text_hash=errand.approved.hash)
        claims = [step.attempt for step in plan.sends]
        won = set(attempts.claim_many(session, errand.incident, claims, self.owner, self.until, now))
        ours = tuple(step for step in plan.sends if step.attempt.key in won)
        others = [step.person.id for step in plan.sends if step.attempt.key not in won]
        # Somebody who was settled and is due again (a late bounce) is open until the ladder says otherwise.
        people.reopen_many(session, errand.incident, [*plan.waits, *((step.person.id, self.until) for step in ours)])
        people.schedule_many(session, errand.incident, [(one, now.add(minutes=LOOK_AGAIN_MINUTES)) for one in others])
        people.settle_many(session, errand.incident, plan.settles)
        attempts.settle_many(session, errand.incident, [recovering.doubt(lost, at=now) for lost in plan.doubts])
        _say_refusals(session, errand.incident, plan, now)
        return ours

    def ran_out(self) -> bool:
        """Whether nothing may leave any more under this claim."""
        return self.errand.house.now() >= self.until.subtract(seconds=SKEW_SECONDS)

    def prolong(self) -> None:
        """Keep the claim while answers come in; one that was taken over stays as it is, and runs out."""
        now = self.errand.house.now()
        if now < self.until.subtract(minutes=RENEW_MINUTES):
            return
        until = now.add(minutes=CLAIM_MINUTES)
        if self.errand.house.database.transact(lambda session: self._renew(session, until)):
            self.until = until

    def _renew(self, session: Session, until: DateTime) -> bool:
        incidents.lock(session, self.errand.incident)
        return attempts.renew(session, self.errand.incident, self.owner, until)


def _say_refusals(session: Session, incident: str, plan: BatchPlan, now: DateTime) -> None:
    for (channel, reason), count in sorted(plan.refusals.items()):
        entry = {"channel": channel, "reason": reason, "people": count}
        ledger.append(session, incident, EventType.PROVIDER_REFUSED, actor="tocsin", data=entry, at=now)


def _send(
    errand: Errand, claim: _Claim, batch: Iterable[Planned], journal: Journal, sent: Sent
) -> list[Settled | Deferred]:
    results: list[Settled | Deferred] = []
    for provider, steps in _by_provider(batch):
        for result in _through(provider, steps, errand, claim, journal, sent):
            if isinstance(result, Deferred):
                sent.note(provider.name, result, errand.house.now())
            results.append(result)
            claim.prolong()
    return results


def _by_provider(steps: Iterable[Planned]) -> list[tuple[Provider, list[Planned]]]:
    groups: dict[str, list[Planned]] = defaultdict(list)
    for step in steps:
        groups[step.provider.name].append(step)
    return [(group[0].provider, group) for group in groups.values()]


def _through(
    provider: Provider, steps: list[Planned], errand: Errand, claim: _Claim, journal: Journal, sent: Sent
) -> Iterator[Settled | Deferred]:
    """Send through one provider, unless it turned this run away a moment ago."""
    code = sent.paused(provider.name, errand.house.now())
    if code is not None:
        yield from (Deferred(key=step.attempt.key, code=code) for step in steps)
        return
    unwritten: list[Deferred] = []
    messages = _messages(errand, steps, unwritten)
    yield from dispatch(messages, provider, journal=journal, now=errand.house.now, stop=claim.ran_out)
    yield from unwritten


def _messages(errand: Errand, steps: Iterable[Planned], unwritten: list[Deferred]) -> Iterator[Message]:
    for step in steps:
        try:
            message = _message(errand, step)
        except Exception:  # noqa: BLE001 - one person's broken record must not keep a thousand others from being told
            unwritten.append(Deferred(key=step.attempt.key, code=UNWRITABLE))
        else:
            yield message


def _message(errand: Errand, step: Planned) -> Message:
    person, channel = step.person, step.attempt.channel
    contact = Contact.from_bytes(errand.key.open(person.sealed, person_aad(errand.incident, person.id)))
    address = contact.address(channel)
    assert address is not None  # the ladder offers only channels for which there is one
    text = errand.approved.for_language(person.language)
    rendered = notices.render(text, person_name=contact.name or None, channel=channel, code=step.attempt.key[:10])
    return Message(
        key=step.attempt.key,
        channel=channel,
        language=text.language,
        place=person.place,
        to=address,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
    )


def _record(
    errand: Errand, claim: _Claim, batch: tuple[Planned, ...], results: list[Settled | Deferred], sent: Sent
) -> None:
    """One transaction: outcomes, when each person is looked at again, and one ledger entry for the batch."""
    now = errand.house.now()
    step_of = {step.attempt.key: step for step in batch}
    settled = [result for result in results if isinstance(result, Settled)]
    retries = [_retry(result, now) for result in results if isinstance(result, Deferred)]
    counts = Counter(f"{step_of[result.key].attempt.channel}:{result.outcome}" for result in settled)
    entry = {"attempts": len(batch), "deferred": len(retries), **dict(sorted(counts.items()))}

    def write(session: Session) -> None:
        incidents.lock(session, errand.incident)
        attempts.settle_many(session, errand.incident, settled)
        attempts.retry_later(session, errand.incident, retries, owner=claim.owner)
        people.schedule_many(session, errand.incident, [(step.person.id, now) for step in batch])
        ledger.append(session, errand.incident, EventType.SENDING_BATCH, actor="tocsin", data=entry, at=now)

    errand.house.database.transact(write)
    sent.messages += len(settled)
    sent.outcomes.update(counts)
    sent.deferred += len(retries)


def _retry(late: Deferred, now: DateTime) -> Retry:
    return Retry(
        key=late.key,
        not_before=now.add(seconds=late.retry_after_seconds or 0),
        code=late.code or "unavailable",
        tried=late.code not in _NOT_ASKED,
    )
