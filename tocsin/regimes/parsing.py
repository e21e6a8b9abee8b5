"""From a regime document to a regime: schema, versions merged, conditions parsed, every reference resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from tocsin import complaints, conditions, vocabulary
from tocsin.conditions import Condition, Definitions
from tocsin.errors import Invalid
from tocsin.regimes.model import DutyRule, DutyText, DutyVersion, Exempt, Regime, RegimeText, SubstituteWay, weakest
from tocsin.regimes.parts import EACH, Cited, DutyKey, InForce

_KEY: Final = TypeAdapter(DutyKey)


@dataclass(frozen=True)
class Shared:
    """Conditions that many regimes name: ready to be judged, and as data."""

    conditions: Definitions
    document: Mapping[str, Any]


def shared(documents: Mapping[str, Mapping[str, Any]]) -> Shared:
    """Shared definitions from their files, each under the file's name: `us/owner`; raises Invalid."""
    found: dict[str, Condition] = {}
    forms: dict[str, Any] = {}
    for prefix, document in documents.items():
        for name, form in document.items():
            found[f"{prefix}/{name}"] = _condition(form, found, f"definitions/{prefix}.yaml: `{name}`")
            forms[f"{prefix}/{name}"] = form
    return Shared(conditions=found, document=forms)


NOTHING_SHARED: Final = Shared(conditions={}, document={})


def parse(document: Mapping[str, Any], *, source: str, borrowing: Shared = NOTHING_SHARED) -> Regime:
    """A regime from its document, checked whole; raises Invalid in one sentence with `source` and the path."""
    regime = opened(document, source=source, borrowing=borrowing)
    beside: dict[str, str] = {}
    for rule in regime.duties:
        for version in rule.versions:
            _references(rule.key, version.text, tuple(regime.text.duties), source)
            if version.text.same_time_as is not None:
                beside[rule.key] = version.text.same_time_as
    _no_circle(beside, source)
    return regime


def _references(key: str, text: DutyText, keys: tuple[str, ...], source: str) -> None:
    """Every duty of the same law that is named must be one of it; those of other laws are named in full."""
    starts = [*(clock.starts for clock in text.clocks), text.starts]
    named = [*text.order, text.same_time_as, *(one.duty for one in starts if one is not None)]
    for name in named:
        if name is not None and "/" not in name and name not in keys:
            raise Invalid(
                f"{source}: `duties.{key}` names the duty `{name}`, which this law does not have: "
                f"{vocabulary.suggestion(name, keys)}."
            )


def _no_circle(beside: Mapping[str, str], source: str) -> None:
    for key in beside:
        seen, at = {key}, beside[key]
        while at in beside and at not in seen:
            seen.add(at)
            at = beside[at]
        if at in seen:
            raise Invalid(f"{source}: `duties.{key}` is due with itself by `same_time_as`: give one of them a clock.")


def opened(document: Mapping[str, Any], *, source: str, borrowing: Shared = NOTHING_SHARED) -> Regime:
    """A regime whose duties are read, and refused, when they are first asked for; raises Invalid for the rest."""
    try:
        text = RegimeText.model_validate(dict(document))
    except ValidationError as error:
        raise complaints.invalid(error, source=source) from None
    definitions: dict[str, Condition] = dict(borrowing.conditions)
    for name, form in text.definitions.items():
        definitions[name] = _condition(form, definitions, f"{source}: `definitions.{name}`")
    _links(text, source)
    return Regime(
        text=text,
        applies=_condition(text.applies, definitions, f"{source}: `applies`"),
        read_duties=lambda: tuple(_duty(key, raw, text, definitions, source) for key, raw in text.duties.items()),
        document=dict(document),
        borrowed=_borrowed(document, borrowing),
    )


def _borrowed(document: Any, borrowing: Shared) -> dict[str, Any]:
    """The shared definitions that a document rests on, with those that they rest on."""
    wanted = [name for name in _refs(document) if name in borrowing.document]
    found: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = borrowing.document[name]
            wanted += [inner for inner in _refs(found[name]) if inner in borrowing.document]
    return found


def _refs(node: Any) -> Iterable[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("ref"), str):
            yield node["ref"]
        for part in node.values():
            yield from _refs(part)
    elif isinstance(node, list | tuple):
        for part in node:
            yield from _refs(part)


def _condition(form: Any, definitions: Definitions, where: str) -> Condition:
    try:
        return conditions.parse(form, definitions=definitions)
    except ValueError as error:
        raise Invalid(f"{where}: {error}.") from None


def _links(text: RegimeText, source: str) -> None:
    for name, origin in text.sources.items():
        if origin.link is None and text.kind == "law":
            raise Invalid(f"{source}: `sources.{name}` has no link: a law must be found again by whoever doubts it.")
    _known_source(text, text, source, "source")


