"""Telling people: claim, unseal, render, send, record, in batches of a thousand.

While one batch is being sent, the next is claimed and the last is recorded, by one clerk in a thread of its own. No
transaction is open while a provider is asked. Every message has an at-most-once key, claimed in the database before it
is written and journalled while it is on the wire, so a kill at any instant loses nobody (see `recovering`).
"""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import attempts, incidents, ledger, people, turns
from db.attempts import Retry
from db.sealing import person_aad
from documents import notices
from flows.steps import calling, claiming, receiving, recovering
from flows.steps.claiming import Claim
from flows.steps.climbing import Planned
from flows.steps.enduring import Endurance
from flows.steps.errands import Errand
from flows.steps.halting import Gate
from flows.steps.limiting import Limiters
from flows.steps.resting import Resting
from notifiers.breaker import Circuits
from notifiers.dispatch import JOURNAL_FAILED, REFUSES_US, STOPPED, TROUBLED, Deferred, Engine, dispatch
from notifiers.providers import Provider
from tocsin.contacts import Contact
from tocsin.delivery import Message, Outcome, Settled
from tocsin.errors import Misconfigured
from tocsin.ledger import EventType

BATCH = 1000
PAUSE_SECONDS = 60  # a provider that is in trouble is not asked again by this run before
UNWRITABLE = "unwritable"
_NOT_ASKED = frozenset({STOPPED, JOURNAL_FAILED})
Result = Settled | Deferred


@dataclass
class Sent:
    """What one run of sending did, for the ledger and the screen."""

    messages: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    deferred: int = 0
    pauses: dict[str, tuple[DateTime, str]] = field(default_factory=dict)  # provider: until when, and why
    unjournalled: bool = False  # a message did not leave because the crash journal could not be written

    def paused(self, provider: str, now: DateTime) -> str | None:
        """Why this run does not ask a provider now."""
        until, code = self.pauses.get(provider, (now, ""))
        return code if now < until else None

    def note(self, provider: str, late: Deferred, now: DateTime) -> None:
        """Leave a provider alone for a while that turned a whole batch away; see when it was our journal."""
        self.unjournalled = self.unjournalled or late.code == JOURNAL_FAILED
        if late.code in {REFUSES_US, TROUBLED} and self.paused(provider, now) is None:
            seconds = max(PAUSE_SECONDS, late.retry_after_seconds or 0)
            self.pauses[provider] = (now.add(seconds=seconds), late.code)

    def add(self, recorded: "Recorded") -> None:
        """Count what was recorded."""
        self.messages += recorded.messages
        self.outcomes.update(recorded.outcomes)
        self.deferred += recorded.deferred


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What became of one batch."""

    messages: int
    outcomes: Counter[str]
    deferred: int


def send_due(errand: Errand, *, most: int | None = None, progress: Callable[[int], None] = lambda _: None) -> Sent:
    """Send to everyone whose turn it is, until nobody's is, or until `most` messages were tried."""
    recovering.recover(errand.house, errand.incident, now=errand.house.now())
    with Gate(errand) as gate:
        return _Run(errand, gate, most, progress).run()


class _Run:
    """One run: the caller's thread sends; the clerk claims and records, in the order in which it is asked."""

    def __init__(self, errand: Errand, gate: Gate, most: int | None, progress: Callable[[int], None]) -> None:
        self._errand, self._gate, self._progress = errand, gate, progress
        self._left = most
        self._sent = Sent()
        self._limiters = Limiters(errand.house)
        self._resting = Resting(errand.house, errand.climber.circuits)
        self._endurance = Endurance()
        self._rounds = recovering.Rounds(errand.house, errand.incident)
        self._engine = Engine()  # keeps the connections to the providers from batch to batch
        self._clerk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clerk")
        self._ahead: Future[Claim | None]
        self._recording: tuple[Claim, Future[Recorded]] | None = None

    def run(self) -> Sent:
        claim: Claim | None = None
        with self._clerk, self._engine:
            try:
                self._claim_ahead()
                while (claim := self._ahead.result()) is not None:
                    self._claim_ahead(claim)
                    self._have_recorded(claim, list(self._send(claim)))
                    claim = None
                    self._must_have_journalled()
                    if self._ahead.result() is None:  # what is recorded now may lead to somebody's next rung
                        self._claim_ahead()
                self._await_recording()
                self._endurance.through(lambda _: self._resting.tell())
            except BaseException as error:
                self._break_off(claim, error)
                raise
        return self._sent

    def _claim_ahead(self, before: Claim | None = None) -> None:
        """Have the next batch claimed, behind all that the clerk has to do already."""
        if self._left is not None and before is not None:
            self._left -= len(before.steps)
        limit = BATCH if self._left is None else min(BATCH, self._left)
        look = self._rounds, self._resting
        self._ahead = self._clerk.submit(_claim_next, self._errand, limit, self._endurance, *look)

    def _have_recorded(self, claim: Claim, results: list[Result]) -> None:
        """One batch is recorded while one is sent, never two."""
        self._await_recording()
        self._recording = claim, self._clerk.submit(_record, self._errand, claim, results, self._endurance)

    def _await_recording(self) -> None:
        if self._recording is None:
            return
        (claim, recorded), self._recording = self._recording, None
        try:
            self._sent.add(recorded.result())
        except BaseException:
            claim.journal.close()  # the recovery reads it
            raise
        self._progress(self._sent.messages)

    def _must_have_journalled(self) -> None:
        """Without a journal nothing may leave, so that claiming more would only go round in a ring."""
        if self._sent.unjournalled:
            raise recovering.unwritable(self._errand.house)

    def _break_off(self, claim: Claim | None, error: BaseException) -> None:
        """Leave this batch to the recovery, which reads its journal, and give back the one that was not begun."""
        if claim is not None:
            claim.journal.close()
        if not isinstance(error, Exception):
            self._endurance.give_up()  # somebody wants this to end
        if self._ahead.exception() is None and (following := self._ahead.result()) is not None:
            following.give_back()
        with contextlib.suppress(Misconfigured):
            self._await_recording()

    def _send(self, claim: Claim) -> Iterator[Result]:
        for provider, steps in _by_provider(claim.steps):
            for result in self._through(provider, steps, claim):
                if isinstance(result, Deferred):
                    self._sent.note(provider.name, result, self._errand.house.now())
                yield result
                claim.prolong()
                self._prolong_ahead()

    def _prolong_ahead(self) -> None:
        if self._ahead.done() and (following := self._ahead.result()) is not None:
            following.prolong()

    def _through(self, provider: Provider, steps: list[Planned], claim: Claim) -> Iterator[Result]:
        """Send through one provider, unless it turned this run away a moment ago."""
        now = self._errand.house.now
        code = self._sent.paused(provider.name, now())
        if code is None and self._comes_back_because_of_us(provider):
            code = REFUSES_US  # its bounces say so, whatever it says when it takes a message
            self._errand.climber.circuits.troubled(provider.name, surely=True)
        if code is not None:
            yield from (Deferred(key=step.attempt.key, code=code) for step in steps)
            return
        unwritten: list[Deferred] = []
        messages = _messages(self._errand, steps, unwritten)

        def stop() -> bool:
            return self._gate.closed() or claim.ran_out()

        limiter, shared = self._limiters.of(provider), self._limiters.connections(provider)
        results = dispatch(
            messages,
            provider,
            journal=claim.journal,
            now=now,
            stop=stop,
            limiter=limiter,
            engine=self._engine,
            shared=shared,
        )
        for result in results:
            _hear(self._errand.climber.circuits, provider, result)
            yield result
        yield from unwritten

    def _comes_back_because_of_us(self, provider: Provider) -> bool:
        house = self._errand.house
        return self._endurance.through(lambda _: receiving.refuses_us(house, provider.name, now=house.now()))


