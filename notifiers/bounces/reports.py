"""Delivery reports as RFC 3464 lays them out: one group of fields a recipient."""

import re
from collections.abc import Iterable, Iterator
from email.message import Message

from notifiers import smtp_replies
from notifiers.bounces.contents import field_of
from notifiers.bounces.judging import Failure

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_ADDRESS = re.compile(r"[^\s<>;,()\"]+@[^\s<>;,()\"]+")
_TYPED = re.compile(r"^\s*[\w-]+\s*;\s*")


def failures(groups: Iterable[Message]) -> Iterator[Failure]:
    """Each recipient of a report once, in order: some relays repeat a whole status part."""
    seen: set[str] = set()
    for fields in groups:
        whom = address_of(fields)
        if not whom and "Action" not in fields and "Status" not in fields:
            continue  # the group about the message itself
        if not whom and ("Reporting-MTA" in fields and "Action" not in fields):
            continue
        if whom.lower() in seen:
            continue
        seen.add(whom.lower())
        yield _failure(fields, whom)


def address_of(fields: Message) -> str:
    """The recipient that we know it by: the final one, or the original where the final is none."""
    for name in ("Final-Recipient", "Original-Recipient", "X-Actual-Recipient", "X-Original-Recipient"):
        found = _ADDRESS.search(_TYPED.sub("", field_of(fields, name)))
        if found:
            return found.group(0).rstrip(".")
    return _TYPED.sub("", field_of(fields, "Final-Recipient") or field_of(fields, "Original-Recipient"))


def _failure(fields: Message, whom: str) -> Failure:
    status = field_of(fields, "Status")
    stated = _STATUS.search(status)
    words = " ".join((_TYPED.sub("", field_of(fields, "Diagnostic-Code")), status.partition("(")[2]))
    return Failure(
        address=whom,
        action=_action(field_of(fields, "Action"), stated.group(0) if stated else smtp_replies.enhanced(words)),
        status=stated.group(0) if stated else None,
        words=words.strip(),
    )


def _action(stated: str, status: str | None) -> str:
    """The action's first word, for some relays add words of their own; of unknown ones, what the status says."""
    word = stated.split(" ", maxsplit=1)[0].rstrip(";,.").lower()
    if word in {"failed", "delayed", "delivered", "relayed", "expanded"}:
        return word
    if word == "expired":
        return "failed"
    return "failed" if (status or "").startswith("5.") else "unknown"