def _known_source(cited: Cited, text: RegimeText, source: str, path: str) -> None:
    if cited.source not in text.sources:
        raise Invalid(
            f"{source}: `{path}` names the source `{cited.source}`, which is not under `sources`: "
            f"{vocabulary.suggestion(cited.source, tuple(text.sources))}."
        )


def _duty(key: str, raw: Any, text: RegimeText, definitions: Definitions, source: str) -> DutyRule:
    where = f"{source}: `duties.{key}`"
    if not isinstance(raw, Mapping):
        raise Invalid(f"{where} must hold `name: value` lines.")
    _check_key(key, where)
    common = {**text.defaults, **{name: part for name, part in raw.items() if name != "versions"}}
    listed = raw.get("versions", [{}])
    if not isinstance(listed, list) or not listed or not all(isinstance(version, Mapping) for version in listed):
        raise Invalid(f"{where}: `versions` must be a list of versions, each with `in_force`.")
    versions = [
        _version(
            {**common, **version},
            text,
            definitions,
            (source, f"duties.{key}", f"versions[{place}]" if "versions" in raw else ""),
        )
        for place, version in enumerate(listed)
    ]
    versions.sort(key=lambda version: version.text.in_force.from_ or date.min)
    _without_overlap([version.text.in_force for version in versions], where)
    return DutyRule(key=key, versions=tuple(versions))


def _check_key(key: str, where: str) -> None:
    try:
        _KEY.validate_python(key)
    except ValidationError:
        raise Invalid(f"{where}: a duty's name is small letters, digits and hyphens, such as `individuals`.") from None


def _version(
    raw: dict[str, Any], text: RegimeText, definitions: Definitions, where: tuple[str, str, str]
) -> DutyVersion:
    source, path, version = where
    prefix = f"{path}.{version}".rstrip(".")
    try:
        duty = DutyText.model_validate(raw)
    except ValidationError as error:
        raise complaints.invalid(error, source=f"{source}, {prefix}") from None
    cited: list[tuple[str, Cited]] = [(prefix, duty), *_cited(duty, prefix)]
    for at, one in cited:
        _known_source(one, text, source, at)
    return _judged(duty, text, definitions, source, prefix)


def _judged(
    duty: DutyText, text: RegimeText, definitions: Definitions, source: str, prefix: str, place: str | None = None
) -> DutyVersion:
    """The version with its conditions read; those that ask `each` place are bound to one, or to all together."""
    origin = text.sources[duty.source]
    where = [place] if place else list(duty.each)

    def read(form: Any, part: str) -> Condition:
        return _condition(_bound(form, where), definitions, f"{source}: `{prefix}.{part}`")

    forms = [duty.when, *(one.when for one in duty.unless), *(clock.when for clock in duty.clocks)]
    local = duty.each and place is None and any(_bound(form, ["*"]) != form for form in forms)
    return DutyVersion(
        text=duty,
        when=read(duty.when, "when"),
        unless=tuple(Exempt(text=one, when=read(one.when, "unless")) for one in duty.unless),
        substitute=tuple(SubstituteWay(text=one, when=read(one.when, "substitute")) for one in duty.substitute),
        clock_whens=tuple(
            None if clock.when is None else read(clock.when, f"clocks[{number}].when")
            for number, clock in enumerate(duty.clocks)
        ),
        reading_whens=tuple(
            read(one.clock.when, f"readings[{number}].clock.when") if one.clock and one.clock.when is not None else None
            for number, one in enumerate(duty.readings)
        ),
        confidence=weakest(duty.confidence or origin.confidence),
        link=origin.link or origin.title,
        licensed=tuple(dict.fromkeys(path for form in forms for path in _asked_each(form))),
        local=cache(lambda one: _judged(duty, text, definitions, source, prefix, one)) if local else None,
    )


def _bound(form: Any, where: list[str]) -> Any:
    """The form with the word `each` replaced by the places it stands for."""
    if isinstance(form, Mapping):
        return {
            name: where if name in {"people_in", "in_places"} and part == [EACH] and where else _bound(part, where)
            for name, part in form.items()
        }
    return [_bound(part, where) for part in form] if isinstance(form, list) else form


def _asked_each(form: Any) -> Iterable[str]:
    if isinstance(form, Mapping):
        if form.get("in_places") == [EACH]:
            yield str(form.get("fact"))
        for part in form.values():
            yield from _asked_each(part)
    elif isinstance(form, list):
        for part in form:
            yield from _asked_each(part)


def _cited(duty: DutyText, prefix: str) -> Iterable[tuple[str, Cited]]:
    for name in ("unless", "holds", "substitute", "readings"):
        for place, one in enumerate(getattr(duty, name)):
            yield f"{prefix}.{name}[{place}]", one
    if duty.extension is not None:
        yield f"{prefix}.extension", duty.extension


def _without_overlap(spans: list[InForce], where: str) -> None:
    for earlier, later in pairwise(spans):
        if earlier.until is None or later.from_ is None or earlier.until >= later.from_:
            raise Invalid(f"{where}: two versions are in force on the same day; give the older one an `until`.")
