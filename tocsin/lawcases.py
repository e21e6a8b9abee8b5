"""Worked cases of a law: facts in, duties out, as they stand in the case file beside a regime file.

`judge` says what a case expects and the law does not give; `gaps` says which edges of the law no case has tried: each
threshold and each deadline wants a case on either side, each version one on its first day and one on the day before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tocsin import duties, facts, moments, places
from tocsin.conditions.nodes import Compared, Residents
from tocsin.duties import Assessment, Duty
from tocsin.errors import Invalid
from tocsin.facts import Facts
from tocsin.regimes import DutyVersion, Regime

_PARTS = {"base", "as_of", "cases"}
_CASE_PARTS = {"name", "as_of", "facts", "expect"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One set of facts at one moment, and what must follow."""

    name: str
    facts: Facts
    as_of: Any
    expect: tuple[Mapping[str, Any], ...]


def read(document: Mapping[str, Any], *, source: str) -> tuple[Case, ...]:
    """The cases of a case file; raises Invalid in one sentence."""
    if set(document) != _PARTS or not isinstance(document["cases"], list) or not document["cases"]:
        raise Invalid(f"{source} must hold `base`, `as_of` and a list of `cases`, and nothing else.")
    return tuple(_case(document, case, source) for case in document["cases"])


def _case(document: Mapping[str, Any], case: Any, source: str) -> Case:
    if not isinstance(case, Mapping) or not {"name", "expect"} <= set(case) <= _CASE_PARTS:
        raise Invalid(f"{source}: each case must hold `name` and `expect`, and may hold `facts` and `as_of`.")
    base = document["base"]
    change = {
        name: _merged(base.get(name) or {}, part) if name == "times" and part else part
        for name, part in (case.get("facts") or {}).items()
    }
    where = f"{source}, `{case['name']}`"
    try:
        as_of = moments.parse(case.get("as_of", document["as_of"]))
    except ValueError as error:
        raise Invalid(f"{where}: `as_of` {error}.") from None
    return Case(
        name=str(case["name"]),
        facts=facts.parse(_merged(base, change), source=where),
        as_of=as_of,
        expect=_expected(case["expect"] or [], where),
    )


def _expected(listed: Any, where: str) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) and "id" in one for one in listed):
        raise Invalid(f"{where}: `expect` must be a list of duties, each with its `id`.")
    return tuple(listed)


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """One level deep: what a case gives replaces the base's value of that name; null takes it away."""
    return {name: value for name, value in {**base, **change}.items() if value is not None}


def assessed(regime: Regime, case: Case) -> Assessment:
    """The law's duties under the facts of the case; a draft is judged as if it were law."""
    if regime.text.status == "not-in-force":
        regime = replace(regime, text=regime.text.model_copy(update={"status": "in-force"}))
    return duties.assess(case.facts, [regime], as_of=case.as_of)


def judge(regime: Regime, case: Case) -> tuple[str, ...]:
    """What the case expects and the law does not give, one sentence each."""
    assessment = assessed(regime, case)
    by_id = {duty.id: duty for duty in assessment.duties}
    return tuple(
        failure for expected in case.expect for failure in _missed(expected, by_id.get(expected["id"]), assessment)
    )


def _missed(expected: Mapping[str, Any], duty: Duty | None, assessment: Assessment) -> Iterator[str]:
    if duty is None:
        yield f"there is no duty `{expected['id']}` among {', '.join(sorted(one.id for one in assessment.duties))}"
        return
    for name, value in expected.items():
        stem, _, test = name.rpartition("_")
        if test in {"has", "lack"}:
            row = duty.row()
            if stem not in row or (value in str(row[stem])) is not (test == "has"):
                yield f"{duty.id}: `{stem}` {'lacks' if test == 'has' else 'has'} `{value}`"
        elif (found := _seen(duty, assessment, name)) != value:
            yield f"{duty.id}: `{name}` is {found}, not {value} ({' '.join(duty.explained)})"


def _seen(duty: Duty, assessment: Assessment, name: str) -> Any:
    row = duty.row()
    plain = {
        "undated": duty.undated is not None and duty.due is None,
        "overdue": duty.due is not None and duty.due < assessment.as_of,
        "in_force_from": row["in_force"]["from"],
        "in_force_until": row["in_force"]["until"],
    }
    return plain[name] if name in plain else row.get(name, "no part of a duty")


