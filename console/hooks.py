"""Reports that services push to us: `POST /hooks/receipts/<provider>`.

Open to strangers, for services cannot sign in: each report proves itself. Whoever cannot is told nothing but no.
"""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from flows.steps import receiving
from flows.wiring import House
from tocsin.errors import Invalid, NotAllowed, TocsinError, Unavailable

if TYPE_CHECKING:
    from notifiers.webhooks.proofs import Request as Report

MOST_BYTES = 2 * 1024 * 1024


def router(house: House) -> APIRouter:
    """The routes by which services report."""
    hooks = APIRouter(prefix="/hooks")

    @hooks.post("/receipts/{provider}", status_code=204)
    async def receipts(provider: str, request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        return await run_in_threadpool(_taken, house, provider, _report(request, body))

    return hooks


async def _body(request: Request) -> bytes | None:
    """The body, or None once it is longer than any report."""
    pieces, length = [], 0
    async for piece in request.stream():
        length += len(piece)
        if length > MOST_BYTES:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _report(request: Request, body: bytes) -> "Report":
    from notifiers.webhooks.proofs import Request as Report

    return Report(headers=dict(request.headers), body=body, query=request.url.query)


def _taken(house: House, provider: str, report: "Report") -> Response:
    """Store a report and say so. 403 and 400 are final for it; after 503 the service comes again."""
    try:
        receiving.receive(house, provider, report, now=house.now())
    except NotAllowed:
        return Response(status_code=403)
    except Unavailable:
        return Response(status_code=503, headers={"Retry-After": "60"})
    except Invalid:
        return Response(status_code=400)
    except TocsinError:
        return Response(status_code=503, headers={"Retry-After": "60"})
    return Response(status_code=204)
