"""The kinds of value a facts document is made of: tri-state answers, closed words, places, moments, counts, money."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Annotated, Any

from pendulum import DateTime
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints

from tocsin import durations, moments, places, vocabulary
from tocsin.attributes import ATTRIBUTES
from tocsin.complaints import Strict
from tocsin.facts import counts


def _tri(value: object) -> bool | None:
    if value in (None, "unknown"):
        return None
    if isinstance(value, bool):
        return value
    raise ValueError("must be true, false or unknown")


def one_of(words: Collection[str], *, unknown: bool = False) -> BeforeValidator:
    """A validator for one word of a closed list; `unknown` reads as not given where that is allowed."""

    def check(value: object) -> str | None:
        if value is None or (unknown and value == "unknown"):
            return None
        if isinstance(value, str) and value in words:
            return value
        raise ValueError(f"{_quoted(value)} is none of its words: {vocabulary.suggestion(str(value), words)}")

    return BeforeValidator(check)


def _quoted(value: object) -> str:
    """A refused word, shown only when it can be no sentence about a person."""
    plain = isinstance(value, str) and len(value) <= 40 and value.replace("-", "").replace("_", "").isalnum()
    return f"`{value}`" if plain else "this"


def _unrepeated(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(dict.fromkeys(values))


def _amount(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic's protocol
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("must be a number") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError("must not be below zero")
    return amount


def _number(amount: Decimal) -> int | float:
    return int(amount) if amount == amount.to_integral_value() else float(amount)


Tri = Annotated[bool | None, BeforeValidator(_tri)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.&/-]{0,59}$")]
Place = Annotated[str, AfterValidator(places.check)]
Moment = Annotated[DateTime, BeforeValidator(moments.parse), PlainSerializer(moments.text, return_type=str)]
CountField = Annotated[counts.Count, BeforeValidator(counts.read), PlainSerializer(counts.Count.document)]
Duration = durations.ExactDuration
Element = Annotated[str, one_of(vocabulary.ELEMENTS)]
Elements = Annotated[tuple[Element, ...] | None, AfterValidator(_unrepeated)]
Event = Annotated[str, one_of(vocabulary.EVENTS)]
DutyId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*/[A-Za-z0-9][A-Za-z0-9.-]*$", max_length=120)]
Amount = Annotated[Decimal, BeforeValidator(_amount), PlainSerializer(_number)]


class Money(Strict):
    """An amount in one currency."""

    amount: Amount
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field()


def attributes(value: object) -> dict[str, Any] | None:
    """The organisation's attributes, each checked against what may stand there; raises through pydantic."""
    from tocsin.complaints import refuse_name

    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError("must hold `name: value` lines")  # noqa: TRY004 - pydantic's protocol
    read: dict[str, Any] = {}
    for key, raw in value.items():
        if key not in ATTRIBUTES:
            refuse_name(str(key), ATTRIBUTES)
        if raw in (None, "unknown"):
            continue
        try:
            read[key] = False if raw is False or raw == [] else _attribute(ATTRIBUTES[key].form, raw)
        except ValueError as error:
            raise ValueError(f"has `{key}` that {error}") from None
    return read


def _attribute(kind: str, raw: Any) -> Any:
    if kind == "true":
        if raw is True:
            return True
        raise ValueError("must be true, false or unknown")
    if kind == "number":
        return counts.read(raw).document()
    if kind == "places":
        return [places.check(str(place)) for place in (raw if isinstance(raw, list) else [raw])]
    if kind == "parties":
        return _parties(raw)
    words = kind.split()
    if raw in words:
        return raw
    raise ValueError(f"must be {' or '.join(f'`{word}`' for word in words)}, false or unknown")


def _parties(raw: Any) -> list[dict[str, str]]:
    if not isinstance(raw, list) or not all(
        isinstance(party, Mapping) and set(party) <= {"name", "place"} for party in raw
    ):
        raise ValueError("must be a list of {name: ..., place: ...}")
    for party in raw:
        if "place" in party:
            places.check(str(party["place"]))
    return [{name: str(value) for name, value in party.items()} for party in raw]