def gaps(regime: Regime, cases: tuple[Case, ...]) -> tuple[str, ...]:
    """The edges of the law that no case has tried, one sentence each."""
    return (*_untried_thresholds(regime, cases), *_untried_deadlines(regime, cases), *_untried_versions(regime, cases))


def versions(regime: Regime) -> Iterator[tuple[str, DutyVersion]]:
    """Every version of every duty, with the duty's id."""
    for rule in regime.duties:
        for version in rule.versions:
            yield f"{regime.id}/{rule.key}", version


def nodes_of(node: Any) -> Iterator[Any]:
    """A condition and every condition within it."""
    yield node
    for part in fields(node) if is_dataclass(node) else ():
        inner = getattr(node, part.name)
        for one in inner if isinstance(inner, tuple) else (inner,):
            if hasattr(one, "judge"):
                yield from nodes_of(one)


def conditions_of(regime: Regime) -> Iterator[Any]:
    """Every condition of a law: where it applies, and of each version its own, its exemptions, ways and clocks."""
    yield regime.applies
    for _, version in versions(regime):
        yield version.when
        yield from (one.when for one in version.unless)
        yield from (way.when for way in version.substitute)
        yield from (when for when in version.clock_whens if when is not None)


def _thresholds(regime: Regime) -> tuple[Any, ...]:
    found = (
        node
        for condition in conditions_of(regime)
        for node in nodes_of(condition)
        if isinstance(node, Residents | Compared)
    )
    return tuple(dict.fromkeys(found))


def _edges(node: Any) -> tuple[Any, Any]:
    """The value at the bound and the nearest one on the other side."""
    if isinstance(node.bound, timedelta):
        step: Any = timedelta(minutes=1)
    else:
        step = Decimal(1) if isinstance(node.bound, Decimal) else 1
    return node.bound, node.bound + step if node.comparison in {"over", "at_most"} else node.bound - step


def _value_of(node: Any, known: Facts) -> Any:
    if isinstance(node, Residents):
        return known.people_in(node.where).exact
    value = known.value(node.path)
    return getattr(value, "amount", getattr(value, "exact", value))


def _untried_thresholds(regime: Regime, cases: tuple[Case, ...]) -> Iterator[str]:
    for node in _thresholds(regime):
        tried = [_value_of(node, case.facts) for case in cases]
        what = ", ".join(node.where) if isinstance(node, Residents) else node.path
        for edge in _edges(node):
            if edge not in tried:
                yield f"no case has {edge} at `{what}` ({node.comparison.replace('_', ' ')} {node.bound})"


def _untried_deadlines(regime: Regime, cases: tuple[Case, ...]) -> Iterator[str]:
    told = [expected for case in cases for expected in case.expect]
    for duty, version in versions(regime):
        if not version.text.clocks:
            continue
        stem, each, _ = duty.partition("{place}")
        of_it = [one for one in told if one["id"] == duty or (each and str(one["id"]).startswith(stem))]
        if not any(expected.get("due") for expected in of_it):
            yield f"no case gives the day on which `{duty}` is due"
        for late in (False, True):
            if not any(expected.get("overdue") is late for expected in of_it) and not version.text.continuing:
                yield f"no case shows `{duty}` {'too late' if late else 'just in time'}"


def _untried_versions(regime: Regime, cases: tuple[Case, ...]) -> Iterator[str]:
    anchor = regime.text.dated_by
    zone = places.zone(regime.text.place)
    days = {at.in_timezone(zone).date() for case in cases if (at := getattr(case.facts.times, anchor)) is not None}
    for duty, version in versions(regime):
        first = version.text.in_force.from_
        for day in (first - timedelta(days=1), first) if first else ():
            if day not in days:
                yield f"no case has `{anchor}` on {day}, beside the first day of a version of `{duty}`"


def stale(regime: Regime, *, today: date, after: timedelta) -> tuple[str, ...]:
    """Sources that were read too long ago, and law that has ended without a successor, one sentence each."""
    old = [
        f"source `{name}` was last read on {source.read_on}"
        for name, source in regime.text.sources.items()
        if today - source.read_on > after
    ]
    ended = [
        f"`{regime.id}/{rule.key}` ended on {rule.versions[-1].text.in_force.until} and has no later version"
        for rule in regime.duties
        if (last := rule.versions[-1].text.in_force.until) is not None and last < today
    ]
    return (*old, *ended)
