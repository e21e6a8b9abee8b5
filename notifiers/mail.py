"""One notice as the bytes of one message (RFC 5322, MIME), built by hand because the library's builder costs 3 ms each.

Nothing of a person or a text can reach a header unencoded: addresses are checked, other values are encoded words.
"""

import re
from base64 import b32decode, b32encode
from binascii import b2a_base64
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.header import Header
from email.utils import format_datetime, formataddr
from functools import lru_cache

import idna
from pendulum import DateTime

from notifiers.answers import Reason, Refusal
from tocsin.delivery import Message
from tocsin.errors import Misconfigured

# Dot-atoms (RFC 5322, with RFC 6531's letters): what quoting or comments could hide is refused.
_LOCAL = re.compile(r"[^\s\x00-\x20\x7f-\x9f()<>\[\]:;@\\,.\"]+(\.[^\s\x00-\x20\x7f-\x9f()<>\[\]:;@\\,.\"]+)*\Z")
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z", re.IGNORECASE
)
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*\Z")
KEY = re.compile(r"(?:[0-9a-f]{2}){1,32}\Z")
_LONGEST_WORD = 60  # a longer one could not be folded
_LINE_END = re.compile(r"\r\n|\r|\n")
_FIELD = re.compile(r"[!-9;-~]+\Z")
_MESSAGE_ID = re.compile(r"<?([0-9a-f]{2,64})@[^\s<>@]+>?\s*\Z")
_VERP = re.compile(r"bounce\+([a-z2-7]{4,56})@", re.IGNORECASE)
# No line of base 64 holds a "_", so the boundary need not differ (RFC 2045 section 6.7).
_ALTERNATIVE = b'Content-Type: multipart/alternative; boundary="=_tocsin"\r\n\r\n--=_tocsin\r\n'
_BETWEEN, _END = b"--=_tocsin\r\n", b"--=_tocsin--\r\n"
_PART = 'Content-Type: text/%s; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
_TEXT, _HTML = (_PART % "plain").encode(), (_PART % "html").encode()
_OURS = {
    "from", "to", "cc", "bcc", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type",
    "content-transfer-encoding", "content-language", "list-id", "reply-to", "sender", "return-path",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who a provider's messages are from; `headers` are extra ones from its URL."""

    address: str
    name: str | None
    reply_to: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    bounce_domain: str | None = None

    @property
    def domain(self) -> str:
        """The domain of the sender's address."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One message ready for SMTP: envelope and content."""

    sender: str
    recipient: str
    content: bytes
    international: bool  # the local part needs SMTPUTF8 (RFC 6531)


def compose(message: Message, sender: Sender, *, now: DateTime) -> Letter:
    """The letter for one message; raises Refusal when its address cannot be written safely."""
    if not KEY.match(message.key):
        raise ValueError("a message's key is lower-case hexadecimal of an even number of digits, at most 64")
    recipient = readdress(message.to)
    own = (
        f"To: {recipient}\r\nSubject: {_encoded(message.subject, 'Subject')}\r\n"
        f"Date: {_date(int(now.timestamp()), now.utcoffset())}\r\nMessage-ID: <{message.key}@{sender.domain}>\r\n"
    ).encode()
    if message.html is None:
        body: tuple[bytes, ...] = (_TEXT, _base64(message.text))
    else:
        body = (_ALTERNATIVE, _TEXT, _base64(message.text), _BETWEEN, _HTML, _base64(message.html), _END)
    return Letter(
        sender=_return_path(message.key, sender),
        recipient=recipient,
        content=b"".join((own, _constant(sender, message.language), *body)),
        international=not recipient.isascii(),
    )


def readdress(address: str) -> str:
    """The address with its domain in ASCII; raises Refusal when it is not one plain address."""
    local, at, domain = address.rpartition("@")
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise Refusal(Reason.ADDRESS_INVALID, code="domain") from None
    if not (at and len(local.encode()) <= 64 and _LOCAL.match(local) and _DOMAIN.match(ascii_domain)):
        raise Refusal(Reason.ADDRESS_INVALID, code="address")
    return f"{local}@{ascii_domain}"


@lru_cache(maxsize=64)
def _constant(sender: Sender, language: str) -> bytes:
    """The header fields that all letters of a sender in one language share."""
    lines = [
        f"From: {_mailbox(sender.name, sender.address)}",
        "Auto-Submitted: auto-generated",  # RFC 3834 section 5: by a machine, and no answer to anything
        f"List-Id: <notices.{sender.domain}>",  # RFC 2919
        "MIME-Version: 1.0",
    ]
    if _LANGUAGE.match(language):
        lines.append(f"Content-Language: {language}")
    if sender.reply_to:
        lines.append(f"Reply-To: {', '.join(sender.reply_to)}")
    lines += [f"{name}: {_encoded(value, name)}" for name, value in sender.headers]
    return ("\r\n".join(lines) + "\r\n").encode()


@lru_cache(maxsize=16)
def _date(second: int, offset: timedelta | None) -> str:
    """The date of RFC 5322 section 3.3, in the zone that the clock shows."""
    return format_datetime(datetime.fromtimestamp(second, timezone(offset or timedelta())))


def checked_headers(headers: dict[str, str], *, provider: str) -> tuple[tuple[str, str], ...]:
    """Extra headers of a provider's URL; raises Misconfigured for a bad name or one that we set ourselves."""
    for name in headers:
        if not _FIELD.match(name) or name.lower() in _OURS:
            raise Misconfigured(f"Provider {provider} sets a header that may not be set: take it out of its url.")
    return tuple(headers.items())


@lru_cache(maxsize=256)
def _encoded(value: str, name: str) -> str:
    """A header's value on folded lines, anything but printable ASCII as encoded words (RFC 2047)."""
    one_line = " ".join(value.split())
    plain = one_line.isascii() and one_line.isprintable() and max(map(len, value.split()), default=0) <= _LONGEST_WORD
    charset = "us-ascii" if plain else "utf-8"
    return Header(one_line, charset, header_name=name).encode(linesep="\r\n")


@lru_cache(maxsize=64)
def _mailbox(name: str | None, address: str) -> str:
    return formataddr((" ".join(name.split()), address), charset="utf-8") if name else address


def _base64(text: str) -> bytes:
    """The text with line ends as RFC 2045 section 6.8 wants them, in lines of 76 signs."""
    lines = "\r\n".join(_LINE_END.split(text)) if "\r" in text else text.replace("\n", "\r\n")
    encoded = b2a_base64(lines.encode() + b"\r\n", newline=False)
    return b"\r\n".join([encoded[at : at + 76] for at in range(0, len(encoded), 76)]) + b"\r\n"


def _return_path(key: str, sender: Sender) -> str:
    """The envelope sender, which names the message (VERP), so that a bounce finds its way home without the recipient.

    Base 32, because 64 hexadecimal digits would not fit into a local part of 64 signs.
    """
    if sender.bounce_domain is None:
        return sender.address
    tag = b32encode(bytes.fromhex(key)).decode().rstrip("=").lower()
    return f"bounce+{tag}@{sender.bounce_domain}"


def key_of_return_path(address: str) -> str | None:
    """The message's key in an address that `compose` made, or None."""
    found = _VERP.search(address)
    if not found:
        return None
    tag = found.group(1).upper()
    try:
        return b32decode(tag + "=" * (-len(tag) % 8)).hex()
    except ValueError:
        return None


def key_of_message_id(message_id: str) -> str | None:
    """The message's key in a Message-ID that `compose` made, or None."""
    found = _MESSAGE_ID.match(message_id.strip())
    return found.group(1) if found else None
