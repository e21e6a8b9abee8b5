"""The paths a condition may ask about, with the kind of value at each, derived from the model."""

import types
import typing
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from pendulum import DateTime
from pydantic import BaseModel

from tocsin import attributes, vocabulary
from tocsin.facts.counts import Count
from tocsin.facts.fields import Money
from tocsin.facts.model import Facts

_WORDS = {
    "organisation.role": vocabulary.ROLES,
    "breach.kinds": vocabulary.KINDS,
    "breach.cause": vocabulary.CAUSES,
    "risk.to_people": vocabulary.RISKS,
    "data.elements": tuple(vocabulary.ELEMENTS),
    "significance.grade": vocabulary.GRADES,
}
_PLACES = {"organisation.seat"}
_ATTRIBUTES = "organisation.attributes."
_CONTACTABLE = "people.contactable."
_FOUND = "significance.found."


@dataclass(frozen=True)
class Kind:
    """What can stand at a path: its name, and the closed words where it has them."""

    name: str
    words: tuple[Any, ...] = ()

    def may_be(self, value: Any) -> bool:
        """Whether `is: value` can ever be true."""
        if self.name == "flag":
            return isinstance(value, bool)
        return value in self.words if self.words else isinstance(value, str)


@cache
def kind(path: str) -> Kind:
    """The kind of value at a path; raises ValueError for a path that no facts document has."""
    if path.startswith(_ATTRIBUTES):
        return _attribute(path.removeprefix(_ATTRIBUTES))
    if path.startswith(_CONTACTABLE) and path.removeprefix(_CONTACTABLE) in vocabulary.CHANNELS:
        return Kind("count")
    if path.startswith(_FOUND):
        return Kind("flag")
    paths = _paths()
    if path not in paths:
        raise ValueError(f"`{path}` is no fact: {vocabulary.suggestion(path, tuple(paths))}")
    return paths[path]


def _attribute(key: str) -> Kind:
    if key not in attributes.ATTRIBUTES:
        raise ValueError(f"`{key}` is no attribute: {vocabulary.suggestion(key, tuple(attributes.ATTRIBUTES))}")
    form = attributes.ATTRIBUTES[key].form
    named = {"true": Kind("flag"), "places": Kind("place"), "number": Kind("number"), "parties": Kind("parties")}
    return named.get(form) or Kind("word", (*form.split(), False))


@cache
def _paths() -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    _walk(Facts, "", found)
    return found


def _walk(model: type[BaseModel], prefix: str, found: dict[str, Kind]) -> None:
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        inner = _plain(field.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel) and inner is not Money:
            _walk(inner, f"{path}.", found)
        else:
            found[path] = Kind("place") if path in _PLACES else Kind(_name(inner), _WORDS.get(path, ()))


def _plain(annotation: Any) -> Any:
    """The type without its checks and without None."""
    while typing.get_origin(annotation) in {typing.Annotated, typing.Union, types.UnionType}:
        parts = [part for part in typing.get_args(annotation) if part is not type(None)]
        annotation = parts[0]
    return annotation


def _name(inner: Any) -> str:
    if typing.get_origin(inner) is tuple:
        return "list"
    named = {Count: "count", bool: "flag", Money: "money", timedelta: "duration", DateTime: "moment", str: "word"}
    return named.get(inner, "other") if isinstance(inner, type) else "other"
