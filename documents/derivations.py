"""Answers to a regulator's questions, taken from the facts, the plan and the record, or not at all.

Each function returns None where the answer is unknown. Nothing is guessed: "unknown" is never "no", and a number that
nobody gave is never a zero.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pendulum import DateTime

from documents import wording
from documents.notices import drafting
from tocsin import moments, places, vocabulary

Document = Mapping[str, Any]
_UNKNOWN: Final = (None, "unknown")


class Level(Protocol):
    """A grade that a number of people reaches."""

    @property
    def at_least(self) -> int:
        """The smallest number of people of the grade."""

    @property
    def text(self) -> Mapping[str, str]:
        """What the grade is called, by language."""


class Question(Protocol):
    """The part of a form's field that a derivation reads."""

    @property
    def path(self) -> str | None:
        """Where in the facts the answer stands."""

    @property
    def fallback(self) -> str | None:
        """Where else, if not there."""

    @property
    def choices(self) -> Mapping[str, Mapping[str, str]]:
        """Words for each value."""

    @property
    def levels(self) -> Sequence[Level]:
        """Grades, highest first."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that an answer may be taken from."""

    facts: Document
    plan: Document
    duties: Sequence[Document]  # the rows of the duties that this form serves
    individuals: Sequence[Document]  # the rows of the duties to tell people
    record: Document  # counts of people by verdict, as the caller knows them
    languages: tuple[str, ...]
    zone: str | None
    late: bool | None  # None where nobody knows yet

    def fact(self, path: str | None) -> Any:
        """The fact at a dotted path, None where it is unknown."""
        value: Any = self.facts
        for step in (path or "").split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        return None if value in _UNKNOWN else value

    def of_organisation(self, name: str) -> Any:
        """What the plan says of the organisation, None where it says nothing."""
        return (self.plan.get("organisation") or {}).get(name) or None

    def say(self, words: Callable[[wording.Words, str], str]) -> dict[str, str]:
        """A text in each of the form's languages."""
        return {language: words(wording.words(language), language) for language in self.languages}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer as data, as text by language, and where it comes from."""

    value: Any
    text: Mapping[str, str]
    source: str


Derivation = Callable[[Known, Question], Answer | None]


def _organisation(known: Known, _: Question) -> Answer | None:
    named = {one: drafting.organisation_name(known.plan, known.facts, one) for one in known.languages}
    text = {language: name for language, name in named.items() if name}
    source = "plan" if known.of_organisation("name") else "facts.organisation.name"
    return Answer(value=text, text=text, source=source) if len(text) == len(named) else None


def _contact(known: Known, _: Question) -> Answer | None:
    contact, officer = known.of_organisation("contact") or {}, known.of_organisation("dpo")

    def said(language: str) -> str:
        named = officer if isinstance(officer, Mapping) else {"name": officer}
        parts = [drafting.localised(named.get(name), language) for name in ("name", "email", "phone")]
        parts += [drafting.localised(contact.get(name), language) for name in ("email", "phone", "url", "address")]
        return ", ".join(dict.fromkeys(part for part in parts if part))

    text = {language: said(language) for language in known.languages}
    return Answer(value=text, text=text, source="plan") if all(text.values()) else None


def _moment(known: Known, question: Question) -> Answer | None:
    for path in (question.path, question.fallback):
        value = known.fact(path)
        if value is not None:
            at = moments.parse(value)
            text = dict.fromkeys(known.languages, clock(at, known.zone))
            return Answer(value=moments.text(at), text=text, source=f"facts.{path}")
    return None


def clock(at: DateTime, zone: str | None) -> str:
    """A moment to the minute with its offset, in the zone if there is one, and in UTC beside it."""
    local = at.in_timezone(zone) if zone else at
    written = local.format("YYYY-MM-DD HH:mm [(UTC]Z[)]")
    utc = at.in_timezone("UTC")
    return written if local.utcoffset() == utc.utcoffset() else f"{written} = {utc.format('YYYY-MM-DD HH:mm')} UTC"


def _yes_no(known: Known, question: Question) -> Answer | None:
    value = known.fact(question.path)
    if not isinstance(value, bool):
        return None
    text = known.say(lambda words, _: words.reporting.yes_ if value else words.reporting.no_)
    return Answer(value=value, text=text, source=f"facts.{question.path}")


def _choice(known: Known, question: Question) -> Answer | None:
    value = known.fact(question.path)
    if value not in question.choices:
        return None
    return Answer(value=value, text=question.choices[value], source=f"facts.{question.path}")


def _count(known: Known, question: Question) -> Answer | None:
    value = known.fact(question.path)
    said = {language: drafting.people_in_words(value, language) for language in known.languages}
    text = {language: words for language, words in said.items() if words}
    return Answer(value=_plain(value), text=text, source=f"facts.{question.path}") if len(text) == len(said) else None


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _place(known: Known, question: Question) -> Answer | None:
    stated = known.fact(question.path)
    value = stated or known.of_organisation("seat")
    if not isinstance(value, str):
        return None
    source = f"facts.{question.path}" if stated else "plan"
    return Answer(value=value, text=known.say(lambda words, _: place_name(words, value)), source=source)


def place_name(words: wording.Words, code: str) -> str:
    """A place in the language where we have its name, else in English, always with its code."""
    return f"{words.places.get(code) or places.name(code)} ({code})"


def _recipients(known: Known, _: Question) -> Answer | None:
    named = sorted({str(row["recipient"]) for row in known.duties if row.get("recipient")})
    if not named:
        return None
    return Answer(value=named, text=known.say(lambda *_: "; ".join(named)), source="duties")


def _kinds(known: Known, _: Question) -> Answer | None:
    kinds = known.fact("breach.kinds")
    if not kinds:
        return None
    text = known.say(lambda words, _: words.separator.join(words.reporting.kinds[kind] for kind in kinds))
    return Answer(value=list(kinds), text=text, source="facts.breach.kinds")


def _cause(known: Known, _: Question) -> Answer | None:
    cause = known.fact("breach.cause")
    if cause is None:
        return None
    return Answer(
        value=cause, text=known.say(lambda words, _: words.reporting.causes[cause]), source="facts.breach.cause"
    )


def _incident_type(known: Known, _: Question) -> Answer | None:
    # GB/T 20986-2023 names classes; ransomware is a malicious program whatever brought it in.
    kind = "ransomware" if known.fact("breach.ransomware") is True else known.fact("breach.cause")
    if kind is None:
        return None
    text = known.say(lambda words, _: words.reporting.incident_types[kind])
    return Answer(value=kind, text=text, source="facts.breach")


def _data_categories(known: Known, _: Question) -> Answer | None:
    return _elements(known, drafting.affected_elements(known.facts), list(known.fact("data.other") or []))


def _special_categories(known: Known, _: Question) -> Answer | None:
    affected = drafting.affected_elements(known.facts)
    special = [element for element in affected if element in vocabulary.ELEMENT_SETS["special-categories"]]
    if special or not affected:
        return _elements(known, special, [])
    if known.fact("data.other"):
        return None  # free words may be special data; a person must say
    return Answer(value=[], text=known.say(lambda words, _: words.reporting.none_), source="facts.data.elements")


def _elements(known: Known, ids: Sequence[str], other: Sequence[str]) -> Answer | None:
    if not ids and not other:
        return None
    text = known.say(
        lambda words, language: words.separator.join(
            [*(wording.elements()[one].label(language) for one in ids), *map(str, other)]
        )
    )
    return Answer(value=[*ids, *other], text=text, source="facts.data")


def _people_by_place(known: Known, _: Question) -> Answer | None:
    by_place = known.fact("people.by_place")
    if not by_place:
        return None

    def said(words: wording.Words, language: str) -> str:
        counts = {place: drafting.people_in_words(by_place[place], language) for place in sorted(by_place)}
        named = [
            f"{place_name(words, place)}{words.colon}{count or words.reporting.unknown}"
            for place, count in counts.items()
        ]
        return words.separator.join(named)

    text = known.say(said)
    value = {place: _plain(count) for place, count in sorted(by_place.items())}
    return Answer(value=value, text=text, source="facts.people.by_place")


def _other_places(known: Known, _: Question) -> Answer | None:
    by_place = known.fact("people.by_place")
    if not by_place:
        return None
    seat = known.fact("organisation.seat") or known.of_organisation("seat")
    others = sorted({place.partition("-")[0] for place, count in by_place.items() if count != 0} - {seat})
    text = known.say(
        lambda words, _: words.separator.join(place_name(words, place) for place in others) or words.reporting.none_
    )
    return Answer(value=others, text=text, source="facts.people.by_place")


def _harms(known: Known, _: Question) -> Answer | None:
    groups = drafting.affected_groups(known.facts)
    if not groups:
        return None
    text = known.say(lambda words, _: words.separator.join(words.groups[group].harm for group in groups))
    return Answer(value=groups, text=text, source="facts.data")


def _risk(known: Known, _: Question) -> Answer | None:
    risk = known.fact("risk.to_people")
    if risk is None:
        return None
    by, basis = known.fact("risk.determined_by"), known.fact("risk.basis")
    added = [str(part) for part in (basis, by) if part]
    text = known.say(lambda words, _: words.separator.join([words.reporting.risks[risk], *added]))
    return Answer(value={"risk": risk, "determined_by": by, "basis": basis}, text=text, source="facts.risk")


def _containment(known: Known, _: Question) -> Answer | None:
    times = {name: known.fact(f"times.{name}") for name in ("contained", "resolved")}
    at = {name: moments.parse(value) for name, value in times.items() if value is not None}
    if not at:
        return None
    text = known.say(
        lambda words, _: words.separator.join(
            f"{getattr(words.reporting, name)}{clock(when, known.zone)}" for name, when in at.items()
        )
    )
    return Answer(value={name: moments.text(when) for name, when in at.items()}, text=text, source="facts.times")


def _impact(known: Known, question: Question) -> Answer | None:
    parts = [part for part in (_kinds(known, question), _data_categories(known, question)) if part]
    if len(parts) < 2:
        return None
    text = known.say(lambda words, language: words.separator.join(part.text[language] for part in parts))
    return Answer(value=[part.value for part in parts], text=text, source="facts.breach, facts.data")


def _level(known: Known, question: Question) -> Answer | None:
    """The grade that a person decided, else the one that the number of people in mainland China reaches by itself.

    Below the lowest number the other tests of the guide decide, and only a person can apply them.
    """
    if known.fact("significance.grade") in question.choices:
        grade = known.fact("significance.grade")
        return Answer(value=grade, text=question.choices[grade], source="facts.significance.grade")
    count = known.fact("people.by_place.CN")
    sure = count.get("at_least") if isinstance(count, Mapping) else count
    reached = next((level for level in question.levels if isinstance(sure, int) and sure >= level.at_least), None)
    if reached is None:
        return None
    return Answer(value={"at_least": reached.at_least}, text=reached.text, source="facts.people.by_place.CN")


def _told(known: Known, _: Question) -> Answer | None:
    verdicts = {str(key): count for key, count in (known.record.get("people_by_verdict") or {}).items() if count}
    total = known.record.get("people_total")
    if not verdicts or not isinstance(total, int):
        return _told_events(known)

    def said(words: wording.Words, _: str) -> str:
        parts = [f"{words.reporting.verdicts.get(key, key)} {words.number(count)}" for key, count in verdicts.items()]
        return f"{words.reporting.people}{words.colon}{words.number(total)} ({words.separator.join(parts)})"

    return Answer(value={"total": total, "by_verdict": verdicts}, text=known.say(said), source="record")


def _told_events(known: Known) -> Answer | None:
    told = [one for one in known.facts.get("events") or [] if one.get("event") == "individuals-notified"]
    if told:
        at = [clock(moments.parse(one["at"]), known.zone) for one in told]
        text = known.say(lambda words, _: f"{words.reporting.told}{words.separator.join(at)}")
        return Answer(value=at, text=text, source="facts.events")
    statuses = sorted({str(row["status"]) for row in known.individuals})
    if not statuses:
        return None
    text = known.say(lambda words, _: words.separator.join(words.reporting.statuses.get(one, one) for one in statuses))
    return Answer(value=statuses, text=text, source="duties")


DERIVATIONS: Final[Mapping[str, Derivation]] = {
    "organisation": _organisation,
    "contact": _contact,
    "moment": _moment,
    "yes-no": _yes_no,
    "choice": _choice,
    "count": _count,
    "place": _place,
    "recipients": _recipients,
    "kinds": _kinds,
    "cause": _cause,
    "incident-type": _incident_type,
    "data-categories": _data_categories,
    "special-categories": _special_categories,
    "people-by-place": _people_by_place,
    "other-places": _other_places,
    "harms": _harms,
    "risk": _risk,
    "containment": _containment,
    "impact": _impact,
    "level": _level,
    "told": _told,
}
