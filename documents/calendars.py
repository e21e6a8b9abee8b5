"""Deadlines as a calendar (iCalendar, RFC 5545): the same entries give the same bytes.

Each is an event and no to-do: the calendars that people subscribe to on their telephones do not show to-dos. It has an
instant in UTC and no day, also where a law counts days: a day without a zone ends for each reader by their own clock,
and a term ends by the clock of its place.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Literal

from pendulum import DateTime

if TYPE_CHECKING:
    from icalendar import Alarm, Event

REFRESH = timedelta(minutes=15)
State = Literal["open", "unsure", "done", "gone"]
_STATUS: dict[State, str] = {"open": "CONFIRMED", "unsure": "TENTATIVE", "done": "CONFIRMED", "gone": "CANCELLED"}


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """One deadline. `uid` never changes; `revision` counts up, and `revised_at` is the time of the last one.

    `warn_before`: a calendar that shows alarms gives one so long before, while the deadline is open.
    """

    uid: str
    revision: int
    revised_at: DateTime
    at: DateTime
    summary: str
    description: str
    state: State
    url: str | None = None
    warn_before: tuple[timedelta, ...] = ()


def feed(deadlines: Iterable[Deadline], *, title: str) -> bytes:
    """A whole calendar."""
    from icalendar import Calendar

    made = Calendar()
    made.add("prodid", "-//Tocsin//Deadlines//EN")
    made.add("version", "2.0")
    made.add("name", title)  # RFC 7986
    made.add("x-wr-calname", title)
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", "PT15M")
    for deadline in deadlines:
        made.add_component(_event(deadline))
    return bytes(made.to_ical())


def _event(deadline: Deadline) -> "Event":
    from icalendar import Event

    event = Event()
    event.add("uid", deadline.uid)
    event.add("dtstamp", deadline.revised_at.astimezone(UTC))  # without METHOD: when it was last revised
    event.add("last-modified", deadline.revised_at.astimezone(UTC))
    event.add("sequence", deadline.revision)
    event.add("dtstart", deadline.at.astimezone(UTC).replace(microsecond=0))
    event.add("summary", deadline.summary)
    event.add("description", deadline.description)
    event.add("status", _STATUS[deadline.state])
    event.add("class", "CONFIDENTIAL")
    event.add("transp", "TRANSPARENT")  # nobody is busy because something is due
    if deadline.url is not None:
        event.add("url", deadline.url)
    if deadline.state in {"open", "unsure"}:
        for length in deadline.warn_before:
            event.add_component(_alarm(deadline, length))
    return event


def _alarm(deadline: Deadline, length: timedelta) -> "Alarm":
    from icalendar import Alarm

    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", deadline.summary)
    alarm.add("trigger", -length)
    return alarm
