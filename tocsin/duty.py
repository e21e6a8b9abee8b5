"""One duty as the engine states it and as `docs/facts.md` writes it: a row of JSON, and back."""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from pendulum import DateTime

from tocsin import moments

_MOMENTS = ("due", "target", "starts")
_LISTS = ("unknown", "order", "channels", "content", "explained")


@dataclass(frozen=True, kw_only=True, eq=False)
class Duty:
    """One thing owed (or not) to one recipient; the fields are those of `docs/facts.md`."""

    id: str
    regime: str
    audience: str
    recipient: str
    status: str
    due: DateTime | None
    target: DateTime | None
    undated: str | None
    starts: DateTime | None
    starts_at: str | None
    unknown: tuple[str, ...]
    advised: str | None
    people: int | dict[str, int] | None
    stage: str | None
    order: tuple[str, ...]
    channels: tuple[str, ...]
    content: tuple[str, ...]
    citation: str
    source: str
    in_force_from: date | None
    in_force_until: date | None
    confidence: str
    explained: tuple[str, ...]

    def __eq__(self, other: object) -> bool:
        """Whether both are written down alike: in an hour that comes twice, date-times of zones are never equal."""
        return isinstance(other, Duty) and self._plain() == other._plain()

    def _plain(self) -> list[Any]:
        values = (getattr(self, one.name) for one in fields(self))
        return [value.timestamp() if isinstance(value, DateTime) else value for value in values]

    def __hash__(self) -> int:
        return hash((self.id, self.recipient))

    def row(self) -> dict[str, Any]:
        """The JSON row, keys in the order of the contract."""
        return {
            "id": self.id,
            "regime": self.regime,
            "audience": self.audience,
            "recipient": self.recipient,
            "status": self.status,
            "due": _text(self.due),
            "target": _text(self.target),
            "undated": self.undated,
            "starts": _text(self.starts),
            "starts_at": self.starts_at,
            "unknown": list(self.unknown),
            "advised": self.advised,
            "people": self.people,
            "stage": self.stage,
            "order": list(self.order),
            "channels": list(self.channels),
            "content": list(self.content),
            "citation": self.citation,
            "source": self.source,
            "in_force": {"from": _day(self.in_force_from), "until": _day(self.in_force_until)},
            "confidence": self.confidence,
            "explained": list(self.explained),
        }


def _text(moment: DateTime | None) -> str | None:
    return None if moment is None else moments.text(moment)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def recall(row: dict[str, Any]) -> Duty:
    """The duty that `Duty.row` wrote down."""
    values: dict[str, Any] = {name: value for name, value in row.items() if name in Duty.__dataclass_fields__}
    values |= {name: moments.parse(row[name]) if row[name] else None for name in _MOMENTS}
    values |= {name: tuple(row[name]) for name in _LISTS}
    return Duty(
        **values, in_force_from=_read_day(row["in_force"]["from"]), in_force_until=_read_day(row["in_force"]["until"])
    )


def _read_day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
