"""How long the notice is where length costs money or is refused, said before approval: SMS segments, push payloads.

Every text is measured as each provider of the settings would get it, with the longest name that a person can have.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import crowds, incidents, texts
from documents import notices
from flows.wiring import House
from notifiers import limits
from notifiers.limits import Excess
from notifiers.providers import Provider
from tocsin import segments
from tocsin.delivery import Channel
from tocsin.errors import Misconfigured, NotAllowed
from tocsin.plan import Plan
from tocsin.segments import Length

CODE = "0" * 10  # as long as the reference of a message
_MEASURED = (Channel.PUSH, Channel.SMS, Channel.PHONE)


@dataclass(frozen=True, kw_only=True)
class SmsCost:
    """What one language's text costs as SMS: segments a person, and in all if everybody with a number gets one."""

    language: str
    length: Length
    people: int

    @property
    def in_all(self) -> int:
        """Segments in all."""
        return self.length.segments * self.people

    @property
    def sentence(self) -> str:
        """The cost in words."""
        whole = f"about {self.in_all:,} in all if everybody with a number ({self.people:,}) gets one"
        cost = whole if self.people else "and nobody who reads it has a number"
        return f"As SMS ({self.language}): {self.length.sentence} a person, {cost}."

    def document(self) -> dict[str, object]:
        """The cost as JSON-able values."""
        return {
            "language": self.language,
            "alphabet": self.length.alphabet,
            "units": self.length.units,
            "segments": self.length.segments,
            "people": self.people,
            "segments_in_all": self.in_all,
        }


def problems(house: House, plan: Plan, written: Sequence[notices.NoticeText]) -> Iterator[str]:
    """What is too long for a provider, or longer than the plan pays for: a sentence each."""
    most = plan.notice.sms_segments_most
    for text in written:
        yield from (one.sentence(text.language) for one in _excesses(house, text) if one.sure)
        length = sms_length(house, text)
        if most is not None and length is not None and length.segments > most:
            yield (
                f"The notice ({text.language}) takes {length.sentence} as SMS, and the plan pays for {most} at most "
                "(`notice.sms_segments_most`): shorten `short`."
            )


def remarks_on(house: House, session: Session, incident: str) -> tuple[str, ...]:
    """What is worth knowing of the lengths of the notice and no reason to refuse it."""
    written = [notices.from_fields(row.fields) for row in texts.all_latest(session, incident, "notice").values()]
    return tuple(one.sentence(text.language) for text in written for one in _excesses(house, text) if not one.sure)


def sms_length(house: House, text: notices.NoticeText) -> Length | None:
    """The longest that a text can be as SMS; None where it cannot be rendered as it is."""
    lengths = [
        segments.measure(body)
        for rendered in _longest(text, Channel.SMS)
        for body in {rendered.text, *_bodies(house, rendered)}
    ]
    return max(lengths, key=lambda length: (length.segments, length.units), default=None)


def sms_costs(house: House, session: Session, incident: str, *, now: DateTime) -> list[SmsCost]:
    """What the notice costs as SMS by language, for the people without a verdict; empty without a text."""
    plan = house.plan(incidents.get(session, incident).plan)
    written = {
        row.language: notices.from_fields(row.fields) for row in texts.all_latest(session, incident, "notice").values()
    }
    reached = _with_a_number(session, incident, plan, written, now) if written else {}
    lengths = {language: sms_length(house, text) for language, text in sorted(written.items())}
    return [
        SmsCost(language=language, length=length, people=reached.get(language, 0))
        for language, length in lengths.items()
        if length is not None
    ]


def fallback(plan: Plan, written: Mapping[str, notices.NoticeText]) -> str:
    """The language of people for whose own there is no text: the plan's first that is written."""
    return next((language for language in plan.notice.languages if language in written), next(iter(written)))


def _with_a_number(
    session: Session, incident: str, plan: Plan, written: Mapping[str, notices.NoticeText], now: DateTime
) -> dict[str, int]:
    """How many people without a verdict may get an SMS, by the language of the text."""
    question = crowds.Question(incident_id=incident, now=now, text_hash="", unopened=())
    found: dict[str, int] = {}
    for crowd in crowds.counted(session, question):
        person = crowd.alike
        rungs = plan.ladder_for(place=person.place, language=person.language)
        if crowd.open and Channel.SMS in person.channels and any(rung.channel is Channel.SMS for rung in rungs):
            language = person.language if person.language in written else fallback(plan, written)
            found[language] = found.get(language, 0) + crowd.people
    return found


def _longest(text: notices.NoticeText, channel: Channel) -> list[notices.Rendered]:
    """The text for a person without a name, and for one with the longest; nothing where it cannot be rendered."""
    try:
        return [
            notices.render(text, person_name=name, channel=channel, code=CODE) for name in (None, notices.LONGEST_NAME)
        ]
    except NotAllowed:
        return []


def _excesses(house: House, text: notices.NoticeText) -> list[Excess]:
    """What of a text is too long, once for each provider and part."""
    found: dict[tuple[str, str], Excess] = {}
    for provider in house.settings.providers:
        for rendered in _longest(text, provider.channel) if provider.channel in _MEASURED else ():
            for excess in _asked(provider, rendered):
                known = found.get((excess.provider, excess.part))
                if known is None or excess.size > known.size:
                    found[excess.provider, excess.part] = excess
    return list(found.values())


def _asked(provider: Provider, rendered: notices.Rendered) -> list[Excess]:
    try:
        return list(limits.excesses(provider, subject=rendered.subject, text=rendered.text))
    except Misconfigured:  # said where providers are proven
        return []


def _bodies(house: House, rendered: notices.Rendered) -> Iterator[str]:
    for provider in house.settings.providers:
        if provider.channel is Channel.SMS:
            try:
                yield limits.handed_over(provider, subject=rendered.subject, text=rendered.text).body
            except Misconfigured:
                continue
