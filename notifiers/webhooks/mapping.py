"""A service's event report as ours, by a mapping that is data: where the fields stand, and what its words mean.

A path is names with dots between; a number counts in a list, `*` is every member, `@` the one item that `each` gave,
`header:name` a header of the request. Where several paths are given, the first that leads to something counts.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Annotated, Any

import pendulum
from pendulum import DateTime
from pydantic import BaseModel, BeforeValidator, ConfigDict

from tocsin.delivery import Kind

MOST_EVENTS = 10_000
_MILLISECONDS_FROM = 1e11  # a count of seconds beyond the year 5000 is one of milliseconds
_LAST_SECOND = 4e9
_DATED = re.compile(r"\s*\d{4}-\d\d-\d\d[T ]")


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Paths = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Meaning(BaseModel):
    """What one word of a service says. `hard` and `reason` are given where the word tells, not where it is vague."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    hard: bool | None = None
    reason: str | None = None


def _meaning(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


class FieldMap(BaseModel):
    """How a service reports. Every path counts from one event, `events` and `each` say which those are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: Paths = ()  # where the events stand; nothing: the body is one, or a list of them
    each: Paths = ()  # within an event, the recipients that it is about, where there may be several
    word: Paths  # what happened; several are joined by `/`, and the longest joint that `words` knows counts
    words: Mapping[str, Annotated[Meaning, BeforeValidator(_meaning)]]
    id: Paths = ()
    at: Paths = ()
    message: Paths = ()  # the service's own id of the message
    message_until: str | None = None  # only what stands before this sign of it
    key: Paths = ()  # our key, or the Message-ID that holds it
    recipient: Paths = ()
    said: Paths = ()  # what the other server answered, which is read and not kept
    code: Paths = ()
    codes: str | None = None  # whose codes these are, in codes.yaml


@dataclass(frozen=True, kw_only=True)
class Said:
    """One event as the service words it. It holds personal data, and lives no longer than it takes to judge it."""

    word: str
    meaning: Meaning
    at: DateTime | None
    id: str
    message: str | None
    keys: tuple[str, ...]
    recipient: str | None = field(repr=False)
    said: str | None = field(repr=False)
    code: str | None


def read(mapping: FieldMap, document: Any, headers: Mapping[str, str]) -> list[Said]:
    """Every event of a body, at most ten thousand."""
    found = []
    for event in _events(mapping, document):
        for item in _items(mapping, event):
            found.append(_said(mapping, _Reader(event, item, headers)))
            if len(found) >= MOST_EVENTS:
                return found
    return found


@dataclass(frozen=True)
class _Reader:
    event: Any
    item: Any
    headers: Mapping[str, str]

    def first(self, paths: Sequence[str]) -> Any:
        """What the first path leads to that leads anywhere."""
        return next((value for path in paths for value in self.all(path) if value not in (None, "")), None)

    def text(self, paths: Sequence[str]) -> str | None:
        """The same, as text; None where it is a list or an object."""
        value = self.first(paths)
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, str | int | float) else None

    def all(self, path: str) -> Iterator[Any]:
        """Every value at a path."""
        if path.startswith("header:"):
            yield self.headers.get(path.removeprefix("header:").lower())
        elif path == "@" or path.startswith("@."):
            yield from at_path(self.item, path[2:])
        else:
            yield from at_path(self.event, path)


def at_path(value: Any, path: str) -> Iterator[Any]:
    """Every value at a path within a parsed JSON document."""
    name, _, rest = path.partition(".")
    if not name:
        yield value
    elif name == "*":
        members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for member in members:
            yield from at_path(member, rest)
    elif isinstance(value, dict) and name in value:
        yield from at_path(value[name], rest)
    elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
        yield from at_path(value[int(name)], rest)


def _events(mapping: FieldMap, document: Any) -> Iterator[Any]:
    for path in mapping.events or ("",):
        found = [one for value in at_path(document, path) for one in (value if isinstance(value, list) else [value])]
        if found:
            yield from (one for one in found if isinstance(one, dict))
            return


def _items(mapping: FieldMap, event: Any) -> Iterator[Any]:
    for path in mapping.each:
        found = [one for value in at_path(event, path) for one in (value if isinstance(value, list) else [value])]
        if found:
            yield from found
            return
    yield None


def _said(mapping: FieldMap, reader: _Reader) -> Said:
    words = [text for path in mapping.word if (text := reader.text((path,))) is not None]
    keys = (value for path in mapping.key for value in reader.all(path))
    recipient = reader.text(mapping.recipient)
    message = reader.text(mapping.message)
    if message is not None and mapping.message_until:
        message = message.partition(mapping.message_until)[0]
    return Said(
        word="/".join(words),
        meaning=_meaning_of(mapping, words),
        at=instant(reader.first(mapping.at)),
        id=reader.text(mapping.id) or _fingerprint(reader),
        message=message,
        keys=tuple(key for key in keys if isinstance(key, str)),
        recipient=parseaddr(recipient)[1] or recipient if recipient else None,
        said=reader.text(mapping.said),
        code=reader.text(mapping.code),
    )


def _meaning_of(mapping: FieldMap, words: Sequence[str]) -> Meaning:
    """What the longest joint of words means that the mapping knows; a word that it does not know is not guessed."""
    known = {word.lower(): meaning for word, meaning in mapping.words.items()}
    for length in range(len(words), 0, -1):
        meaning = known.get("/".join(words[:length]).lower())
        if meaning is not None:
            return meaning
    return Meaning(kind=Kind.UNKNOWN)


def _fingerprint(reader: _Reader) -> str:
    """An id for an event without one: the same report again is the same event."""
    text = json.dumps([reader.event, reader.item], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"sha256-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def instant(value: Any) -> DateTime | None:
    """A time as services write it: seconds or milliseconds since 1970, or ISO 8601, UTC where no zone is given."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, str) and _DATED.match(value):
            parsed = pendulum.parse(value.strip().removesuffix(" UTC"))
            return parsed.in_timezone("UTC") if isinstance(parsed, DateTime) else None
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    seconds = number / 1000 if number > _MILLISECONDS_FROM else number
    return pendulum.from_timestamp(seconds) if math.isfinite(seconds) and 0 < seconds < _LAST_SECOND else None
