"""What a sending would do now, without doing any of it: nothing is claimed, sent or written, nobody's data are opened.

It asks the same ladder and the same choice of providers as the sending itself; people whom it sees alike are asked for
once. What happens after the first message of each person, receipts and later rungs, is for the forecast to say.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import crowds, texts
from db.turns import Turn
from flows.steps import forecasting, measuring, notifying, opening
from flows.steps.climbing import BatchPlan
from flows.steps.errands import Approved
from flows.steps.guarding import must_be_open
from flows.steps.opening import Choice
from flows.wiring import House
from tocsin.delivery import Channel, Verdict
from tocsin.forecast import Forecast

_NOBODY_YET = ""  # the hash of no text


@dataclass(kw_only=True)
class Rehearsal:
    """Counts of people, by what would become of them now.

    `messages` is by (provider, channel, place, language of the text); `held` by (place, channel, reason), a person once
    for each channel; `verdicts` are those that people would get without a message.
    """

    missing: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()  # with providers, a sentence each
    meant: int = 0
    messages: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    held: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    waiting: int = 0  # quiet hours, a receipt, a provider that was not there
    waiting_until: DateTime | None = None
    doubtful: int = 0  # a message to them may have left
    not_their_turn: int = 0
    settled: int = 0
    segments: dict[str, int] = field(default_factory=dict)  # of SMS in all, by the language of the text
    most: int | None = None
    forecast: Forecast | None = None

    @property
    def total(self) -> int:
        """Messages that would be sent now."""
        return self.messages.total() if self.most is None else min(self.most, self.messages.total())

    def counts(self, part: str) -> dict[str, int]:
        """Messages by provider, channel, place or language."""
        place = ("provider", "channel", "place", "language").index(part)
        found: Counter[str] = Counter()
        for key, count in self.messages.items():
            found[key[place]] += count
        return dict(sorted(found.items()))

    def document(self) -> dict[str, Any]:
        """Everything as JSON-able values: counts, no people."""
        parts = ("provider", "channel", "place", "language")
        return {
            "dry_run": True,
            "missing": list(self.missing),
            "troubles": list(self.troubles),
            "people": self.meant,
            "messages": self.total,
            "canary": self.most,
            **{f"by_{part}": self.counts(part) for part in parts},
            "lines": [
                {**dict(zip(parts, key, strict=True)), "people": count} for key, count in sorted(self.messages.items())
            ],
            "held": [
                {"place": place, "channel": channel, "reason": reason, "people": count}
                for (place, channel, reason), count in sorted(self.held.items())
            ],
            "verdicts": dict(sorted(self.verdicts.items())),
            "waiting": self.waiting,
            "waiting_until": self.waiting_until.isoformat() if self.waiting_until else None,
            "doubtful": self.doubtful,
            "not_their_turn": self.not_their_turn,
            "settled": self.settled,
            "sms_segments": sum(self.segments.values()),
            "sms_segments_by_language": dict(sorted(self.segments.items())),
            "forecast": self.forecast.document() if self.forecast else None,
        }

    def add(self, person: Turn, people: int, plan: BatchPlan, text_language: str) -> None:
        """Count people alike, of whom one was asked about."""
        for step in plan.sends:
            channel = step.attempt.channel.value
            self.messages[step.provider.name, channel, person.place, text_language] += people
        for _, until in plan.waits:
            self.waiting += people
            self.waiting_until = min(until, self.waiting_until or until)
        for settle in plan.settles:
            self.verdicts[settle.verdict.value] += people
            if settle.verdict is Verdict.HELD:
                for channel, reason in plan.refusals:
                    self.held[person.place, channel, reason] += people
        self.doubtful += people if plan.doubts else 0


def rehearse(house: House, incident: str, *, choice: Choice | None = None) -> Rehearsal:
    """What a sending to everyone, or to a choice of people, would do now; raises NotAllowed for a closed incident.

    Works before anything is approved or even written: `missing` says what stands in the way.
    """
    now = house.now()
    seen = Rehearsal(most=choice.most if choice else None)
    seen.missing, seen.troubles = notifying.missing(house, incident), notifying.unusable(house)
    with house.database.reading() as session:
        record = must_be_open(session, incident)
        plan = house.plan(record.plan)
        written = bool(texts.all_latest(session, incident, "notice"))
        approved = notifying.approved_texts(session, incident, plan) if written else None
        climber = notifying.climber_for(session, incident, plan, house.settings.providers)
        question = _question(session, incident, approved, choice, now)
        key = house.master_key.incident_key(record.sealed_key, incident)
        for person, people in _asked(session, question, seen):
            batch = climber.plan_batch([person], now=now, key=key, text_hash=question.text_hash)
            seen.add(person, people, batch, _language(approved, person.language))
    if approved is not None:
        seen.segments = _segments(house, approved, seen.messages)
    if choice is None:
        seen.forecast = forecasting.look(house, incident)
    return seen


def _question(
    session: Session, incident: str, approved: Approved | None, choice: Choice | None, now: DateTime
) -> crowds.Question:
    text_hash = approved.hash if approved else _NOBODY_YET
    people = choice.people if choice else None
    unopened = opening.unopened(session, incident, text_hash)
    return crowds.Question(incident_id=incident, now=now, text_hash=text_hash, unopened=unopened, people=people)


def _asked(session: Session, question: crowds.Question, seen: Rehearsal) -> Iterator[tuple[Turn, int]]:
    """Whose turn it is, in crowds and one by one; the others are counted."""
    for crowd in crowds.counted(session, question):
        seen.meant += crowd.people
        if crowd.due and crowd.fresh:
            yield crowd.alike, crowd.people
        elif not crowd.due and crowd.open:
            seen.not_their_turn += crowd.people
        elif not crowd.due:
            seen.settled += crowd.people
    for person in crowds.begun(session, question):
        yield person, 1


def _language(approved: Approved | None, language: str) -> str:
    return approved.for_language(language).language if approved else language


def _segments(house: House, approved: Approved, messages: Mapping[tuple[str, str, str, str], int]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (_, channel, _, language), count in messages.items():
        if channel == Channel.SMS:
            length = measuring.sms_length(house, approved.texts[language])
            found[language] += count * length.segments if length else 0
    return dict(found)
