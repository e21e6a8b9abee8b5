"""HTTP answers of any provider in our words: taken, not now, refused, or nobody knows."""

import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import pendulum
import requests
import urllib3
from pendulum import DateTime

from notifiers import successes
from notifiers.answers import Reason, Refusal, Taken
from notifiers.successes import Word
from notifiers.wire import Exchange
from tocsin.delivery import Channel
from tocsin.errors import DeliveryError, Doubtful, Misconfigured, Unavailable

CONNECTION_LOST = "connection-lost"

# 408 and 425: the server did not take the request; 429 and 503: not now.
_NOT_TAKEN = {408, 425, 429, 503}
_NOT_LET_IN = {401, 407}
_ABOUT_US = {402, 403, 404, 405}  # unpaid, not allowed, no such service

_REFERENCES = ("id", "sid", "message_id", "messageId", "message-id", "message_uuid", "messageID", "name", "MessageId")
_REFERENCE = re.compile(r"[!-~]{1,200}\Z")

# Codes and words by which providers name a dead address (FCM, APNs, web push; Twilio, Vonage, Sinch and the like).
_WORDS = (
    (
        Reason.TOKEN_DEAD,
        re.compile(r"token-dead|unregistered|not.?registered|bad.?device.?token|invalid.?registration", re.IGNORECASE),
    ),
    (
        Reason.NUMBER_INVALID,
        re.compile(r"number-invalid|\b(21211|21217|21614|13224)\b|invalid.{0,12}(phone|number|msisdn)", re.IGNORECASE),
    ),
    (Reason.CONTENT, re.compile(r"^content$|too.?(large|long)|\b(21617|21605)\b", re.IGNORECASE)),
    (Reason.POLICY, re.compile(r"^policy$|\b(21606|21408)\b|sender.?id.?mismatch", re.IGNORECASE)),
)
_SAID_IN = ("code", "error", "errorCode", "error_code", "reason", "status", "message", "errors", "details", "type")


class NeverLeft(requests.ConnectionError):
    """No connection was had, so surely nothing was written."""


def judge(
    heard: list[Exchange],
    *,
    plugin_said: object,
    provider: str,
    channel: Channel,
    now: Callable[[], DateTime],
    service: str = "",
) -> Taken:
    """What became of one message, from the requests its plugin made; `service` is the first word of its URL.

    Raises Unavailable, Refusal, Doubtful, or Misconfigured when the provider does not let us in. The plugin's own
    True or False alone says only what it can: that it believes so, or that nobody knows.
    """
    if not heard:
        if plugin_said is True:
            return Taken()
        raise Doubtful(
            f"Provider {provider} gave no answer that can be read: ask it about the message.", code="no-answer"
        )
    last = heard[-1]
    if last.error is not None:
        raise of_error(last.error, provider=provider)
    assert last.status is not None
    if 200 <= last.status < 300:
        return _of_success(last, plugin_said=plugin_said, provider=provider, service=service, now=now)
    raise _of_failure(last, provider=provider, channel=channel, now=now)


def of_error(error: BaseException, *, provider: str) -> DeliveryError:
    """The meaning of a request that ended without an answer."""
    if isinstance(error, requests.exceptions.InvalidHeader):  # the message has no form in HTTP
        return Refusal(Reason.CONTENT, code="header")
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError) or _never_connected(error):
        return Unavailable(f"Provider {provider} cannot be reached: it will be tried again.", code="unreachable")
    word = "timeout" if isinstance(error, requests.Timeout) else CONNECTION_LOST
    return Doubtful(f"Provider {provider} did not answer after it was asked: the message may have left.", code=word)


def _never_connected(error: BaseException) -> bool:
    if isinstance(error, NeverLeft):
        return True
    cause = error.args[0] if error.args else None
    cause = getattr(cause, "reason", cause)
    if isinstance(cause, urllib3.exceptions.NewConnectionError | urllib3.exceptions.NameResolutionError):
        return True
    # A certificate is judged before anything is written.
    return isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(cause)


def _of_success(
    answer: Exchange, *, plugin_said: object, provider: str, service: str, now: Callable[[], DateTime]
) -> Taken:
    body = answer.json()
    objection = successes.objection(service, body)
    if objection is not None:
        raise _of_objection(objection, answer, body, provider=provider, now=now)
    if plugin_said is not True:
        raise _of_lying_success(answer, body, provider=provider)
    return Taken(provider_ref=_reference(answer, body), code=str(answer.status))


