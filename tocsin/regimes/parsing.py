"""From a regime document to a regime: schema, versions merged, conditions parsed, every reference resolved."""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from tocsin import complaints, conditions, vocabulary
from tocsin.conditions import Condition, Definitions
from tocsin.errors import Invalid
from tocsin.regimes.model import DutyRule, DutyText, DutyVersion, Exempt, Regime, RegimeText, SubstituteWay, weakest
from tocsin.regimes.parts import Cited, DutyKey, InForce


def parse(document: Mapping[str, Any], *, source: str) -> Regime:
    """A regime from its document; raises Invalid in one sentence with `source` and the path."""
    try:
        text = RegimeText.model_validate(dict(document))
    except ValidationError as error:
        raise complaints.invalid(error, source=source) from None
    definitions: dict[str, Condition] = {}
    for name, form in text.definitions.items():
        definitions[name] = _condition(form, definitions, f"{source}: `definitions.{name}`")
    _links(text, source)
    return Regime(
        text=text,
        applies=_condition(text.applies, definitions, f"{source}: `applies`"),
        duties=tuple(_duty(key, raw, text, definitions, source) for key, raw in text.duties.items()),
        document=dict(document),
    )


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
    shared = {name: part for name, part in raw.items() if name != "versions"}
    listed = raw.get("versions", [{}])
    if not isinstance(listed, list) or not listed or not all(isinstance(version, Mapping) for version in listed):
        raise Invalid(f"{where}: `versions` must be a list of versions, each with `in_force`.")
    versions = [
        _version(
            {**shared, **version},
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
    from pydantic import TypeAdapter

    try:
        TypeAdapter(DutyKey).validate_python(key)
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
    origin = text.sources[duty.source]
    return DutyVersion(
        text=duty,
        when=_condition(duty.when, definitions, f"{source}: `{prefix}.when`"),
        unless=tuple(
            Exempt(text=one, when=_condition(one.when, definitions, f"{source}: `{prefix}.unless`"))
            for one in duty.unless
        ),
        substitute=tuple(
            SubstituteWay(text=one, when=_condition(one.when, definitions, f"{source}: `{prefix}.substitute`"))
            for one in duty.substitute
        ),
        confidence=weakest(duty.confidence or origin.confidence),
        link=origin.link or origin.title,
    )


def _cited(duty: DutyText, prefix: str) -> Iterable[tuple[str, Cited]]:
    for name in ("unless", "holds", "substitute"):
        for place, one in enumerate(getattr(duty, name)):
            yield f"{prefix}.{name}[{place}]", one
    if duty.extension is not None:
        yield f"{prefix}.extension", duty.extension


def _without_overlap(spans: list[InForce], where: str) -> None:
    for earlier, later in pairwise(spans):
        if earlier.until is None or later.from_ is None or earlier.until >= later.from_:
            raise Invalid(f"{where}: two versions are in force on the same day; give the older one an `until`.")
