"""`GET /calendar/<secret>.ics`: deadlines for calendars, which cannot sign in. The secret is all the proof there is.

Whoever asks too often waits; whoever asks for what is not there is told nothing but that.
"""

import threading
import time
from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from flows.steps import calendars
from flows.wiring import House

MOST_A_MINUTE = 30  # of one calendar, and of strangers from one address; a calendar is asked for a few times an hour
_WINDOW_SECONDS = 60.0
_MOST_KNOWN = 10_000


def router(house: House) -> APIRouter:
    """The one route."""
    routes = APIRouter()
    gate = Gate()

    @routes.api_route("/calendar/{secret}.ics", methods=["GET", "HEAD"])
    def calendar(secret: str, request: Request) -> Response:
        who = calendars.fitting(house, secret)
        if not gate.lets_in(who or f"stranger {request.client.host if request.client else ''}"):
            return Response(status_code=429, headers={"Retry-After": f"{_WINDOW_SECONDS:.0f}"})
        found = calendars.served(house, secret) if who is not None else None
        if found is None:
            raise HTTPException(404)
        return Response(found, media_type="text/calendar; charset=utf-8")

    return routes


class Gate:
    """Counts who asks, minute by minute; forgets all of it after the minute, and when there are too many."""

    def __init__(self, most: int = MOST_A_MINUTE, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._since, self._asked = clock(), dict[str, int]()

    def lets_in(self, who: str) -> bool:
        """Whether this one may ask once more."""
        with self._lock:
            if self._clock() - self._since >= _WINDOW_SECONDS or len(self._asked) >= _MOST_KNOWN:
                self._since, self._asked = self._clock(), {}
            self._asked[who] = self._asked.get(who, 0) + 1
            return self._asked[who] <= self._most
