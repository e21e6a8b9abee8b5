"""What is owed to whom by when, and why: regimes against the facts of one incident.

A duty is never dropped because something is unknown: it is `undetermined` and names the fact.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, Final

from pendulum import DateTime

from tocsin import clocks, holding, moments, places
from tocsin.advice import Advice, advise
from tocsin.clocks import Setting, Timing
from tocsin.conditions import Truth, conjoined
from tocsin.duty import Duty, recall
from tocsin.facts import Facts, Risk
from tocsin.regimes import DutyRule, DutyVersion, Regime

__all__ = ["Assessment", "Duty", "assess", "recall"]

_ORDER: Final = ("owed", "undetermined", "conditional", "suspended", "done", "not-owed")
_RISK: Final = "risk.to_people"


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """Every duty under some facts, as seen at one moment."""

    as_of: DateTime
    duties: tuple[Duty, ...]
    advice: Advice

    def document(self, *, everything: bool = True) -> dict[str, Any]:
        """As `tocsin duties --json` prints it; `everything=False` leaves out what is not owed."""
        rows = [duty.row() for duty in self.duties if everything or duty.status != "not-owed"]
        return {"as_of": moments.text(self.as_of), "duties": rows, "advice": self.advice.document()}


def assess(facts: Facts, regimes: Sequence[Regime], *, as_of: DateTime) -> Assessment:
    """Judge every enabled regime's duties under the facts; sorted by what is due first."""
    question = _Question(facts=facts, as_of=as_of, advice=advise(facts), regimes=tuple(r for r in regimes if r.enabled))
    rows = [row for regime in question.regimes for row in question.rows(regime)]
    return Assessment(as_of=as_of, duties=tuple(sorted(rows, key=_sort_key)), advice=question.advice)


def _sort_key(duty: Duty) -> tuple[int, bool, float, str]:
    return (_ORDER.index(duty.status), duty.target is None, duty.target.timestamp() if duty.target else 0.0, duty.id)


@dataclass(frozen=True)
class _Question:
    facts: Facts
    as_of: DateTime
    advice: Advice
    regimes: tuple[Regime, ...]

    @cached_property
    def _supposed(self) -> Facts | None:
        """The facts as they would be if a person followed the advice on risk."""
        if self.advice.risk == "undetermined":
            return None
        return self.facts.model_copy(update={"risk": Risk(to_people=self.advice.risk)})

    def rows(self, regime: Regime) -> Iterable[Duty]:
        """The duties of one regime."""
        applies = regime.applies.judge(self.facts)
        day, dated = self._law_day(regime)
        for rule in regime.duties:
            version = rule.on(day)
            if version is None:
                yield _not_law(regime, rule, day)
                continue
            truth = self._truth(regime, version, self.facts, applies)
            for each in _each(version, self.facts) if truth.value is not False else (None,):
                yield self._row(regime, rule, version, truth, each, dated)

    def _law_day(self, regime: Regime) -> tuple[date, tuple[str, ...]]:
        """The day whose law counts, by the statute's own anchor; else the day of the view."""
        name = regime.text.dated_by
        zone = places.zone(regime.text.place)
        for anchor in dict.fromkeys((name, "discovered", "aware", "detected")):
            at: DateTime | None = getattr(self.facts.times, anchor)
            if at is not None:
                return at.in_timezone(zone).date(), ()
        day = self.as_of.in_timezone(zone).date()
        return day, (f"`{name}` is not known, so the law of {day} is applied.",)

    @staticmethod
    def _truth(regime: Regime, version: DutyVersion, facts: Facts, applies: Truth | None = None) -> Truth:
        exempt = [~exemption.when.judge(facts) for exemption in version.unless]
        return conjoined(applies or regime.applies.judge(facts), version.when.judge(facts), *exempt)

    def _row(
        self,
        regime: Regime,
        rule: DutyRule,
        version: DutyVersion,
        truth: Truth,
        each: str | None,
        dated: tuple[str, ...],
    ) -> Duty:
        text = version.text
        setting = self._setting(regime, rule, version, each)
        timed = Timing() if truth.value is False else clocks.timing(text, setting)
        status, unknown, told = self._status(version, truth, timed, setting)
        if status == "suspended" or (status != "done" and truth.value):
            timed, status, more = holding.apply(version, timed, status, setting)
            told = (*told, *more)
        count = self.facts.people_in(setting.people).document()
        beside = (*dated, *text.notes, *self._substitute(version, truth)) if truth.value is not False else ()
        return Duty(
            id=setting.duty,
            regime=regime.id,
            audience=text.audience,
            recipient=_named(text.recipient, self.facts, each),
            status=status,
            due=timed.due,
            target=timed.target,
            undated=timed.undated if truth.value is not False else None,
            starts=timed.starts,
            starts_at=timed.starts_at,
            unknown=unknown,
            advised=self._advised(regime, version, truth),
            people=None if isinstance(count, str) else count,
            stage=text.stage,
            order=tuple(clocks.full_id(regime.id, reference) for reference in text.order),
            channels=self._channels(version, truth),
            content=(*text.content, *(f"Must not say: {part}" for part in text.must_not_say)),
            citation=text.citation,
            source=version.link,
            in_force_from=text.in_force.from_,
            in_force_until=text.in_force.until,
            confidence=version.confidence,
            explained=(*_reasons(version, truth), *beside, *timed.explained, *told),
        )

    def _setting(self, regime: Regime, rule: DutyRule, version: DutyVersion, each: str | None) -> Setting:
        text = version.text
        key = rule.key.replace("{place}", each or "each")
        return Setting(
            facts=self.facts,
            as_of=self.as_of,
            regime=regime.id,
            duty=f"{regime.id}/{key}",
            place=clocks.counting_place(text, regime.text.place, self.facts, each),
            people=(each,) if each in places.COUNTRIES and each else self._scope(regime, version),
            territory=regime.text.place,
            other=self._other,
        )

    def _scope(self, regime: Regime, version: DutyVersion) -> tuple[str, ...]:
        """Whose people the duty is about: a law may protect everybody here, and abroad only its own residents."""
        seat = self.facts.organisation.seat
        at_home = seat is not None and places.within(seat, (regime.text.place,))
        return version.text.people if at_home or not version.text.people_abroad else version.text.people_abroad

    def _other(self, reference: str) -> Timing:
        """The timing of another duty, for those that are due beside it."""
        regime_id, _, key = reference.partition("/")
        for regime in self.regimes:
            rule = next((rule for rule in regime.duties if rule.key == key), None) if regime.id == regime_id else None
            version = rule.on(self._law_day(regime)[0]) if rule else None
            if rule and version:
                return clocks.timing(version.text, self._setting(regime, rule, version, None))
        return Timing(undated="at the same time as a duty that is not in force")

    def _status(
        self, version: DutyVersion, truth: Truth, timed: Timing, setting: Setting
    ) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        if truth.value is False:
            return "not-owed", (), ()
        done = holding.done(version.text, setting)
        if done is not None:
            return "done", (), (_done_words(done, timed),)
        if truth.value is None:
            return "undetermined", _risk_first(truth.unknown), (f"Find out: {', '.join(truth.unknown)}.",)
        if timed.missing:
            return (
                "undetermined",
                timed.missing,
                (f"It is owed, but its clock needs {', '.join(timed.missing)}: find it out.",),
            )
        return ("conditional" if timed.waits else "owed"), (), ()

    def _advised(self, regime: Regime, version: DutyVersion, truth: Truth) -> str | None:
        if truth.value is not None or _RISK not in truth.unknown or self._supposed is None:
            return None
        supposed = self._truth(regime, version, self._supposed).value
        return None if supposed is None else ("owed" if supposed else "not-owed")

    def _channels(self, version: DutyVersion, truth: Truth) -> tuple[str, ...]:
        ways = version.text.channels
        if truth.value is False:
            return ways
        allowed = [way.text.channels for way in version.substitute if way.when.judge(self.facts).value]
        return (*ways, *(channel for channels in allowed for channel in channels))

    def _substitute(self, version: DutyVersion, truth: Truth) -> Iterable[str]:
        for way in version.substitute if truth.value is not False else ():
            judged = way.when.judge(self.facts)
            why = "; ".join(judged.because)
            if judged.value:
                note = f" {way.text.note}" if way.text.note else ""
                yield f"Substitute notice is open ({way.text.citation}): {why}.{note}"
            elif judged.value is None:
                yield f"Whether substitute notice is open ({way.text.citation}) turns on {', '.join(judged.unknown)}."


