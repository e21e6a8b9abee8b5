"""Bounces: reports that a letter did not arrive, whoever wrote them and in what form, as events.

Standard reports (RFC 3464), complaints (RFC 5965), read notices (RFC 8098) and the prose of servers that keep to
nothing. The recipient's address is in them and is kept only as a keyed hash: the letter is known by the envelope
sender that it went out with (VERP), or by its own Message-ID in the part that came back. An auto-reply (RFC 3834) is no
bounce.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from email.message import Message
from email.utils import parsedate_to_datetime

import pendulum
from pendulum import DateTime

from notifiers import mail
from notifiers.bounces import judging, prose, reports
from notifiers.bounces.contents import Contents, field_of, take_apart
from notifiers.bounces.judging import Failure
from tocsin.delivery import Event, Kind, Receipt

_ADDRESSED = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_MESSAGE_ID = re.compile(r"^[ \t>]*message-id:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
_KINDS = {
    "failed": Kind.BOUNCED,
    "delayed": Kind.DEFERRED,
    "delivered": Kind.DELIVERED,
    "relayed": Kind.ACCEPTED,
    "expanded": Kind.ACCEPTED,
}
_COMPLAINTS = {
    "abuse": Kind.COMPLAINED,
    "fraud": Kind.COMPLAINED,
    "virus": Kind.COMPLAINED,
    "opt-out": Kind.UNSUBSCRIBED,
    "opt-out-list": Kind.UNSUBSCRIBED,
}
_OLD_COMPLAINT = re.compile(r"complaint about message from ", re.IGNORECASE)  # of a large provider, before RFC 5965
_WORD = re.compile(r"[\w./ -]{1,40}\Z")


def parse(raw: bytes, *, provider: str, received: DateTime, envelope_recipient: str | None = None) -> list[Receipt]:
    """The receipts in one message that came to the bounce address; none when it is no delivery report.

    A delay is no receipt, for the relay still tries, nor is a report that it handed the letter on.
    """
    found = events(raw, provider=provider, received=received, envelope_recipient=envelope_recipient)
    final = {Kind.BOUNCED, Kind.DELIVERED}
    return [event.receipt for event in found if event.kind in final and event.receipt is not None]


def events(
    raw: bytes,
    *,
    provider: str,
    received: DateTime,
    envelope_recipient: str | None = None,
    hashed: Callable[[str], str | None] = lambda _: None,
) -> list[Event]:
    """What one message to the bounce address says, one event a recipient.

    `envelope_recipient` is whom the message was handed to us for; `hashed` makes a keyed hash of a recipient.
    """
    contents = take_apart(raw)
    key = _key(contents, envelope_recipient)
    fingerprint = hashlib.sha256(raw).hexdigest()[:32]
    at = _moment(contents.head, received)

    def event(number: int, kind: Kind, whom: str, **more: object) -> Event:
        return Event(
            provider=provider,
            event_id=f"dsn-{fingerprint}-{number}",
            kind=kind,
            at=at,
            key=key,
            recipient=hashed(whom) if whom else None,
            **more,  # type: ignore[arg-type]
        )

    if contents.feedback is not None:
        return [_complaint(contents.feedback, event)]
    if _OLD_COMPLAINT.match(field_of(contents.head, "Subject")) and contents.returned:
        return [event(0, Kind.COMPLAINED, "", word="complaint")]
    failures = list(reports.failures(contents.groups))
    besides = prose.above_the_letter(contents.prose)
    if not failures:
        failures = list(prose.failures(contents))
    if not failures and contents.disposition is not None:
        return [_disposition(contents.disposition, event)]
    return [_event_of(failure, number, besides, event) for number, failure in enumerate(failures)]


def domains(raw: bytes) -> list[str]:
    """The domains of the addresses that a message came to."""
    head = take_apart(raw).head
    found = (field_of(head, name).rpartition("@")[2] for name in _ADDRESSED)
    return [domain.strip(" <>\t").lower() for domain in found if domain]


def _event_of(failure: Failure, number: int, besides: str, event: Callable[..., Event]) -> Event:
    kind = _KINDS.get(failure.action, Kind.UNKNOWN)
    if kind in {Kind.BOUNCED, Kind.DEFERRED}:
        judged = judging.judge(failure, besides=besides)
        hard = judged.hard and kind is Kind.BOUNCED
        return event(
            number, kind, failure.address, hard=hard, reason=judged.reason.value, code=judged.code, word=failure.action
        )
    return event(number, kind, failure.address, code=failure.status, word=failure.action)


def _complaint(feedback: Message, event: Callable[..., Event]) -> Event:
    word = field_of(feedback, "Feedback-Type").lower()
    whom = reports.address_of(feedback) or field_of(feedback, "Original-Rcpt-To").strip("<>")
    return event(0, _COMPLAINTS.get(word, Kind.UNKNOWN), whom, word=word if _WORD.match(word) else None)


def _disposition(fields: Message, event: Callable[..., Event]) -> Event:
    """RFC 8098 section 3.2.6: `displayed` says that it was shown, and so did arrive; anything else says little."""
    word = field_of(fields, "Disposition").rpartition(";")[2].partition("/")[0].strip().lower()
    kind = Kind.OPENED if word == "displayed" else Kind.UNKNOWN
    return event(0, kind, reports.address_of(fields), word=word if _WORD.match(word) else None)


def _key(contents: Contents, envelope_recipient: str | None) -> str | None:
    addresses = [envelope_recipient or "", *(field_of(contents.head, name) for name in _ADDRESSED)]
    for address in addresses:
        key = mail.key_of_return_path(address)
        if key is not None:
            return key
    for message_id in _message_ids(contents):
        key = mail.key_of_message_id(message_id)
        if key is not None:
            return key
    return None


def _message_ids(contents: Contents) -> Iterator[str]:
    for letter in contents.returned:
        yield field_of(letter, "Message-ID")
    yield from _MESSAGE_ID.findall(contents.prose)
    yield field_of(contents.head, "In-Reply-To")
    yield from field_of(contents.head, "References").split()


def _moment(head: Message, received: DateTime) -> DateTime:
    try:
        return pendulum.instance(parsedate_to_datetime(field_of(head, "Date"))).in_timezone("UTC")
    except (ValueError, TypeError):
        return received
