"""The fake providers on another clock, for drills: they take, refuse and send back by the same rules, in one process.

What they say later about a message becomes known when the drill's clock has passed its time. Nothing here opens a
socket, and the same messages get the same answers whatever their order.
"""

import heapq
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from pendulum import DateTime

from notifiers.answers import Reason, Refusal, Taken
from notifiers.fakes.rules import Treatment, treatment
from tocsin.delivery import Channel, Event, Kind, Message
from tocsin.errors import Doubtful, Unavailable

ARRIVES = {Channel.PUSH: 1, Channel.SMS: 3, Channel.PHONE: 20, Channel.EMAIL: 5}  # minutes until a receipt says so
COMES_BACK = {Channel.PUSH: 10, Channel.SMS: 15, Channel.PHONE: 15, Channel.EMAIL: 25}  # minutes until it is sent back
_DEAD = {
    Channel.EMAIL: Reason.MAILBOX_UNKNOWN,
    Channel.PUSH: Reason.TOKEN_DEAD,
    Channel.SMS: Reason.NUMBER_INVALID,
    Channel.PHONE: Reason.NUMBER_INVALID,
}


@dataclass(frozen=True, kw_only=True)
class Spell:
    """A while in which a channel is away (`percent` None), or so many percent of its messages come back."""

    channel: Channel
    begins: DateTime
    ends: DateTime
    percent: int | None = None

    def covers(self, channel: Channel, at: DateTime) -> bool:
        """Whether it is this channel's and that instant lies in it."""
        return channel is self.channel and self.begins <= at < self.ends


@dataclass
class Scripted:
    """Every provider of a drill. `now` is the drill's clock."""

    now: Callable[[], DateTime]
    spells: tuple[Spell, ...] = ()
    taken: Counter[Channel] = field(default_factory=Counter)
    pages: list[tuple[DateTime, str, str]] = field(default_factory=list)  # when, to whom, the title
    _treatment: Treatment = field(default_factory=treatment)
    _told: dict[str, Taken] = field(default_factory=dict)  # by key: a repetition is dropped
    _later: list[tuple[DateTime, str, Event]] = field(default_factory=list)  # a heap, the next word first
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, provider: str, message: Message) -> Taken:
        """Take a message, or refuse it as its address and the script say."""
        with self._lock:
            if message.key in self._told:
                return self._told[message.key]
            at, channel = self.now(), message.channel
            self._must_be_there(channel, at)
            rule = self._treatment.of(channel, message.to)
            if rule.do == "refuse":
                raise Refusal(_DEAD[channel], code="5.1.1" if channel is Channel.EMAIL else None)
            if rule.do == "block":
                raise Refusal(Reason.POLICY)
            if rule.do in {"throttle", "drop", "error"}:
                raise Unavailable(f"Provider {provider} does not take messages just now.", code=rule.do)
            if rule.do == "timeout":
                raise Doubtful(f"Provider {provider} did not answer.", code="timeout")
            self._hear_later(provider, message, at, bounces=rule.do == "bounce" or self._sent_back(message, at))
            self.taken[channel] += 1
            self._told[message.key] = taken = Taken(provider_ref=f"drill-{message.key[:20]}")
            return taken

    def page(self, person: str, title: str, body: str) -> None:  # noqa: ARG002 - nobody reads it in a drill
        """Take a warning to one of the cast."""
        with self._lock:
            self.pages.append((self.now(), person, title))

    def next_word(self) -> DateTime | None:
        """When the providers say something next."""
        with self._lock:
            return self._later[0][0] if self._later else None

    def words(self, until: DateTime) -> list[Event]:
        """What they have said by then, each thing once, oldest first."""
        said: list[Event] = []
        with self._lock:
            while self._later and self._later[0][0] <= until:
                said.append(heapq.heappop(self._later)[2])
        return said

    def _must_be_there(self, channel: Channel, at: DateTime) -> None:
        if any(spell.percent is None and spell.covers(channel, at) for spell in self.spells):
            raise Unavailable(f"The {channel} provider of the drill is away.", code="outage")

    def _sent_back(self, message: Message, at: DateTime) -> bool:
        share = max((s.percent or 0 for s in self.spells if s.covers(message.channel, at)), default=0)
        return zlib.crc32(message.to.encode()) % 100 < share

    def _hear_later(self, provider: str, message: Message, at: DateTime, *, bounces: bool) -> None:
        channel = message.channel
        if not bounces and channel is Channel.EMAIL:
            return  # a mail server says nothing of a letter that arrived
        minutes = (COMES_BACK if bounces else ARRIVES)[channel]
        event = Event(
            provider=provider,
            event_id=f"drill:{message.key}",
            kind=Kind.BOUNCED if bounces else Kind.DELIVERED,
            at=at + timedelta(minutes=minutes),
            hard=True if bounces else None,
            reason=_DEAD[channel].value if bounces else None,
            key=message.key,
        )
        heapq.heappush(self._later, (event.at, event.event_id, event))
