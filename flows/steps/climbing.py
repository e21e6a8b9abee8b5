"""The ladder over a batch of people: who is sent what through whom, who waits, who has a verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pendulum import DateTime

from db.attempts import Attempt, NewAttempt
from db.people import Due, Person, Settle
from db.sealing import IncidentKey
from flows.steps.recovering import LOST
from notifiers import providers
from notifiers.providers import Provider
from tocsin import ladder
from tocsin.delivery import Channel, Outcome, Verdict
from tocsin.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One message to be sent: to whom, by which claim, through which provider."""

    person: Person
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
class Climber:
    """The ladder of one plan with the providers of this installation."""

    plan: Plan
    providers: Sequence[Provider]
    deadline: DateTime | None

    def plan_batch(self, due: Sequence[Due], *, now: DateTime, key: IncidentKey, text_hash: str) -> BatchPlan:
        """Decide for each person of the batch. Touches nothing."""
        batch = BatchPlan()
        for person in due:
            made = [attempt for attempt in person.attempts if attempt.text_hash == text_hash]
            lost = {attempt.channel: attempt for attempt in made if _is_lost(attempt)}
            allowed, refusals = self._allowed(person)
            match self.step(person, made, allowed, now=now):
                case ladder.Send(channel=channel) if channel in lost and not _knows(allowed[channel], lost[channel]):
                    batch.doubts.append(lost[channel])
                case ladder.Send(channel=channel):
                    batch.sends.append(_planned(person, channel, allowed[channel], key, text_hash))
                case ladder.Settle(verdict=Verdict.UNREACHABLE | Verdict.HELD) if lost:
                    batch.doubts.extend(lost.values())
                case ladder.Wait(until=until):
                    batch.waits.append((person.id, until))
                case ladder.Settle(verdict=verdict, channel=channel_or_none):
                    batch.settles.append(Settle(person.id, verdict, channel_or_none, now))
                    if verdict is Verdict.HELD:
                        batch.refusals.update(refusals)
        return batch

    def step(
        self, person: Person, made: Sequence[Attempt], allowed: Mapping[Channel, Provider], *, now: DateTime
    ) -> ladder.Step:
        """What the ladder says about one person."""
        rungs = ladder.Rungs(channels=person.channels, allowed=frozenset(allowed))
        attempts = [ladder.Attempt.of(attempt) for attempt in made]
        steps = self.plan.ladder_for(place=person.place, language=person.language)
        return ladder.decide(rungs, attempts, steps, now=now, deadline=self.deadline)

    def _allowed(self, person: Person) -> tuple[dict[Channel, Provider], list[tuple[str, str]]]:
        """The provider for each channel of the person, and why there is none for the others."""
        allowed: dict[Channel, Provider] = {}
        refusals: list[tuple[str, str]] = []
        for channel in person.channels:
            choice = providers.allowed(
                self.providers,
                channel,
                person.place,
                contract_required=self.plan.processors.contract_required,
                deletion_required=self.plan.processors.deletion_required,
            )
            if isinstance(choice, Provider):
                allowed[channel] = choice
            else:
                refusals.append((channel.value, choice.reason))
        return allowed, refusals


def _is_lost(attempt: Attempt) -> bool:
    """Whether its message may have left when its process died, and it was given back to be sent again."""
    return attempt.outcome is Outcome.CLAIMED and attempt.claim_owner is None and attempt.reason == LOST


def _knows(provider: Provider, attempt: Attempt) -> bool:
    """Whether the provider would drop the message if it had come through; another provider surely would not."""
    return provider.idempotent and provider.name == attempt.provider


def _planned(person: Person, channel: Channel, provider: Provider, key: IncidentKey, text_hash: str) -> Planned:
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
