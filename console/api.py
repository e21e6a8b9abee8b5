"""The HTTP application: health for monitors, plain pages for people, and a door for services' reports (`hooks`).

The pages read only, and show no personal data.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from console import asked, failures, feeds, hooks, metrics, pages, session
from flows.steps import health
from flows.wiring import House
from tocsin.errors import Invalid, TocsinError

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src '{pages.STYLE_HASH}'; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_Next = Callable[[Request], Awaitable[Response]]


def application(house: House, *, hosts: Sequence[str] = ("*",)) -> FastAPI:
    """The application of one installation.

    `hosts` are the names under which it answers: on one's own machine only that machine's, or any web page could read
    it by pointing a name of its own there (DNS rebinding).
    """
    app = FastAPI(title="Tocsin", docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(_guarded)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_exception_handler(HTTPException, _no_such_page)
    app.add_exception_handler(TocsinError, _refused)

    @app.api_route("/health", methods=["GET", "HEAD"])
    def healthy(response: Response) -> dict[str, Any]:
        state = health.state(house)
        response.status_code = 200 if state["ok"] else 503
        return state

    @app.get("/", response_class=HTMLResponse)
    def incidents() -> str:
        return pages.incidents(house)

    @app.get("/incidents/{incident}", response_class=HTMLResponse)
    def incident(incident: str) -> str:
        return pages.incident(house, incident)

    app.include_router(hooks.router(house))
    app.include_router(metrics.router(house))
    app.include_router(feeds.router(house))
    app.include_router(session.router(house))
    app.include_router(asked.router(house))
    return app


async def _guarded(request: Request, following: _Next) -> Response:
    """Every answer with the headers; an unforeseen error as a sentence, its text nowhere."""
    try:
        response = await following(request)
    except Exception as error:  # noqa: BLE001 - the last door of the pages, as `console.main` is of the commands
        response = PlainTextResponse(f"Tocsin: {failures.sentence(error)}\n", status_code=500)
    response.headers.update(_HEADERS)
    return response


def _no_such_page(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = "There is no such page." if error.status_code == 404 else str(error.detail)
    return HTMLResponse(pages.sorry("Nothing here", what), status_code=error.status_code, headers=error.headers)


def _refused(_: Request, error: Exception) -> Response:
    if isinstance(error, Invalid):  # an incident that does not exist, or a start that fits several
        return HTMLResponse(pages.sorry("Nothing here", str(error)), status_code=404)
    return HTMLResponse(pages.sorry("Out of order", str(error)), status_code=503)
