"""The page behind a link that asks somebody to decide: `/decide/<link>`. It is shown, and answered, signed in only."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from console import pages, session
from db.account_tables import Account
from flows.steps import asking, drafting, reporting
from flows.steps.asking import Question
from flows.wiring import House
from tocsin.errors import Invalid, NotAllowed, NotFound


def router(house: House) -> APIRouter:
    """The routes of the link."""
    routes = APIRouter()

    @routes.get("/decide/{secret}", response_class=HTMLResponse)
    def look(secret: str, request: Request) -> Response:
        account = session.person(house, request)
        return session.to_login(request) if account is None else _shown(house, request, secret, account)

    @routes.post("/decide/{secret}")
    async def decide(secret: str, request: Request) -> Response:
        sent = await session.form(request)
        return await run_in_threadpool(_decided, house, request, secret, sent)

    return routes


def _shown(
    house: House, request: Request, secret: str, account: Account, *, trouble: str | None = None, status: int = 200
) -> Response:
    try:
        question = asking.question(house, secret, account, now=house.now())
        words = _words(house, question)
    except (NotAllowed, NotFound) as refused:
        return HTMLResponse(pages.sorry("Nothing to decide", str(refused)), status_code=404)
    page = pages.filled(
        "decide.html",
        house,
        question=question,
        words=words,
        who=account.display_name,
        word=session.word_for(request),
        trouble=trouble,
    )
    return HTMLResponse(page, status_code=status)


def _words(house: House, question: Question) -> list[dict[str, Any]]:
    """What is to be approved, as it will be read."""
    incident, subject = question.link.incident_id, question.subject
    if subject.kind == "report":
        _, form, stage = subject.name.split(":")
        row = reporting.latest(house, incident, form, stage=stage)
        return [{"heading": f"{form}, {stage}, version {row.version}", "text": pages.as_text(row.document)}]
    return [
        {"heading": f"{shown.language}, version {shown.version}, by {shown.author}", "text": shown.text}
        for shown in drafting.previews(house, incident, language=None, channel="email", kind=subject.kind)
    ]


def _decided(house: House, request: Request, secret: str, sent: dict[str, str]) -> Response:
    account = session.person(house, request)
    if account is None:
        return session.to_login(request)
    session.must_be_ours(request, sent)
    approve = sent.get("answer") == "approve"
    if sent.get("answer") not in {"approve", "refuse"}:
        return _shown(house, request, secret, account, trouble="Say whether you approve or refuse.", status=400)
    try:
        state = asking.answer(house, secret, account, approve=approve, reason=sent.get("reason"), now=house.now())
    except (NotAllowed, Invalid) as refused:
        status = 403 if isinstance(refused, NotAllowed) else 400
        return _shown(house, request, secret, account, trouble=str(refused), status=status)
    if state is None:
        said = "Refused. It must change before it can be approved."
    elif state.granted:
        said = f"Approved: {len(state.given_by)} of {state.needed}. It may go out."
    else:
        said = f"Approved: {len(state.given_by)} of {state.needed}. Still wanted: {state.missing}."
    return HTMLResponse(pages.sorry("Thank you", said))