def _of_objection(
    objection: Word | Reason, answer: Exchange, body: Any, *, provider: str, now: Callable[[], DateTime]
) -> Exception:
    """A 200 in which the service itself says no."""
    code = str(answer.status)
    match objection:
        case Word.NOT_NOW:
            wait = retry_after(answer.headers, now=now())
            sentence = f"Provider {provider} takes no more just now: it will be tried again."
            return Unavailable(sentence, code=code, retry_after_seconds=wait)
        case Word.US:
            return Misconfigured(f"Provider {provider} does not accept our credentials: correct its url.")
        case Reason():
            return Refusal(objection, code=code)
    return _of_lying_success(answer, body, provider=provider)


def _of_lying_success(answer: Exchange, body: Any, *, provider: str) -> DeliveryError:
    """A 200 that the plugin does not believe: refused if it names a reason, else a doubt."""
    reason = _named_reason(body)
    if reason is not None:
        return Refusal(reason, code=str(answer.status))
    return Doubtful(
        f"Provider {provider} answered in a way that its plugin does not accept.", code=f"{answer.status}-odd"
    )


def _of_failure(answer: Exchange, *, provider: str, channel: Channel, now: Callable[[], DateTime]) -> Exception:
    status = answer.status or 0
    code = str(status)
    if status in _NOT_TAKEN:
        wait = retry_after(answer.headers, now=now())
        sentence = f"Provider {provider} takes no more just now ({code}): it will be tried again."
        return Unavailable(sentence, code=code, retry_after_seconds=wait)
    if status in _NOT_LET_IN:
        return Misconfigured(f"Provider {provider} does not accept our credentials ({code}): correct its url.")
    if status >= 500:
        return Doubtful(
            f"Provider {provider} failed after it was asked ({code}): the message may have left.", code=code
        )
    return Refusal(_reason(answer, status, channel), code=code)


def _reason(answer: Exchange, status: int, channel: Channel) -> Reason:
    named = _named_reason(answer.json())
    if named is not None:
        return named
    if status == 410:
        return Reason.TOKEN_DEAD if channel is Channel.PUSH else Reason.ADDRESS_INVALID
    if status == 413:
        return Reason.CONTENT
    return Reason.POLICY if status in _ABOUT_US or status < 400 else Reason.OTHER


def _named_reason(body: Any) -> Reason | None:
    for word in _said(body):
        for reason, pattern in _WORDS:
            if pattern.search(word):
                return reason
    return None


def _said(body: Any, depth: int = 4) -> Iterator[str]:
    """The values of a body under the names by which providers name an error."""
    if isinstance(body, list) and depth:
        for inner in body[:20]:
            yield from _said(inner, depth - 1)
    elif isinstance(body, Mapping) and depth:
        for name in _SAID_IN:
            if name in body:
                yield from _said(body[name], depth - 1)
    elif isinstance(body, str | int):
        yield str(body)[:200]


def _reference(answer: Exchange, body: Any) -> str | None:
    """The provider's own id of the message, wherever it usually stands."""
    for inner in _objects(body):
        for name in _REFERENCES:
            value = inner.get(name)
            if value is None or isinstance(value, bool):
                continue
            if isinstance(value, str | int) and _REFERENCE.match(str(value)):
                return str(value)
    header = answer.headers.get("X-Message-Id")
    return header if header and _REFERENCE.match(header) else None


def _objects(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, Mapping):
        yield body
        for name in ("messages", "data", "result", "results"):
            yield from _objects(body.get(name))
    elif isinstance(body, list) and body:
        yield from _objects(body[0])


def retry_after(headers: Mapping[str, str], *, now: DateTime) -> float | None:
    """Seconds to wait by the Retry-After header (RFC 9110 section 10.2.3: seconds, or a date), at most a day."""
    value = next((text.strip() for name, text in headers.items() if name.lower() == "retry-after"), "")
    if value.isascii() and value.isdigit():
        return float(min(int(value), 86400)) if len(value) < 10 else 86400.0
    try:
        moment = pendulum.instance(parsedate_to_datetime(value))
    except ValueError:
        return None
    return min(max(0.0, (moment - now).total_seconds()), 86400.0)
