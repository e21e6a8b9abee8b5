"""Conditions from their data form; what cannot be true of any facts is refused here, not found out in an emergency."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from tocsin import durations, places, vocabulary
from tocsin.conditions.nodes import (
    COMPARISONS,
    All,
    Always,
    AnyOf,
    Compared,
    Condition,
    Has,
    InPlaces,
    Is,
    Named,
    Names,
    Not,
    Occurred,
    Proven,
    Recorded,
    Residents,
    Significant,
    word,
)
from tocsin.facts import schema as facts_schema

Definitions = Mapping[str, Condition]


def parse(document: Any, *, definitions: Definitions = MappingProxyType({})) -> Condition:
    """A condition from its data form; raises ValueError saying what is wrong with which part."""
    if not isinstance(document, Mapping) or not document:
        raise ValueError(f"a condition must be one of {', '.join(_FORMS)}")
    for head, build in _FORMS.items():
        if head in document:
            return build(document, definitions)
    first = str(next(iter(document)))
    raise ValueError(f"`{first}` begins no condition: {vocabulary.suggestion(first, tuple(_FORMS))}")


def _only(document: Mapping[str, Any], *names: str) -> None:
    for name in document:
        if name not in names:
            raise ValueError(f"`{name}` has no meaning beside `{names[0]}`")


def _parts(document: Mapping[str, Any], head: str, definitions: Definitions) -> tuple[Condition, ...]:
    _only(document, head)
    parts = document[head]
    if not isinstance(parts, list) or not parts:
        raise ValueError(f"`{head}` must hold a list of conditions")
    return tuple(parse(part, definitions=definitions) for part in parts)


def _not(document: Mapping[str, Any], definitions: Definitions) -> Condition:
    _only(document, "not")
    return Not(parse(document["not"], definitions=definitions))


def _proven(document: Mapping[str, Any], definitions: Definitions) -> Condition:
    _only(document, "proven")
    return Proven(parse(document["proven"], definitions=definitions))


def _always(document: Mapping[str, Any], definitions: Definitions) -> Condition:  # noqa: ARG001
    _only(document, "always")
    if document["always"] is not True:
        raise ValueError("`always` can only be true")
    return Always()


def _ref(document: Mapping[str, Any], definitions: Definitions) -> Condition:
    _only(document, "ref")
    name = str(document["ref"])
    if name not in definitions:
        raise ValueError(f"`ref: {name}` is not defined above: {vocabulary.suggestion(name, tuple(definitions))}")
    return Named(name, definitions[name])


def _recorded(document: Mapping[str, Any], definitions: Definitions) -> Condition:  # noqa: ARG001
    _only(document, "recorded")
    facts_schema.kind(str(document["recorded"]))
    return Recorded(str(document["recorded"]))


def _significant(document: Mapping[str, Any], definitions: Definitions) -> Condition:  # noqa: ARG001
    _only(document, "significant")
    path = f"significance.found.{document['significant']}"
    facts_schema.kind(path)
    return Significant(str(document["significant"]))


def _event(document: Mapping[str, Any], definitions: Definitions) -> Condition:  # noqa: ARG001
    _only(document, "event", "duty")
    if document["event"] not in vocabulary.EVENTS:
        raise ValueError(
            f"`{document['event']}` is no event: {vocabulary.suggestion(str(document['event']), vocabulary.EVENTS)}"
        )
    return Occurred(document["event"], document.get("duty"))


def _comparison(document: Mapping[str, Any], *beside: str) -> tuple[str, Any]:
    found = [name for name in document if name in COMPARISONS]
    _only(document, *beside, *found, "currency")
    if len(found) != 1:
        raise ValueError(f"`{beside[0]}` needs exactly one of over, at_least, below, at_most")
    return found[0], document[found[0]]


def _people(document: Mapping[str, Any], definitions: Definitions) -> Condition:  # noqa: ARG001
    comparison, bound = _comparison(document, "people_in")
    where = document["people_in"] if isinstance(document["people_in"], list) else [document["people_in"]]
    for place in where:
        if place != "*" and place not in places.GROUPS:
            places.check(str(place))
    if type(bound) is not int:
        raise ValueError(f"`{comparison}` beside people_in must be a whole number")
    return Residents(tuple(where), comparison, bound)


def _fact(document: Mapping[str, Any], definitions: Definitions) -> Condition:  # noqa: ARG001
    path = str(document["fact"])
    kind = facts_schema.kind(path)
    tests = [name for name in document if name not in {"fact", "currency"}]
    if len(tests) != 1:
        raise ValueError(f"`fact: {path}` needs exactly one test")
    test, wanted = tests[0], document[tests[0]]
    if test in {"is", "is_any"}:
        return _is(path, kind, wanted if test == "is_any" else [wanted])
    if test in {"has", "has_any", "has_all"}:
        return _has(path, kind, test, wanted)
    if test == "in_places":
        return _in_places(path, kind, wanted)
    if test == "names":
        if kind.name != "parties" or not isinstance(wanted, str):
            raise ValueError(f"`names` needs a fact that lists parties and one name, not `{path}`")
        return Names(path, wanted)
    comparison, bound = _comparison(document, "fact")
    return Compared(path, comparison, _bound(path, kind, bound, document.get("currency")), document.get("currency"))


def _is(path: str, kind: facts_schema.Kind, wanted: Any) -> Condition:
    for value in wanted:
        if not kind.may_be(value):
            raise ValueError(
                f"`{path}` can never be {word(value)}: {vocabulary.suggestion(str(value), sorted(kind.words))}"
            )
    return Is(path, tuple(wanted))


def _has(path: str, kind: facts_schema.Kind, test: str, wanted: Any) -> Condition:
    if kind.name != "list":
        raise ValueError(f"`{path}` is no list, so it cannot be asked `{test}`")
    asked = wanted if isinstance(wanted, list) else [wanted]
    words: list[str] = []
    for name in asked:
        words.extend(_shared(str(name)) if str(name).startswith("set:") else [name])
    for one in words:
        if kind.words and one not in kind.words:
            raise ValueError(f"`{path}` can never have {one}: {vocabulary.suggestion(str(one), kind.words)}")
    return Has(path, tuple(dict.fromkeys(words)), test == "has_all")


def _shared(name: str) -> list[str]:
    found = vocabulary.ELEMENT_SETS.get(name.removeprefix("set:"))
    if found is None:
        raise ValueError(f"`{name}` is no shared set: use one of {', '.join(vocabulary.ELEMENT_SETS)}")
    return sorted(found)


def _in_places(path: str, kind: facts_schema.Kind, wanted: Any) -> Condition:
    if kind.name != "place" or not isinstance(wanted, list):
        raise ValueError(f"`in_places` needs a place fact and a list of places, not `{path}`")
    for place in wanted:
        if place not in places.GROUPS:
            places.check(str(place))
    return InPlaces(path, tuple(wanted))


def _bound(path: str, kind: facts_schema.Kind, bound: Any, currency: Any) -> Any:
    if kind.name == "duration":
        return durations.parse(bound)
    fits = kind.name in {"count", "money", "number"} and isinstance(bound, int | float) and not isinstance(bound, bool)
    if not fits:
        raise ValueError(f"`{path}` cannot be compared with {bound}")
    if (kind.name == "money") != (currency is not None):
        raise ValueError(f"`currency` must stand beside money and nowhere else (`{path}`)")
    return Decimal(str(bound)) if kind.name == "money" else bound


_FORMS: Final[Mapping[str, Callable[[Mapping[str, Any], Definitions], Condition]]] = MappingProxyType(
    {
        "all": lambda document, definitions: All(_parts(document, "all", definitions)),
        "any": lambda document, definitions: AnyOf(_parts(document, "any", definitions)),
        "not": _not,
        "proven": _proven,
        "ref": _ref,
        "always": _always,
        "recorded": _recorded,
        "significant": _significant,
        "people_in": _people,
        "fact": _fact,
        "event": _event,
    }
)
