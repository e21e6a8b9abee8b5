"""The fake HTTP gateway for push, SMS and voice (the contract of docs/providers.md), with the feed of receipts."""

import asyncio
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifiers.fakes.mailserver import CountedSmtp
from notifiers.fakes.outbox import Json, Outbox
from notifiers.fakes.rules import Rule, Treatment
from tocsin.delivery import Channel

_CHANNELS = {"push": Channel.PUSH, "sms": Channel.SMS, "voice": Channel.PHONE}
_DEAD = {
    Channel.PUSH: (410, "token-dead"),
    Channel.SMS: (400, "number-invalid"),
    Channel.PHONE: (400, "number-invalid"),
}
_ANSWERS = {"block": (403, "policy"), "error": (500, "broken"), "lie": (200, "broken")}
_LATER = {"deliver": ("delivered", None), "timeout": ("delivered", None), "bounce": ("failed", "expired")}
_LOCKED_OUT = "locked-out"


class Gateway:
    """The endpoints."""

    def __init__(self, outbox: Outbox, treatment: Treatment) -> None:
        self._outbox = outbox
        self._treatment = treatment
        self._requests = 0
        self._peers: set[tuple[str, int]] = set()

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/receipts", self.receipts),
                Route("/stats", self.stats),
                Route("/{service:str}", self.message, methods=["POST"]),
            ]
        )

    async def message(self, request: Request) -> Response:
        """Take one message."""
        self._requests += 1
        if request.client is not None:
            self._peers.add((request.client.host, request.client.port))
        channel = _CHANNELS.get(request.path_params["service"])
        account = request.headers.get("authorization", "").removeprefix("Bearer").strip()
        if channel is None:
            return _refused(404, "no-such-service")
        if not account or account == _LOCKED_OUT:
            return _refused(401, "unauthorised")
        try:
            content = await request.json()
            address = content["to"]
        except (ValueError, KeyError, TypeError):
            return _refused(400, "content")
        return await self._treat(channel, account, request.headers.get("idempotency-key"), address, content)

    async def _treat(self, channel: Channel, account: str, key: str | None, address: str, content: Json) -> Response:
        known = self._outbox.id_of(channel, key)
        if known is not None:
            self._outbox.take(channel, key, {})
            return _taken(known)
        rule = self._treatment.of(channel, address)
        refusal = _refusal(rule, channel)
        if refusal is not None:
            return refusal
        identifier = self._outbox.take(channel, key, {"account": account, **content}, later=_later(rule, account))
        if rule.do == "timeout":
            await asyncio.sleep(600)
        return _taken(identifier)

    async def receipts(self, request: Request) -> Response:
        """The feed."""
        query = request.query_params
        try:
            after, limit = int(query.get("after", "0")), int(query.get("limit", "1000"))
        except ValueError:
            return _refused(400, "content")
        return JSONResponse(self._outbox.feed(max(0, after), max(1, min(limit, 10_000)), query.get("account")))

    async def stats(self, _request: Request) -> Response:
        """What connections were made, for tests of keeping them."""
        return JSONResponse(
            {
                "http_connections": len(self._peers),
                "http_requests": self._requests,
                "smtp_connections": CountedSmtp.connections,
            }
        )


class _Cut(Response):
    """Hangs up instead of answering."""

    async def __call__(self, _scope: Any, receive: Any, _send: Any) -> None:
        receive.__self__.transport.abort()  # uvicorn's own; the standard interface has no way to hang up


def _refusal(rule: Rule, channel: Channel) -> Response | None:
    if rule.do == "throttle":
        return JSONResponse({"code": "throttled"}, status_code=429, headers={"Retry-After": "1"})
    if rule.do == "drop":
        return _Cut()
    answer = _DEAD[channel] if rule.do == "refuse" else _ANSWERS.get(rule.do)
    return _refused(*answer) if answer else None


def _later(rule: Rule, account: str) -> Json | None:
    if rule.do not in _LATER:
        return None
    event, code = _LATER[rule.do]
    return {"event": event, "code": code, "account": account, "after_seconds": rule.after_seconds}


def _taken(identifier: str) -> Response:
    return JSONResponse({"id": identifier, "status": "accepted"}, status_code=202)


def _refused(status: int, code: str) -> Response:
    return JSONResponse({"status": "refused", "code": code}, status_code=status)
