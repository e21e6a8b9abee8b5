"""The ladder over a batch of people: who is sent what through whom, who waits, who has a verdict."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pendulum
from pendulum import DateTime

from db.attempts import Attempt, NewAttempt
from db.people import Settle
from db.sealing import IncidentKey
from db.turns import Turn
from flows.steps.recovering import LOST
from notifiers import providers
from notifiers.breaker import Circuits
from notifiers.providers import Provider, Refused
from tocsin import ladder
from tocsin.delivery import Channel, Outcome, Settled, Verdict
from tocsin.plan import Plan

_ORDER = tuple(Channel)
NO_PROVIDER = "no-provider"
ON_CALL_LIST = "on-call-list"  # why a person is unconfirmed of whom no caller has said that they were reached


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One message to be sent: to whom, by which claim, through which provider."""

    person: Turn
    attempt: NewAttempt
    provider: Provider


@dataclass(kw_only=True)
class BatchPlan:
    """What the ladder says about one batch."""

    sends: list[Planned] = field(default_factory=list)
    waits: list[tuple[int, DateTime]] = field(default_factory=list)
    settles: list[Settle] = field(default_factory=list)
    doubts: list[Attempt] = field(default_factory=list)  # may have left, and cannot go again: nobody will know
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)  # (channel, closed reason) of people held


