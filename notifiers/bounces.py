"""Bounces: reports that a letter did not arrive (RFC 3464), as receipts.

The recipient's address is in them and is never kept: the letter is known by the envelope sender that it went out with
(VERP), or by its own Message-ID in the part that came back.
"""

import email
import email.policy
import hashlib
import re
from collections.abc import Iterator
from email.message import Message
from email.utils import parsedate_to_datetime

import pendulum
from pendulum import DateTime

from notifiers import mail, smtp_replies
from notifiers.answers import Reason
from tocsin.delivery import Outcome, Receipt

_STILL_TRYING = {"delayed", "relayed", "expanded"}
_ADDRESSED = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_RETURNED = {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}
_MESSAGE_ID = re.compile(r"^message-id:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


def parse(raw: bytes, *, provider: str, received: DateTime, envelope_recipient: str | None = None) -> list[Receipt]:
    """The receipts in one message that came to the bounce address; none when it is no delivery report.

    One a recipient: `failed` is bounced, `delivered` is delivered; a delay is no receipt, for the relay still tries. An
    auto-reply is not a bounce. `envelope_recipient` is whom the message was handed to us for.
    """
    report = email.message_from_bytes(raw, policy=email.policy.compat32)
    if not _is_delivery_report(report):
        return []
    key = _key(report, envelope_recipient)
    fingerprint = hashlib.sha256(raw).hexdigest()[:32]
    receipts = []
    for number, fields in enumerate(_recipients(report)):
        status = _status(fields)
        outcome = _outcome(_text(fields, "Action").lower(), status)
        if outcome is None:
            continue
        receipts.append(
            Receipt(
                provider=provider,
                event_id=f"dsn-{fingerprint}-{number}",
                outcome=outcome,
                at=_moment(report, received),
                key=key,
                code=status,
                reason=_reason(status).value if outcome is Outcome.BOUNCED else None,
            )
        )
    return receipts


def _is_delivery_report(report: Message) -> bool:
    kind = report.get_param("report-type")
    named = (
        report.get_content_type() == "multipart/report" and str(kind or "delivery-status").lower() == "delivery-status"
    )
    return named or any(True for _ in _status_parts(report))


def _status_parts(report: Message) -> Iterator[Message]:
    """Parts that hold statuses; what came back inside a returned letter is not ours to read."""
    parts = report.get_payload()
    if not isinstance(parts, list):
        return
    for part in parts:
        if not isinstance(part, Message):
            continue
        if part.get_content_type() in {"message/delivery-status", "message/global-delivery-status"}:
            yield part
        elif part.get_content_maintype() == "multipart":
            yield from _status_parts(part)


def _recipients(report: Message) -> Iterator[Message]:
    """The groups of fields that are about a recipient, each once: some relays repeat a whole status part."""
    seen = set()
    for part in _status_parts(report):
        blocks = part.get_payload()
        for block in blocks if isinstance(blocks, list) else []:
            if not isinstance(block, Message) or "Action" not in block:
                continue
            whom = _text(block, "Final-Recipient") or _text(block, "Original-Recipient")
            if whom.lower() not in seen:
                seen.add(whom.lower())
                yield block


def _outcome(action: str, status: str | None) -> Outcome | None:
    """What an action says (RFC 3464 section 2.3.3); of unknown ones, what their status says."""
    word = action.split(" ", maxsplit=1)[0].rstrip(";,.")  # some relays add words of their own
    if word in _STILL_TRYING:
        return None
    if word == "delivered":
        return Outcome.DELIVERED
    return Outcome.BOUNCED if word == "failed" or (status or "").startswith("5.") else None


def _status(fields: Message) -> str | None:
    stated = _STATUS.search(_text(fields, "Status"))
    said = smtp_replies.enhanced(_text(fields, "Diagnostic-Code"))
    status = stated.group(0) if stated else None
    # The general status says nothing; the other server's own words may.
    return said if said and (status is None or status.endswith(".0.0")) else status


def _reason(status: str | None) -> Reason:
    if status is None:
        return Reason.OTHER
    if status.startswith("4."):
        return Reason.MAILBOX_FULL if status.startswith("4.2.2") else Reason.EXPIRED
    return smtp_replies.reason_of_status(status)


def _key(report: Message, envelope_recipient: str | None) -> str | None:
    addresses = [envelope_recipient or "", *(_text(report, name) for name in _ADDRESSED)]
    for address in addresses:
        key = mail.key_of_return_path(address)
        if key is not None:
            return key
    for message_id in _message_ids(report):
        key = mail.key_of_message_id(message_id)
        if key is not None:
            return key
    return None


def _message_ids(report: Message) -> Iterator[str]:
    for part in report.walk():
        if part.get_content_type() in _RETURNED:
            payload = part.get_payload()
            if isinstance(payload, list) and payload and isinstance(payload[0], Message):
                yield _text(payload[0], "Message-ID")
            else:
                yield from _MESSAGE_ID.findall(_decoded(part))
    yield _text(report, "In-Reply-To")
    yield from _text(report, "References").split()


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _text(fields: Message, name: str) -> str:
    return " ".join(str(fields.get(name, "")).split())


def _moment(report: Message, received: DateTime) -> DateTime:
    try:
        return pendulum.instance(parsedate_to_datetime(_text(report, "Date"))).in_timezone("UTC")
    except ValueError:
        return received
