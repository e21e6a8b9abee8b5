"""Column types that keep instants aware and documents whole on both databases."""

import json
from datetime import UTC, datetime
from typing import Any

import pendulum
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy import String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

WRITTEN = "%Y-%m-%dT%H:%M:%S.%fZ"


class Instant(TypeDecorator[pendulum.DateTime]):
    """An instant: aware in, `pendulum.DateTime` in UTC out, to the microsecond.

    SQLite has no type for it; a text of fixed width sorts and compares as time does.
    """

    impl = SqlDateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's own type."""
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else SqlDateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To the database; a naive time is a mistake in our code."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without offset cannot be stored")
        instant = value.astimezone(UTC)
        return instant.strftime(WRITTEN) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: Any, dialect: Dialect) -> pendulum.DateTime | None:  # noqa: ARG002
        """From the database."""
        if value is None:
            return None
        return utc(datetime.fromisoformat(value) if isinstance(value, str) else value)


def utc(value: datetime) -> pendulum.DateTime:
    """An aware time as Pendulum's, in UTC."""
    at = value.astimezone(UTC)
    return pendulum.DateTime(
        at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, tzinfo=pendulum.UTC
    )


class JsonText(TypeDecorator[Any]):
    """A JSON value, kept as compact text with sorted keys, so that both databases hold the same bytes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database."""
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """From the database."""
        return None if value is None else json.loads(value)
