"""Who plays whom in a drill: when they work, how long they take, when they are away. Pure; nobody here is real."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self

from pendulum import DateTime
from pydantic import Field, model_validator

from tocsin import workdays
from tocsin.complaints import Strict
from tocsin.durations import ExactDuration
from tocsin.facts.fields import Place, Text
from tocsin.zones import Zone

OPENS, SHUTS = 9, 18  # office hours, on the member's own clock
_LONGEST_LOOK = 500  # days


class Away(Strict):
    """A member is away, from and until so long after the declaration."""

    begins: ExactDuration
    ends: ExactDuration

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends <= self.begins:
            raise ValueError("ends before it begins")
        return self


class Takes(Strict):
    """How long a member works on one thing of each kind."""

    task: ExactDuration = timedelta(hours=2)
    write: ExactDuration = timedelta(hours=3)
    approve: ExactDuration = timedelta(minutes=30)
    file: ExactDuration = timedelta(minutes=45)
    duty: ExactDuration = timedelta(minutes=45)
    answer: ExactDuration = timedelta(minutes=15)


class Member(Strict):
    """One of the cast. `hours`: office hours of working days in `place`, or always. A deputy stands in when away."""

    name: Text
    roles: tuple[Text, ...] = Field(min_length=1)
    zone: Zone
    place: Place | None = None
    hours: Literal["office", "always"] = "always"
    takes: Takes = Takes()
    away: tuple[Away, ...] = ()
    deputy: str | None = None


@dataclass(frozen=True)
class Calendar:
    """When one member works: their hours, and the spans in which they are away."""

    member: Member
    away: Sequence[tuple[DateTime, DateTime]]

    def works_at(self, at: DateTime) -> bool:
        """Whether they work at that instant."""
        return self.next_at(at) == at

    def is_away(self, at: DateTime) -> bool:
        """Whether they are away, and not only after hours."""
        return any(begins <= at < ends for begins, ends in self.away)

    def next_at(self, at: DateTime) -> DateTime:
        """The next instant, from `at` on, at which they work."""
        for _ in range(_LONGEST_LOOK):
            later = next((ends for begins, ends in self.away if begins <= at < ends), None) or self._opening(at)
            if later <= at:
                return at
            at = later
        return at

    def done_at(self, begins: DateTime, length: timedelta) -> DateTime:
        """When work of a length is done that begins then: hours and days off do not count."""
        at, left = self.next_at(begins), length
        for _ in range(_LONGEST_LOOK):
            stops = self._stops_at(at)
            if stops is None or stops - at >= left:
                return at + left
            left -= timedelta(seconds=(stops - at).total_seconds())
            at = self.next_at(stops)
        return at + left

    def _opening(self, at: DateTime) -> DateTime:
        """`at` itself within working hours, else when they begin next."""
        if self.member.hours == "always":
            return at
        here = at.in_timezone(self.member.zone)
        if here.hour >= SHUTS:
            here = here.add(days=1).start_of("day")
        day = workdays.on_or_after(here.date(), self.member.place)
        if day != here.date():
            here = here.set(year=day.year, month=day.month, day=day.day).start_of("day")
        return (
            at
            if here.hour >= OPENS and here == at
            else here.set(hour=OPENS, minute=0, second=0, microsecond=0).in_timezone("UTC")
        )

    def _stops_at(self, at: DateTime) -> DateTime | None:
        """When the work at hand is next broken off; None: never."""
        stops = [begins for begins, _ in self.away if begins > at]
        if self.member.hours == "office":
            here = at.in_timezone(self.member.zone)
            stops.append(here.set(hour=SHUTS, minute=0, second=0, microsecond=0).in_timezone("UTC"))
        return min(stops, default=None)