@dataclass(frozen=True, kw_only=True)
class _Ways:
    """The provider for each channel of a person, and why there is none for the others."""

    allowed: dict[Channel, Provider]
    refusals: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Climber:
    """The ladder of one plan with the providers of this installation.

    `found_late` are waves of people who were found only after the deadline had passed: it can hurry nobody any more, so
    the plan's own waits hold for them, from when they are sent to.
    """

    plan: Plan
    providers: Sequence[Provider]
    deadline: DateTime | None
    found_late: frozenset[int] = frozenset()
    circuits: Circuits = field(default_factory=Circuits, compare=False)
    _ways: dict[tuple[str, frozenset[Channel]], _Ways] = field(default_factory=dict, repr=False, compare=False)

    def plan_batch(self, due: Sequence[Turn], *, now: DateTime, key: IncidentKey, text_hash: str) -> BatchPlan:
        """Decide for each person of the batch. Touches nothing."""
        batch = BatchPlan()
        for person, made, step in self._steps(due, now=now, text_hash=text_hash):
            ways = self._ways_of(person)
            lost = {attempt.channel: attempt for attempt in made if _is_lost(attempt)}
            match step:
                case ladder.Send(channel=channel) if channel in lost and not _knows(
                    ways.allowed[channel], lost[channel]
                ):
                    batch.doubts.append(lost[channel])
                case ladder.Send(channel=channel):
                    provider = self._provider(person, channel, first=ways.allowed[channel], lost=channel in lost)
                    batch.sends.append(_planned(person, channel, provider, key, text_hash))
                case ladder.Settle(verdict=Verdict.UNREACHABLE | Verdict.HELD) if lost:
                    batch.doubts.extend(lost.values())
                case ladder.Wait(until=until):
                    batch.waits.append((person.id, until))
                case ladder.Settle():
                    reason = self._why(step, ways, made)
                    batch.settles.append(Settle(person.id, step.verdict, step.channel, now, reason))
                    if step.verdict is Verdict.HELD:
                        batch.refusals.update(ways.refusals)
        return batch

    def _steps(
        self, due: Sequence[Turn], *, now: DateTime, text_hash: str
    ) -> Iterator[tuple[Turn, list[Attempt], ladder.Step]]:
        """What the ladder says about each; people alike to whom nothing was sent yet are decided once."""
        first: dict[tuple[str, str, frozenset[Channel], bool], ladder.Step] = {}
        for person in due:
            made = [attempt for attempt in person.attempts if attempt.text_hash == text_hash]
            alike = (person.place, person.language, person.channels, person.wave in self.found_late)
            step = None if made else first.get(alike)
            if step is None:
                step = self.step(person, [ladder.Attempt.of(one) for one in made], now=now)
            if not made:
                first[alike] = step
            yield person, made, step

    def step(self, person: Turn, made: Sequence[ladder.Attempt], *, now: DateTime) -> ladder.Step:
        """What the ladder says about one person, who got these messages so far."""
        rungs = ladder.Rungs(
            channels=person.channels,
            allowed=frozenset(self._ways_of(person).allowed),
            night=self.plan.night_for(place=person.place, language=person.language),
            seed=person.id,
        )
        steps = self.plan.ladder_for(place=person.place, language=person.language)
        deadline = None if person.wave in self.found_late else self.deadline
        return ladder.decide(rungs, made, steps, now=now, deadline=deadline)

    def waits(self, answers: Sequence[tuple[Planned, Settled]], *, now: DateTime) -> dict[int, DateTime]:
        """Until when the ladder waits for the people of whose messages this was just heard; others are due at once.

        Answers of one second to people alike wait alike: an answer counts as come at that second's end.
        """
        alike: dict[tuple[object, ...], DateTime | None] = {}
        found: dict[int, DateTime] = {}
        for planned, answer in answers:
            person, channel = planned.person, planned.attempt.channel
            second = int(answer.at.timestamp()) + 1
            earlier = [one for one in person.attempts if one.text_hash == planned.attempt.text_hash]
            others = [ladder.Attempt.of(one) for one in earlier if one.channel is not channel]
            late = person.wave in self.found_late
            key = (person.place, person.language, person.channels, late, channel, answer.outcome, second)
            if others or key not in alike:
                heard = ladder.Attempt(
                    channel=channel, outcome=answer.outcome, since=pendulum.from_timestamp(second, tz="UTC")
                )
                step = self.step(person, [*others, heard], now=now)
                until = step.until if isinstance(step, ladder.Wait) else None
                if not others:
                    alike[key] = until
            else:
                until = alike[key]
            if until is not None:
                found[person.id] = until
        return found

    def _ways_of(self, person: Turn) -> _Ways:
        alike = (person.place, person.channels)
        if alike not in self._ways:
            self._ways[alike] = self._ways_for(person)
        return self._ways[alike]

    def _why(self, step: ladder.Settle, ways: _Ways, made: Sequence[Attempt]) -> str | None:
        """Why the verdict is what it is, where the providers or a list of people to be called have to do with it."""
        if step.verdict is Verdict.HELD:
            reasons = sorted((why for _, why in ways.refusals), key=lambda why: why == NO_PROVIDER)
            return next(iter(reasons), None)  # a provider that may not be used says more than one that is not there
        if step.verdict is Verdict.UNCONFIRMED and step.channel is Channel.PHONE:
            lists = {provider.name for provider in self.providers if provider.is_call_list}
            if any(attempt.channel is step.channel and attempt.provider in lists for attempt in made):
                return ON_CALL_LIST
        return step.reason

    def _provider(self, person: Turn, channel: Channel, *, first: Provider, lost: bool) -> Provider:
        """Through whom the message goes: the first in the settings, unless it is in trouble and another one may.

        What may have left already goes again through the one that knows it.
        """
        if lost or self.circuits.all_well:
            return first
        usable = [one for one in self.providers if isinstance(self._choose([one], channel, person.place), Provider)]
        return self.circuits.order(usable, f"{person.id}")[0]

    def _choose(self, among: Sequence[Provider], channel: Channel, place: str) -> Provider | Refused:
        return providers.allowed(
            among,
            channel,
            place,
            contract_required=self.plan.processors.contract_required,
            deletion_required=self.plan.processors.deletion_required,
        )

    def _ways_for(self, person: Turn) -> _Ways:
        ways = _Ways(allowed={}, refusals=[])
        for channel in sorted(person.channels, key=_ORDER.index):
            choice = self._choose(self.providers, channel, person.place)
            if isinstance(choice, Provider):
                ways.allowed[channel] = choice
            else:
                ways.refusals.append((channel.value, choice.reason))
        return ways


def _is_lost(attempt: Attempt) -> bool:
    """Whether its message may have left when its process died, and it was given back to be sent again."""
    return attempt.outcome is Outcome.CLAIMED and attempt.claim_owner is None and attempt.reason == LOST


def _knows(provider: Provider, attempt: Attempt) -> bool:
    """Whether the provider would drop the message if it had come through; another provider surely would not."""
    return provider.idempotent and provider.name == attempt.provider


def _planned(person: Turn, channel: Channel, provider: Provider, key: IncidentKey, text_hash: str) -> Planned:
    # The key is the same however often it is asked for: an attempt that was put off is taken up again under it.
    attempt = NewAttempt(
        key=key.attempt_key(person.wave, person.id, channel, text_hash),
        person_id=person.id,
        wave=person.wave,
        channel=channel,
        provider=provider.name,
        text_hash=text_hash,
    )
    return Planned(person=person, attempt=attempt, provider=provider)
