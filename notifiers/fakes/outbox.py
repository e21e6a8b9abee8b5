"""The outbox of the fakes: every message taken, every repetition, every event, as JSON Lines in one folder.

`email.jsonl`, `push.jsonl`, `sms.jsonl` and `phone.jsonl` hold lines of `type` `message` (once a key) and `repeat`;
`events.jsonl` is the feed of receipts. All is read again at the next start, so the fakes go on after a kill.
"""

import heapq
import json
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TextIO

import pendulum

from tocsin.delivery import Channel

EVENTS = "events.jsonl"
Json = dict[str, Any]


@dataclass(order=True)
class _Due:
    at: float
    order: int
    event: Json = field(compare=False)


class Outbox:
    """What the fakes took and what they will say about it. Times are the fakes' own clock, as any provider has one."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files: dict[str, TextIO] = {}
        self._taken: dict[tuple[Channel, str], str] = {}  # our id by key
        self._due: list[_Due] = []
        self._order = count()
        self.events: list[Json] = []
        self._numbers = 0
        self._restore()

    def id_of(self, channel: Channel, key: str | None) -> str | None:
        """Our id of a message with this key, if one was taken."""
        return self._taken.get((channel, key)) if key else None

    def take(self, channel: Channel, key: str | None, content: Json, *, later: Json | None = None) -> str:
        """Record one message, or a repetition of one; give our id. `later` is an event and `after_seconds`."""
        known = self.id_of(channel, key)
        if known is not None:
            self._append(channel, {"type": "repeat", "key": key, "id": known, "at": _stamp()})
            return known
        self._numbers += 1
        identifier = f"{channel}-{self._numbers:07d}"
        line = {"type": "message", "id": identifier, "key": key, "at": _stamp(), **content}
        if later is not None:
            after = later.pop("after_seconds")
            line["later"] = {"due": time.time() + after, "channel": channel, "reference": key, **later}
            self._plan(identifier, line["later"])
        self._append(channel, line)
        if key:
            self._taken[channel, key] = identifier
        return identifier

    def feed(self, after: int, limit: int, account: str | None) -> Json:
        """The events after number `after`, of one account or of all."""
        self._mature()
        part = self.events[after : after + limit]
        shown = [event for event in part if account is None or event.get("account") in {None, account}]
        return {"events": shown, "next": after + len(part)}

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _plan(self, identifier: str, later: Json) -> None:
        event = {"provider_id": identifier, **{name: value for name, value in later.items() if name != "due"}}
        heapq.heappush(self._due, _Due(later["due"], next(self._order), event))

    def _mature(self) -> None:
        present = time.time()
        while self._due and self._due[0].at <= present:
            due = heapq.heappop(self._due)
            number = len(self.events) + 1
            event = {"id": f"event-{number:07d}", "n": number, "at": _stamp(due.at), **due.event}
            self._append("events", event)
            self.events.append(event)

    def _append(self, name: str, line: Json) -> None:
        file = self._files.get(name)
        if file is None:
            path = self._folder / f"{name}.jsonl"
            _mend(path)
            file = self._files[name] = path.open("a", encoding="utf-8")
        file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        file.flush()

    def _restore(self) -> None:
        self.events = list(_lines(self._folder / EVENTS))
        told = {event["provider_id"] for event in self.events}
        for channel in Channel:
            for line in _lines(self._folder / f"{channel}.jsonl"):
                if line["type"] != "message":
                    continue
                self._numbers += 1
                if line["key"]:
                    self._taken[channel, line["key"]] = line["id"]
                if "later" in line and line["id"] not in told:
                    self._plan(line["id"], line["later"])


def _mend(path: Path) -> None:
    """Cut off a line that a kill has torn."""
    if path.exists():
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            path.write_bytes(whole)


def _lines(path: Path) -> list[Json]:
    if not path.exists():
        return []
    _mend(path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _stamp(at: float | None = None) -> str:
    return pendulum.from_timestamp(time.time() if at is None else at).isoformat()
