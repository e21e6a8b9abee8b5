"""What a check finds, and what it has to look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pendulum import DateTime

from db import checkups as store
from flows.wiring import House
from tocsin.plan import Plan


class Level(StrEnum):
    """`warn`: it works, and somebody should look. `fail`: something that is needed does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: what was seen, and what to do about it. No personal data, no credentials."""

    level: Level
    said: str
    todo: str = ""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One installation that is looked at. `clock` is the real clock, also where the installation's is simulated.

    `offline`: nothing but the database is asked over a network. `named` plans are looked at beside those on record.
    """

    house: House
    clock: Callable[[], DateTime]
    named: tuple[Plan, ...] = ()
    offline: bool = False

    @cached_property
    def now(self) -> DateTime:
        """The time of the visit, by the installation's clock."""
        return self.house.now()

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        """The plans that were named, and those of all incidents."""
        with self.house.database.reading() as session:
            on_record = [self.house.plan(name) for name in store.plans(session)]
        return tuple({plan.id: plan for plan in (*self.named, *on_record)}.values())


Look = Callable[[Visit], Iterator[Finding]]


@dataclass(frozen=True)
class Check:
    """A check by its name, and the checks without which it cannot be made."""

    name: str
    look: Look
    needs: tuple[str, ...] = ()


def ok(said: str) -> Finding:
    """All is well."""
    return Finding(level=Level.OK, said=said)


def warn(said: str, todo: str) -> Finding:
    """Somebody should look."""
    return Finding(level=Level.WARN, said=said, todo=todo)


def fail(said: str, todo: str) -> Finding:
    """Something does not work."""
    return Finding(level=Level.FAIL, said=said, todo=todo)
