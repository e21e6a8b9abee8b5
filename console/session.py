"""Signing in to the console: a name and a password, a cookie that scripts and other sites never see, an end.

Every form carries a word that only this site's own pages know (CSRF), made from the cookie.
"""

import hmac
import re
from typing import Annotated
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from console import pages
from db.account_tables import Account
from flows.steps import proving
from flows.wiring import House
from tocsin.errors import NotAllowed

COOKIE, FORM_COOKIE = "tocsin_session", "tocsin_form"
MOST_BYTES = 32 * 1024
_OWN_PAGE = re.compile(r"/(?:decide/[A-Za-z0-9_-]{1,100})?")


def router(house: House) -> APIRouter:
    """The routes by which people come and go."""
    routes = APIRouter()

    @routes.get("/login", response_class=HTMLResponse)
    def ask(request: Request, then: Annotated[str, Query(alias="next")] = "/") -> Response:
        return _form(house, request, then=_own(then))

    @routes.post("/login")
    async def enter(request: Request) -> Response:
        sent = await form(request)
        return await run_in_threadpool(_entered, house, request, sent)

    @routes.post("/logout")
    async def leave(request: Request) -> Response:
        sent = await form(request)
        must_be_ours(request, sent)
        await run_in_threadpool(proving.log_out, house, request.cookies.get(COOKIE, ""), now=house.now())
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(COOKIE, path="/")
        return response

    return routes


def person(house: House, request: Request) -> Account | None:
    """Who has signed in, if anybody."""
    secret = request.cookies.get(COOKIE)
    return proving.signed_in(house, secret, now=house.now()) if secret else None


def to_login(request: Request) -> Response:
    """Send a stranger to sign in, and back here afterwards."""
    return RedirectResponse(f"/login?next={quote(_own(request.url.path), safe='')}", status_code=303)


async def form(request: Request) -> dict[str, str]:
    """The fields of a form, the first value of each; raises HTTPException for what is no form or is too long."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise HTTPException(415, "Send a form.")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "The form is too long: shorten what you wrote.")
    fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=50)
    return {name: values[0] for name, values in fields.items()}


def word_for(request: Request) -> str:
    """The word that a form of this session must carry."""
    return _word(request.cookies.get(COOKIE, ""))


def must_be_ours(request: Request, sent: dict[str, str], *, cookie: str = COOKIE) -> None:
    """Refuse a form that was not made by a page of ours for this browser."""
    secret = request.cookies.get(cookie, "")
    origin = request.headers.get("origin")
    elsewhere = origin not in (None, "null") and urlsplit(str(origin)).netloc != request.headers.get("host")
    if not secret or elsewhere or not hmac.compare_digest(sent.get("word", "").encode(), _word(secret).encode()):
        raise HTTPException(403, "This form is out of date: open the page again and repeat what you did.")


def _word(secret: str) -> str:
    return proving.digest(f"form:{secret}")


def _own(path: str) -> str:
    """A page of ours to go to; the first page for anything else."""
    return path if _OWN_PAGE.fullmatch(path) else "/"


def _form(house: House, request: Request, *, then: str, trouble: str | None = None, status: int = 200) -> Response:
    secret = request.cookies.get(FORM_COOKIE) or proving.new_secret("form")
    page = pages.filled("login.html", house, then=then, trouble=trouble, word=_word(secret))
    response = HTMLResponse(page, status_code=status)
    _set(response, request, FORM_COOKIE, secret)
    return response


def _entered(house: House, request: Request, sent: dict[str, str]) -> Response:
    must_be_ours(request, sent, cookie=FORM_COOKIE)
    then = _own(sent.get("next", "/"))
    address = request.client.host if request.client else "unknown"
    try:
        made = proving.log_in(house, sent.get("name", ""), sent.get("password", ""), address=address, now=house.now())
    except NotAllowed as refused:
        return _form(house, request, then=then, trouble=str(refused), status=403)
    if old := request.cookies.get(COOKIE):
        proving.log_out(house, old, now=house.now())
    response = RedirectResponse(then, status_code=303)
    _set(response, request, COOKIE, made.secret)  # a new secret each time: nobody can fix one beforehand
    response.delete_cookie(FORM_COOKIE, path="/")
    return response


def _set(response: Response, request: Request, name: str, secret: str) -> None:
    secure = request.url.scheme == "https"
    response.set_cookie(name, secret, path="/", httponly=True, samesite="strict", secure=secure)
