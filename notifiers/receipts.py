"""Receipts: what providers say later about messages they took, pulled from their feeds.

The feed is specified in docs/providers.md: `GET <receipts url>?after=N&limit=M` answers `{"events": [...], "next": N}`.
A feed may repeat an event; its `event_id` tells.
"""

import re
from dataclasses import replace
from typing import Annotated

import pendulum
import requests
from pendulum import DateTime
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from notifiers import bounces, wire
from notifiers.answers import Reason
from notifiers.mail import KEY
from notifiers.providers import Provider
from tocsin.delivery import Outcome, Receipt
from tocsin.errors import Misconfigured, TocsinError, Unavailable

LIMIT = 1000
PAGES = 20
_SECONDS = (5.0, 30.0)
_CODE = re.compile(r"(?!.*[0-9]{7})[A-Za-z0-9._-]{1,40}\Z")  # a code, and neither an address nor a number
_OUTCOMES = {"delivered": Outcome.DELIVERED, "bounced": Outcome.BOUNCED, "failed": Outcome.BOUNCED}


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    event: str
    at: str
    channel: str | None = None
    reference: str | None = None
    provider_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")] | None = None
    code: str | None = None
    dsn: str | None = None


class _Page(BaseModel):
    model_config = ConfigDict(extra="ignore")

    events: list[_Event]
    next: int


def collect(provider: Provider, cursor: str | int | None) -> tuple[list[Receipt], str]:
    """The receipts after `cursor` (None at first), at most 20,000 a call, and the cursor to go on from.

    Raises Unavailable when the feed does not answer, Misconfigured when it does not let us in or is no feed; then
    nothing was read. A provider without a feed has no receipts.
    """
    after = _number(provider, cursor)
    found: list[Receipt] = []
    for _page_number in range(PAGES if provider.receipts is not None else 0):
        page = _page(provider, after)
        for event in page.events:
            if event.channel is None or event.channel == provider.channel:
                found += _receipts(provider, event)
        if page.next <= after:
            break
        after = page.next
    return found, str(after)


def _number(provider: Provider, cursor: str | int | None) -> int:
    try:
        return max(0, int(cursor or 0))
    except ValueError:
        raise Misconfigured(
            f"The stored cursor of provider {provider.name}'s receipts is not a number: clear it."
        ) from None


def _page(provider: Provider, after: int) -> _Page:
    assert provider.receipts is not None
    try:
        with wire.quiet():
            answer = requests.get(
                provider.receipts.get_secret_value(),
                params={"after": after, "limit": LIMIT},
                timeout=_SECONDS,
                allow_redirects=False,
            )
    except requests.exceptions.RequestException as error:
        raise _no_answer(provider, error) from None
    if answer.status_code in {408, 429} or answer.status_code >= 500:
        raise Unavailable(f"The receipts of provider {provider.name} cannot be had now: they will be asked for again.")
    try:
        if answer.status_code == 200:
            return _Page.model_validate_json(answer.content)
    except ValidationError:
        pass
    raise Misconfigured(
        f"The receipts url of provider {provider.name} gives {answer.status_code} and no feed: see docs/providers.md."
    )


def _no_answer(provider: Provider, error: requests.exceptions.RequestException) -> TocsinError:
    wrong = requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema
    if isinstance(error, wrong):
        return Misconfigured(f"The receipts url of provider {provider.name} is not an http(s) URL: correct it.")
    return Unavailable(f"The receipts of provider {provider.name} cannot be had now: they will be asked for again.")


def _receipts(provider: Provider, event: _Event) -> list[Receipt]:
    at = _moment(provider, event.at)
    key = event.reference if event.reference and KEY.match(event.reference) else None
    if event.dsn is not None:
        parsed = bounces.parse(event.dsn.encode("utf-8", "surrogateescape"), provider=provider.name, received=at)
        return [
            replace(
                receipt,
                event_id=event.id if number == 0 else f"{event.id}-{number}",
                key=receipt.key or key,
                provider_ref=event.provider_id,
            )
            for number, receipt in enumerate(parsed)
        ]
    outcome = _OUTCOMES.get(event.event, Outcome.UNKNOWN)  # a word that we do not know is kept as a doubt, not guessed
    return [
        Receipt(
            provider=provider.name,
            event_id=event.id,
            outcome=outcome,
            at=at,
            key=key,
            provider_ref=event.provider_id,
            code=event.code if event.code and _CODE.match(event.code) else None,
            reason=_reason(event.code) if outcome is Outcome.BOUNCED else None,
        )
    ]


def _reason(code: str | None) -> str:
    return code if code in set(Reason) else Reason.OTHER.value


def _moment(provider: Provider, at: str) -> DateTime:
    try:
        moment = pendulum.parse(at)
    except ValueError:
        moment = None
    if not isinstance(moment, DateTime):
        raise Misconfigured(
            f"The receipts of provider {provider.name} hold a time that is not ISO 8601: see docs/providers.md."
        )
    return moment.in_timezone("UTC")
