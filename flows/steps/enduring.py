"""A database that goes away while messages are sent: the run waits for it, for a bounded time, and goes on.

What providers answered lives in memory and in the crash journal until it is recorded. A run that gives up leaves its
journals to the recovery, so that waiting saves time and doubts, never people.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from tocsin.errors import DatabaseLost

ENDURED_SECONDS = 120.0  # a restart or a change-over of PostgreSQL, a copy being made of SQLite
_FIRST_NAP_SECONDS, _LONGEST_NAP_SECONDS = 0.2, 5.0
T = TypeVar("T")


class Endurance:
    """The patience of one run, shared by its threads: all that wait at once wait out the same time."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._enough = threading.Event()
        self._lock = threading.Lock()
        self._away_since: float | None = None

    def give_up(self) -> None:
        """Wait no more, in any thread: the run is to end."""
        self._enough.set()

    def through(self, work: Callable[[bool], T]) -> T:
        """Do the work, again and again while the database is away; raises DatabaseLost when patience ends.

        The work is told whether an earlier try may have been committed, though its answer was lost.
        """
        doubtful, nap = False, _FIRST_NAP_SECONDS
        while True:
            try:
                done = work(doubtful)
            except DatabaseLost as lost:
                doubtful = doubtful or lost.doubtful
                if not self._may_wait() or self._enough.wait(nap):
                    raise DatabaseLost(_sentence(lost), doubtful=doubtful) from lost
                nap = min(2 * nap, _LONGEST_NAP_SECONDS)
            else:
                with self._lock:
                    self._away_since = None
                return done

    def _may_wait(self) -> bool:
        with self._lock:
            now = self._monotonic()
            if self._away_since is None:
                self._away_since = now
            return now - self._away_since < ENDURED_SECONDS


def _sentence(lost: DatabaseLost) -> str:
    said = str(lost).rstrip(".")
    return f"{said}; the sending has stopped, and the next run goes on where it stood: bring the database back."
