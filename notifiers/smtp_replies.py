"""SMTP replies in our words (RFC 5321 reply codes, RFC 3463 enhanced status codes)."""

import re

from notifiers.answers import Reason

_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")

# RFC 3463 and the IANA registry of enhanced status codes: subject.detail
_REASONS = {
    "1.1": Reason.MAILBOX_UNKNOWN,
    "1.6": Reason.MAILBOX_UNKNOWN,  # moved, no forwarding
    "2.1": Reason.MAILBOX_DISABLED,
    "2.2": Reason.MAILBOX_FULL,
    "2.3": Reason.CONTENT,  # too long for the mailbox
    "3.4": Reason.CONTENT,  # too big for the system
    "4.4": Reason.ADDRESS_INVALID,  # no host of that name
    "4.7": Reason.EXPIRED,
    "1.7": Reason.POLICY,  # the sender's address is what is wrong
    "1.8": Reason.POLICY,
}
_SUBJECTS = {"1": Reason.ADDRESS_INVALID, "6": Reason.CONTENT, "7": Reason.POLICY}

# RFC 5321 section 4.2.3 and RFC 7504 where no enhanced code is given, by the command that was refused
_AT_RCPT = {
    550: Reason.MAILBOX_UNKNOWN,
    551: Reason.MAILBOX_UNKNOWN,
    552: Reason.MAILBOX_FULL,
    553: Reason.ADDRESS_INVALID,
    554: Reason.POLICY,
    556: Reason.ADDRESS_INVALID,
}
_AT_DATA = {552: Reason.CONTENT, 550: Reason.CONTENT, 554: Reason.CONTENT}


def enhanced(text: str) -> str | None:
    """The first enhanced status code in a reply, such as `5.1.1`."""
    found = _ENHANCED.search(text)
    return found.group(0) if found else None


def shown(code: int, text: str) -> str:
    """The codes of a reply, without its words."""
    status = enhanced(text)
    return f"{code} {status}" if status else str(code)


def reason_of_status(status: str) -> Reason:
    """What an enhanced status code says."""
    subject_detail = status.partition(".")[2]
    return _REASONS.get(subject_detail) or _SUBJECTS.get(subject_detail.partition(".")[0], Reason.OTHER)


def reason(command: str, code: int, text: str) -> Reason:
    """Why `command` (MAIL, RCPT or DATA) was refused for good."""
    if command == "MAIL":
        return Reason.POLICY  # nothing about the recipient has been said yet
    status = enhanced(text)
    if status and not status.endswith(".0.0"):
        return reason_of_status(status)
    return (_AT_RCPT if command == "RCPT" else _AT_DATA).get(code, Reason.OTHER)
