"""What a message that came to the bounce address consists of: reports for us, and the letter that came back.

Reports are read leniently: line ends of any system, wrong charsets, missing blank lines. What stands inside the letter
that came back is not a report and is never read as one.
"""

import email
import email.policy
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message

_STATUS = {"message/delivery-status", "message/global-delivery-status"}
_RETURNED = {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}
_COMPLAINT = "message/feedback-report"
_NOTICE = {"message/disposition-notification", "message/global-disposition-notification"}
_LINE_END = re.compile(rb"\r\n|\r")
_UNIX_FROM = re.compile(rb"\A(?:>?From [^\n]*\n)+")
_FIELDS = re.compile(r"^[A-Za-z][A-Za-z0-9-]*:", re.MULTILINE)
_ACTION = re.compile(r"^Action:", re.IGNORECASE | re.MULTILINE)
_RECIPIENT = re.compile(r"^(?:Final|Original)-Recipient:", re.IGNORECASE | re.MULTILINE)
_TAG = re.compile(r"<(?P<ends>/?)(?P<name>[A-Za-z!][A-Za-z0-9-]*)(?:\s[^<>]*)?/?>")
_HIDDEN = {"style", "script", "title"}
_WITHIN_A_LINE = {"a", "b", "i", "u", "em", "strong", "span", "font", "tt", "code", "small"}
MOST_BYTES = 2_000_000
MOST_TEXT = 50_000  # characters of prose that are read: a report is short, and somebody may send us a novel


@dataclass
class Contents:
    """One message, taken apart. `groups` are the field groups of delivery reports, one for each recipient."""

    head: Message
    groups: list[Message] = field(default_factory=list)
    feedback: Message | None = None  # RFC 5965
    disposition: Message | None = None  # RFC 8098
    returned: list[Message] = field(default_factory=list)  # the letter that came back, or its headers
    texts: list[str] = field(default_factory=list)
    markup: list[str] = field(default_factory=list)

    @property
    def prose(self) -> str:
        """What the report says for people to read."""
        return "\n".join(self.texts or self.markup)[:MOST_TEXT]


def take_apart(raw: bytes) -> Contents:
    """The message's parts; never raises, whatever the bytes are. Of one without end, only the beginning is read."""
    clean = _UNIX_FROM.sub(b"", _LINE_END.sub(b"\n", raw[:MOST_BYTES]).lstrip(b"\n"))
    try:
        contents = Contents(head=email.message_from_bytes(clean, policy=email.policy.compat32))
        _sort(contents.head, contents)
    except RecursionError:  # parts within parts without end: no mail server's report
        return Contents(head=Message())
    if not contents.groups:
        contents.groups = [block for text in contents.texts for block in _groups_in(text)]
    return contents


def _sort(part: Message, contents: Contents) -> None:
    kind = part.get_content_type()
    if kind in _STATUS:
        contents.groups += _groups(part)
    elif kind == _COMPLAINT:
        contents.feedback = contents.feedback or next(_groups(part), None)
    elif kind in _NOTICE:
        contents.disposition = contents.disposition or next(_groups(part), None)
    elif kind in _RETURNED:
        contents.returned.append(_letter(part))
    elif part.is_multipart():
        for inner in _parts(part):
            _sort(inner, contents)
    else:
        _sort_text(part, contents)


def _sort_text(part: Message, contents: Contents) -> None:
    if part.get_content_type() == "text/html":
        contents.markup.append(_without_markup(decoded(part)))
    elif part.get_content_maintype() in {"text", "multipart"} or part is contents.head:  # one broken apart is text
        contents.texts.append(decoded(part))


def _parts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _groups(part: Message) -> Iterator[Message]:
    """The field groups of a status part, whether the library parsed them or not."""
    inner = _parts(part)
    if any(one.keys() for one in inner):
        yield from (one for one in inner if one.keys())
        return
    text = "\n\n".join(str(one.get_payload()) for one in inner) if inner else decoded(part)
    yield from (_fields(block) for block in re.split(r"\n\s*\n", text) if _FIELDS.search(block))


def _groups_in(text: str) -> Iterator[Message]:
    """Groups of a report that was put into its text, with no part of its own."""
    for block in re.split(r"\n\s*\n", text):
        if _ACTION.search(block) and _RECIPIENT.search(block):
            yield _fields(block)


def _fields(block: str) -> Message:
    return email.message_from_string(block.strip() + "\n\n", policy=email.policy.compat32)


def _letter(part: Message) -> Message:
    inner = _parts(part)
    return inner[0] if inner else email.message_from_string(decoded(part).lstrip("\n"), policy=email.policy.compat32)


def decoded(part: Message) -> str:
    """The text of a part, in its charset or any that fits."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    for charset in (part.get_content_charset("utf-8"), "utf-8"):
        try:
            return payload.decode(charset)
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return payload.decode("latin-1")


def _without_markup(text: str) -> str:
    """The text of a page, a line for each block. (The library's parser takes quadratic time over broken pages.)"""
    pieces, end, hidden = [], 0, ""
    text = text[:MOST_TEXT]
    for tag in _TAG.finditer(text):
        name = tag.group("name").lower()
        if not hidden:
            pieces.append(text[end : tag.start()])
            pieces.append("" if name in _WITHIN_A_LINE else "\n")
            hidden = name if name in _HIDDEN and not tag.group("ends") else ""
        elif name == hidden and tag.group("ends"):
            hidden = ""
        end = tag.end()
    pieces.append("" if hidden else text[end:])
    return html.unescape("".join(pieces))


def field_of(fields: Message, name: str) -> str:
    """A header's value on one line, its encoded words left as they are; empty where there is none."""
    return " ".join(str(fields.get(name, "")).split())