def _risk_first(unknown: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(unknown, key=lambda path: path != _RISK))


def _each(version: DutyVersion, facts: Facts) -> tuple[str | None, ...]:
    """The places that get a row of their own; one row for all while none of them is known."""
    if not version.text.each:
        return (None,)
    members = sorted(places.expand(version.text.each))
    affected = [place for place in members if facts.people_in((place,)).at_least > 0]
    return tuple(affected) or (version.text.each[0],)


def _named(recipient: str, facts: Facts, each: str | None) -> str:
    seat = facts.organisation.seat
    return recipient.replace("{place}", places.name(each) if each else "each place").replace(
        "{seat}", places.name(seat) if seat else "the seat"
    )


def _reasons(version: DutyVersion, truth: Truth) -> tuple[str, ...]:
    """Why the law speaks or keeps silent here."""
    text = version.text
    why = "; ".join(truth.because) or "without condition"
    if truth.value is False:
        return (f"Not owed under {text.citation}: {why}.",)
    return (f"{'Owed' if truth.value else 'It is open whether it is owed'} under {text.citation}: {why}.",)


def _done_words(done: DateTime, timed: Timing) -> str:
    late = timed.due is not None and done > timed.due
    return f"Done on {moments.text(done)}{', after it was due' if late else ''}."


def _not_law(regime: Regime, rule: DutyRule, day: date) -> Duty:
    version = rule.versions[0] if day < (rule.versions[0].text.in_force.from_ or date.min) else rule.versions[-1]
    text = version.text
    blank = Duty(
        id=f"{regime.id}/{rule.key.replace('{place}', 'each')}",
        regime=regime.id,
        audience=text.audience,
        recipient=text.recipient.replace("{place}", "each place").replace("{seat}", "the seat"),
        status="not-owed",
        due=None,
        target=None,
        undated=None,
        starts=None,
        starts_at=None,
        unknown=(),
        advised=None,
        people=None,
        stage=text.stage,
        order=(),
        channels=(),
        content=(),
        citation=text.citation,
        source=version.link,
        in_force_from=text.in_force.from_,
        in_force_until=text.in_force.until,
        confidence=version.confidence,
        explained=(),
    )
    return replace(blank, explained=(f"Not owed: {text.citation} was not law on {day}.",))
