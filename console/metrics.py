"""`GET /metrics`: the numbers of `flows/steps/gauging.py` as Prometheus reads them (text format 0.0.4).

Open while nobody has an account, as the pages are; from then on to a token of one (`Authorization: Bearer`), or to
somebody who has signed in.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter, Request, Response

from console import session
from db import accounts
from flows.steps import gauging, proving
from flows.wiring import House
from tocsin.errors import TocsinError

_REST = 19


def router(house: House) -> APIRouter:
    """The one route."""
    routes = APIRouter()
    written = Remembered(lambda: _written(house))

    @routes.get("/metrics")
    def metrics(request: Request) -> Response:
        if not _may_see(house, request):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        from prometheus_client import CONTENT_TYPE_LATEST

        return Response(written.now(), media_type=CONTENT_TYPE_LATEST)

    return routes


class Remembered:
    """Something that is made anew only so often that making it takes a twentieth of the time at most.

    Counting millions of people takes seconds, and must not slow the sending to them. Two who ask at once wait for one.
    """

    def __init__(self, make: Callable[[], bytes], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._make, self._clock = make, clock
        self._lock = threading.Lock()
        self._made, self._good_until = b"", -math.inf

    def now(self) -> bytes:
        """The thing itself."""
        with self._lock:
            begun = self._clock()
            if begun >= self._good_until:
                self._made = self._make()
                ended = self._clock()
                self._good_until = ended + _REST * (ended - begun)
            return self._made


def _may_see(house: House, request: Request) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        with house.database.reading() as reading:
            if accounts.none(reading):
                return True
            if kind.casefold() == "bearer":
                return proving.by_token(reading, token.strip(), now=house.now()) is not None
        return session.person(house, request) is not None
    except TocsinError:
        return True  # without a database nobody is known, and there is nothing to see but that


def _written(house: House) -> bytes:
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(house))
    return generate_latest(registry)


class _Collector:
    def __init__(self, house: House) -> None:
        self._house = house

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        for gauge in gauging.look(self._house):
            family = GaugeMetricFamily(gauge.name, gauge.means, labels=gauge.labels)
            for labels, value in gauge.values.items():
                family.add_metric(labels, value)
            yield family
