"""What is owed to whom by when, and why: regimes against the facts of one incident.

A duty is never dropped because something is unknown: it is `undetermined` and names the fact.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, Final

from pendulum import DateTime

from tocsin import clocks, holding, moments, places, questions, unsettled
from tocsin.advice import Advice, advise
from tocsin.clocks import Setting, Timing
from tocsin.conditions import Truth, conjoined
from tocsin.duty import Duty, recall
from tocsin.facts import Facts
from tocsin.regimes import DutyRule, DutyVersion, Regime

__all__ = ["Assessment", "Duty", "assess", "recall"]

_ORDER: Final = ("owed", "undetermined", "conditional", "suspended", "done", "not-owed")
_RISK: Final = "risk.to_people"


@dataclass(frozen=True, kw_only=True)
class Silent:
    """A law that touches the incident and asks for nothing today, and why."""

    regime: str
    title: str
    status: str  # no-duty or not-in-force
    note: str

    def row(self) -> dict[str, str]:
        """As JSON."""
        return {"regime": self.regime, "title": self.title, "status": self.status, "note": self.note}


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """Every duty under some facts, as seen at one moment."""

    as_of: DateTime
    duties: tuple[Duty, ...]
    advice: Advice
    unsettled: frozenset[str] = frozenset()  # regimes of which it is open whether they apply at all
    silent: tuple[Silent, ...] = ()

    def document(self, *, everything: bool = True) -> dict[str, Any]:
        """As `tocsin duties --json` prints it; `everything=False` leaves out what is not owed."""
        rows = [duty.row() for duty in self.duties if everything or duty.status != "not-owed"]
        return {
            "as_of": moments.text(self.as_of),
            "duties": rows,
            "find_out_first": [question.row() for question in questions.ranked(self.duties)],
            "without_duty": [one.row() for one in self.silent],
            "advice": self.advice.document(),
        }

    def gathered(self) -> "Assessment":
        """The same, with the duties of laws that may not apply at all in one row: one thing to settle, not hundreds."""
        apart = [duty for duty in self.duties if duty.regime in self.unsettled and duty.status != "not-owed"]
        if not apart:
            return self
        kept = [duty for duty in self.duties if duty.regime not in self.unsettled]
        return replace(self, duties=tuple(sorted([*kept, unsettled.row(apart)], key=_sort_key)))


def assess(facts: Facts, regimes: Sequence[Regime], *, as_of: DateTime, everything: bool = True) -> Assessment:
    """Judge every enabled regime's duties under the facts; sorted by what is due first.

    `everything=False` spends nothing on what is not owed, and leaves its rows out.
    """
    enabled = tuple(regime for regime in regimes if regime.enabled)
    seen = facts.seen_at(as_of)
    question = _Question(facts=seen, as_of=as_of, advice=advise(seen), regimes=enabled, everything=everything)
    rows: list[Duty] = []
    open_regimes: set[str] = set()
    for regime in question.regimes:
        applies = regime.applies.judge(seen)
        if applies.value is None:
            open_regimes.add(regime.id)
        if everything or applies.value is not False:
            rows.extend(question.about(regime).rows(regime, applies))
    return Assessment(
        as_of=as_of,
        duties=tuple(sorted(rows, key=_sort_key)),
        advice=question.advice,
        unsettled=frozenset(open_regimes),
        silent=tuple(_silent(regimes, facts)),
    )


def _silent(regimes: Sequence[Regime], facts: Facts) -> Iterable[Silent]:
    """What was looked at and says nothing today: places without a duty, drafts, rules not yet opened."""
    for regime in regimes:
        if not regime.enabled and regime.applies.judge(facts).value:
            yield Silent(
                regime=regime.id, title=regime.title, status=regime.text.status, note=regime.text.status_note or ""
            )


def _sort_key(duty: Duty) -> tuple[int, bool, float, str]:
    return (_ORDER.index(duty.status), duty.target is None, duty.target.timestamp() if duty.target else 0.0, duty.id)


@dataclass(frozen=True)
class _Question:
    facts: Facts
    as_of: DateTime
    advice: Advice
    regimes: tuple[Regime, ...]
    everything: bool

    def about(self, regime: Regime) -> "_Question":
        """The same question without the findings that were made for other places than this law's."""
        facts = self.facts.concerning(regime.text.place)
        return self if facts is self.facts else replace(self, facts=facts)

    @cached_property
    def _supposed(self) -> Facts | None:
        """The facts as they would be if a person followed the advice on risk."""
        if self.advice.risk == "undetermined":
            return None
        return self.facts.supposing(self.advice.risk)

    def rows(self, regime: Regime, applies: Truth) -> Iterable[Duty]:
        """The duties of one regime."""
        day, dated = self._law_day(regime)
        for rule in regime.duties:
            version = rule.on(day)
            if version is None:
                if self.everything:
                    yield _not_law(regime, rule, day)
                continue
            asked = [
                (each, local, self._truth(regime, local, self.facts, applies))
                for each, local in self._places(version, applies)
            ]
            if all(truth.value is False for _, _, truth in asked):
                joint = self._truth(regime, version, self.facts, applies)
                asked = [(None, version, joint)] if joint.value is False else asked  # one row says why not, for all
            for each, local, truth in asked:
                if truth.value is not False or self.everything:
                    yield self._row(regime, rule, local, truth, each, dated)

    def _places(self, version: DutyVersion, applies: Truth) -> Iterable[tuple[str | None, DutyVersion]]:
        """The places that get a row, each with the version as it is asked there; one row for all without any."""
        if applies.value is False:
            return ((None, version),)
        return ((each, version if each is None else version.at(each)) for each in _each(version, self.facts))

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
        timed = Timing() if truth.value is False else clocks.timing(version, setting)
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
            recipient=_named(text.recipient, self.facts, each, regime.text.place),
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
            explained=(*_reasons(version, truth, self.facts), *beside, *timed.explained, *told),
        )

    def _setting(self, regime: Regime, rule: DutyRule, version: DutyVersion, each: str | None) -> Setting:
        text = version.text
        key = rule.key.replace("{place}", each or "each")
        return Setting(
            facts=self.facts,
            as_of=self.as_of,
            regime=regime.id,
            duty=f"{regime.id}/{key}",
            place=clocks.counting_place(text.counted_in, regime.text.place, self.facts, each),
            workdays=clocks.counting_place(text.workdays_of or text.counted_in, regime.text.place, self.facts, each),
            people=(each,) if each and places.known(each) else self._scope(regime, version),
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
                return clocks.timing(version, self._setting(regime, rule, version, None))
        return Timing(undated="at the same time as a duty that is not in force")

    def _status(
        self, version: DutyVersion, truth: Truth, timed: Timing, setting: Setting
    ) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        if truth.value is False:
            return "not-owed", (), ()
        if version.text.continuing:
            over = timed.due is not None and timed.due < self.as_of
            return ("done", (), ("It has lasted long enough.",)) if over else self._open(truth, timed)
        done = holding.done(version.text, setting)
        if done is not None:
            return "done", (), (_done_words(done, timed),)
        return self._open(truth, timed)

    @staticmethod
    def _open(truth: Truth, timed: Timing) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        if truth.value is None:
            unknown = tuple(dict.fromkeys((*_risk_first(truth.unknown), *timed.missing)))
            return "undetermined", unknown, (f"Find out: {', '.join(unknown)}.",)
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
                note += f" It stays up for at least {way.text.posted_for}." if way.text.posted_for else ""
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
    named = [place for path in version.licensed for place in facts.value(path) or ()]
    affected = [place for place in members if facts.people_in((place,)).at_least > 0 or place in named]
    return tuple(affected) or (version.text.each[0] if len(version.text.each) == 1 else None,)


def _named(recipient: str, facts: Facts, each: str | None, territory: str) -> str:
    """The recipient in words; an organisation seated elsewhere has its authority where the law is."""
    seat = facts.organisation.seat
    where = "the seat" if seat is None else places.name(seat if places.within(seat, (territory,)) else territory)
    return recipient.replace("{place}", places.name(each) if each else "each place").replace("{seat}", where)


def _reasons(version: DutyVersion, truth: Truth, facts: Facts) -> Iterable[str]:
    """Why the law speaks or keeps silent here, and which exemption lifts the duty or may lift it."""
    text = version.text
    why = "; ".join(truth.because) or "without condition"
    said = {True: "Owed", False: "Not owed", None: "It is open whether it is owed"}[truth.value]
    yield f"{said} under {text.citation}: {why}."
    for exemption in version.unless if not truth.value else ():
        judged = exemption.when.judge(facts).value
        if judged is not False:
            yield f"{'Lifted' if judged else 'It may be lifted'}: {exemption.text.because} ({exemption.text.citation})."


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
