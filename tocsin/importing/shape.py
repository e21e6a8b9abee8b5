"""Whether a document is a VERIS incident, as far as its facts depend on it: versions 1.3 and 1.4.

What no fact is made of (vectors, assets, impact, notes) is not checked: it is carried over as it stands.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import pendulum

from tocsin.errors import Invalid

_VERSION: Final = re.compile(r"1[._][34](?:[._][0-9]+)?")
_INDUSTRY: Final = re.compile(r"[0-9]{2,6}|[0-9]{2}-[0-9]{2}")
_ACTIONS: Final = ("environmental", "error", "hacking", "malware", "misuse", "physical", "social", "unknown", "Unknown")
_ACTORS: Final = ("external", "internal", "partner", "unknown")
_ATTRIBUTES: Final = ("availability", "confidentiality", "integrity", "unknown")
_DISCLOSURES: Final = ("Yes", "No", "Potentially", "Unknown")
SPANS: Final = ("Seconds", "Minutes", "Hours", "Days", "Weeks", "Months", "Years")
_UNITS: Final = (*SPANS, "Never", "NA", "Unknown")


def check(document: Mapping[str, Any], *, source: str) -> None:
    """Raise Invalid, naming the place, where the document is no VERIS incident that can be read."""
    shape = _Shape(source)
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Invalid(f"{source} holds half a letter (\\ud800 to \\udfff): save it as UTF-8 text.") from None
    version = document.get("schema_version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        shape.refuse("schema_version", "must be a version of VERIS 1.3 or 1.4")
    for name in ("incident_id", "summary", "security_incident"):
        shape.text(document, name)
    _timeline(shape, document)
    _actions(shape, document)
    shape.named(document, "actor", _ACTORS)
    if "attribute" in document:
        _attributes(shape, shape.named(document, "attribute", _ATTRIBUTES))
    if "victim" in document:
        _victim(shape, shape.mapping(document, "victim"))


@dataclass(frozen=True)
class _Shape:
    """Demands on parts of a document; each names the path it speaks of."""

    source: str

    def refuse(self, path: str, demand: str) -> NoReturn:
        raise Invalid(f"{self.source} is no VERIS incident that can be read: `{path}` {demand}; mend it there.")

    def mapping(self, parent: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        value = parent.get(path.rpartition(".")[2])
        if not isinstance(value, Mapping) or not value:
            self.refuse(path, "must hold `name: value` pairs, at least one")
        return value

    def named(self, parent: Mapping[str, Any], path: str, names: Collection[str]) -> Mapping[str, Any]:
        value = self.mapping(parent, path)
        if not set(value) <= set(names):
            self.refuse(path, f"may hold only {', '.join(names)}")
        return value

    def words(self, parent: Mapping[str, Any], path: str, *, needed: bool = False) -> None:
        name = path.rpartition(".")[2]
        if name not in parent and not needed:
            return
        value = parent.get(name)
        listed = value if isinstance(value, list) and all(isinstance(word, str) and word for word in value) else []
        if not listed or len(set(listed)) < len(listed):
            self.refuse(path, "must list one or more words, none of them twice")

    def text(self, parent: Mapping[str, Any], path: str) -> None:
        if not isinstance(parent.get(path.rpartition(".")[2], ""), str):
            self.refuse(path, "must be text")

    def word(self, parent: Mapping[str, Any], path: str, words: Collection[str]) -> None:
        value = parent.get(path.rpartition(".")[2])
        if not isinstance(value, str) or value not in words:
            self.refuse(path, f"must be one of {', '.join(words)}")

    def whole(self, parent: Mapping[str, Any], path: str, least: int, most: int | None = None) -> None:
        name = path.rpartition(".")[2]
        value = parent.get(name, least)
        if type(value) is not int or value < least or (most is not None and value > most):
            bounds = f"from {least} to {most}" if most is not None else f"of at least {least}"
            self.refuse(path, f"must be a whole number {bounds}")


def _timeline(shape: _Shape, document: Mapping[str, Any]) -> None:
    timeline = shape.mapping(document, "timeline")
    incident = shape.mapping(timeline, "timeline.incident")
    if "year" not in incident:
        shape.refuse("timeline.incident.year", "is missing")
    shape.whole(incident, "timeline.incident.year", 1950, 2050)
    shape.whole(incident, "timeline.incident.month", 1, 12)
    shape.whole(incident, "timeline.incident.day", 1, 31)
    shape.text(incident, "timeline.incident.time")
    if "day" in incident and "month" in incident:
        try:
            pendulum.date(incident["year"], incident["month"], incident["day"])
        except ValueError:
            shape.refuse("timeline.incident", "names a day that does not exist")
    for name in ("exfiltration", "discovery"):
        if name in timeline:
            _span(shape, timeline, f"timeline.{name}")


def _span(shape: _Shape, parent: Mapping[str, Any], path: str) -> None:
    span = shape.mapping(parent, path)
    shape.word(span, f"{path}.unit", _UNITS)
    if isinstance(span.get("value", 0), bool) or not isinstance(span.get("value", 0), int | float):
        shape.refuse(f"{path}.value", "must be a number")


def _actions(shape: _Shape, document: Mapping[str, Any]) -> None:
    for name, action in shape.named(document, "action", _ACTIONS).items():
        if not isinstance(action, Mapping):
            shape.refuse(f"action.{name}", "must hold `name: value` pairs")
        shape.words(action, f"action.{name}.variety", needed=name.lower() != "unknown")
        shape.words(action, f"action.{name}.result")


def _attributes(shape: _Shape, attribute: Mapping[str, Any]) -> None:
    if "confidentiality" in attribute:
        _confidentiality(shape, shape.mapping(attribute, "attribute.confidentiality"))
    for name in ("integrity", "availability"):
        if name in attribute:
            shape.words(shape.mapping(attribute, f"attribute.{name}"), f"attribute.{name}.variety", needed=True)
    if "duration" in attribute.get("availability", ()):
        _span(shape, attribute["availability"], "attribute.availability.duration")


def _confidentiality(shape: _Shape, part: Mapping[str, Any]) -> None:
    path = "attribute.confidentiality"
    shape.word(part, f"{path}.data_disclosure", _DISCLOSURES)
    shape.whole(part, f"{path}.data_total", 0)
    shape.words(part, f"{path}.state")
    shape.words(part, f"{path}.data_victim")
    data = part.get("data", [{"variety": "Unknown"}])
    if not isinstance(data, list) or not data:
        shape.refuse(f"{path}.data", "must list one or more kinds of data")
    for number, item in enumerate(data):
        if not isinstance(item, Mapping) or not isinstance(item.get("variety"), str) or not item["variety"]:
            shape.refuse(f"{path}.data[{number}].variety", "must be a word")
        shape.whole(item, f"{path}.data[{number}].amount", 0)


def _victim(shape: _Shape, victim: Mapping[str, Any]) -> None:
    shape.text(victim, "victim.victim_id")
    shape.words(victim, "victim.country")
    shape.words(victim, "victim.government")
    industry = victim.get("industry", "00")
    if not isinstance(industry, str) or not _INDUSTRY.fullmatch(industry):
        shape.refuse("victim.industry", "must be a NAICS code of two to six digits")
