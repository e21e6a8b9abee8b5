"""The door for services' reports: proven ones are stored, strangers hear no reason, and bodies have an end."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from console import hooks
from console.api import application
from db import events
from flows import wiring
from tocsin.delivery import Kind
from tocsin.errors import Unavailable

POST = {"name": "post", "channel": "email", "url": "mailto://127.0.0.1:9/{to}?from=a@b.example", "places": "*"}


class Service:
    """A service that reports about provider `post`."""

    def __init__(self, app: FastAPI, house: wiring.House) -> None:
        self.app, self.house = app, house

    def report(
        self, content: bytes, *, to: str = "post", secret: str = "hunter2", method: str = "POST", **headers: str
    ) -> httpx.Response:
        stamp = str(int(self.house.now().timestamp()))
        digest = hmac.new(secret.encode(), f"{stamp}.".encode() + content, hashlib.sha256).hexdigest()
        proof = {"X-Tocsin-Timestamp": stamp, "X-Tocsin-Signature": digest, **headers}
        return asyncio.run(self._ask(method, f"/hooks/receipts/{to}", content, proof))

    async def _ask(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8400") as client:
            return await client.request(method, path, content=content, headers=headers)

    def stored(self) -> dict[Kind, int]:
        with self.house.database.reading() as session:
            return events.tally(session, "post")


@pytest.fixture
def service(tocsin: Any) -> Iterator[Service]:
    receiver = {"provider": "post", "service": "own", "secrets": ["hunter2"]}
    tocsin.change_settings(providers=[POST], receivers=[receiver])
    with wiring.opened(tocsin.home) as house:
        yield Service(application(house), house)


DELIVERED = json.dumps([{"id": "e1", "event": "delivered", "recipient": "wang@example.org"}]).encode()


def test_a_proven_report_is_stored_before_it_is_answered(service: Service) -> None:
    answer = service.report(DELIVERED)

    assert (answer.status_code, answer.content) == (204, b"")
    assert service.stored() == {Kind.DELIVERED: 1}


def test_the_same_report_again_is_taken_and_changes_nothing(service: Service) -> None:
    assert [service.report(DELIVERED).status_code for _ in range(3)] == [204, 204, 204]
    assert service.stored() == {Kind.DELIVERED: 1}


def test_a_stranger_hears_no_reason(service: Service) -> None:
    answers = [
        service.report(DELIVERED, secret="guessed"),
        service.report(DELIVERED, **{"X-Tocsin-Timestamp": "1"}),
        service.report(DELIVERED, to="nobody"),
        service.report(b"{", secret="guessed"),
    ]

    assert {(answer.status_code, answer.content) for answer in answers} == {(403, b"")}
    assert service.stored() == {}


def test_a_proven_report_that_cannot_be_read_is_bad(service: Service) -> None:
    assert service.report(b"{").status_code == 400


def test_a_body_without_end_is_not_read_to_its_end(service: Service) -> None:
    answer = service.report(b" " * (hooks.MOST_BYTES + 1))

    assert (answer.status_code, answer.content) == (413, b"")


def test_a_report_that_cannot_be_stored_is_asked_for_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> int:
        raise Unavailable("x")

    monkeypatch.setattr("flows.steps.receiving.receive", gone)

    answer = service.report(DELIVERED)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_the_door_is_for_reports_only(service: Service) -> None:
    assert service.report(b"", method="GET").status_code == 405
    assert service.report(DELIVERED).headers["cache-control"] == "no-store"


def test_nobody_of_a_report_is_kept(service: Service, tocsin: Any) -> None:
    service.report(DELIVERED)
    service.report(
        json.dumps(
            dict.fromkeys(("id", "event", "recipient", "provider_id", "code", "said"), "wang@example.org")
        ).encode()
    )

    assert service.stored() == {Kind.DELIVERED: 1, Kind.UNKNOWN: 1}
    assert "wang" not in "".join(tocsin.record()["database"])