def _hear(circuits: Circuits, provider: Provider, result: Result) -> None:
    """Let an answer, or the want of one, count for or against the provider's being asked."""
    if isinstance(result, Deferred):
        if result.code not in _NOT_ASKED:
            surely = result.code in {REFUSES_US, TROUBLED}
            circuits.troubled(provider.name, retry_after_seconds=result.retry_after_seconds, surely=surely)
    elif result.outcome is Outcome.UNKNOWN:
        circuits.troubled(provider.name)
    else:
        circuits.answered(provider.name)


def _claim_next(
    errand: Errand, limit: int, endurance: Endurance, rounds: recovering.Rounds, resting: Resting
) -> Claim | None:
    def claim(doubtful: bool) -> Claim | None:
        rounds.make(at_once=doubtful)  # in doubt the database may have kept a claim that we know nothing of
        resting.look()
        return claiming.claim_next(errand, limit)

    return endurance.through(claim) if limit > 0 else None


def _by_provider(steps: Iterable[Planned]) -> list[tuple[Provider, list[Planned]]]:
    groups: dict[str, list[Planned]] = defaultdict(list)
    for step in steps:
        groups[step.provider.name].append(step)
    return [(group[0].provider, group) for group in groups.values()]


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
    rendered = notices.render(text, person_name=contact.name or None, channel=channel, code=step.attempt.key[-10:])
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


def _record(errand: Errand, claim: Claim, results: list[Result], endurance: Endurance) -> Recorded:
    """One transaction: outcomes, when each person is looked at again, and one ledger entry for the batch."""
    now = errand.house.now()
    step_of = {step.attempt.key: step for step in claim.steps}
    settled = [result for result in results if isinstance(result, Settled)]
    retries = [_retry(result, now) for result in results if isinstance(result, Deferred)]
    counts = Counter(f"{step_of[result.key].attempt.channel}:{result.outcome}" for result in settled)
    entry = {"attempts": len(claim.steps), "deferred": len(retries), **dict(sorted(counts.items()))}
    waits = errand.climber.waits([(step_of[result.key], result) for result in settled], now=now)
    at_once = [(step.person.id, now) for step in claim.steps if step.person.id not in waits]

    def write(session: Session, doubtful: bool) -> None:
        incidents.lock(session, errand.incident)
        if doubtful and not attempts.claimed_by(session, errand.incident, claim.owner):
            return  # it was kept, though we did not hear so
        attempts.settle_many(session, errand.incident, settled)
        calling.open_tasks(errand.house, session, errand.incident, settled, now=now)
        attempts.retry_later(session, errand.incident, retries, owner=claim.owner)
        turns.wait_for_word(session, errand.incident, list(waits.items()), claimed_until=claim.made_until)
        people.schedule_many(session, errand.incident, at_once)
        ledger.append(session, errand.incident, EventType.SENDING_BATCH, actor="tocsin", data=entry, at=now)

    endurance.through(lambda doubtful: errand.house.database.transact(lambda session: write(session, doubtful)))
    claim.end()
    return Recorded(messages=len(settled), outcomes=counts, deferred=len(retries))


def _retry(late: Deferred, now: DateTime) -> Retry:
    tried = late.code not in _NOT_ASKED
    return Retry(
        key=late.key,
        not_before=now.add(seconds=late.retry_after_seconds or 0),
        code=(late.code or "unavailable") if tried else None,  # it is no word of the provider's
        tried=tried,
    )
