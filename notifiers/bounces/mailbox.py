"""Bounces that lie in a mailbox, read over IMAP (RFC 3501, RFC 9051). Nothing in the mailbox is changed.

What was read already is told by a cursor: the mailbox's UIDVALIDITY and the highest UID. Where the mailbox was made
anew, or is another one, reading begins at its start; a bounce that is read twice is the same event.
"""

import contextlib
import hashlib
import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from notifiers.bounces.contents import MOST_BYTES
from tocsin.errors import Misconfigured, Unavailable

AT_ONCE = 25  # messages in memory at once
_SECONDS = 30.0
_PLAIN = re.compile(r"[!#-\[\]-~]+\Z")  # a user name that needs no quoting in a command
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """Where the bounces lie. `name` tells mailboxes apart and says nothing about this one."""

    host: str
    port: int
    secure: bool  # TLS from the first byte; else STARTTLS, which only this machine itself may do without
    user: str = field(repr=False)
    password: str = field(repr=False)
    folder: str = field(repr=False)

    @property
    def name(self) -> str:
        """A word for the mailbox in the cursor."""
        said = f"{self.host}\n{self.port}\n{self.user}\n{self.folder}"
        return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some messages, how many were passed over because nobody can read them, and the cursor behind all of them."""

    messages: tuple[bytes, ...]
    passed_over: int
    cursor: str


def parsed(url: str) -> Mailbox:
    """A mailbox from `imaps://USER:PASSWORD@HOST/FOLDER`; raises ValueError, which says nothing of the URL."""
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    folder = unquote(parts.path.strip("/")) or "INBOX"
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in {"imap", "imaps"} or not parts.hostname or port == -1 or parts.query or parts.fragment:
        raise ValueError("must be imaps://USER:PASSWORD@HOST/FOLDER")
    if not _PLAIN.match(user) or not password or not (password + folder).isprintable() or not folder.isascii():
        raise ValueError("needs a user and a password, %-encoded, and a folder in plain letters")
    secure = parts.scheme == "imaps"
    usual = 993 if secure else 143
    return Mailbox(host=parts.hostname, port=port or usual, secure=secure, user=user, password=password, folder=folder)


def batches(mailbox: Mailbox, cursor: str | None) -> Iterator[Batch]:
    """The messages behind the cursor (None at first), in order; the last cursor is worth keeping after each batch.

    Raises Unavailable when the server does not answer, Misconfigured when it does not let us in. The server's own words
    are never told: they may quote anything.
    """
    with _telling(mailbox), _opened(mailbox) as server:
        validity = _validity(server, mailbox)
        before = _after(mailbox, validity, cursor)
        found = _numbers(server.uid("SEARCH", f"UID {before + 1}:*"))
        new = sorted(uid for uid in found if uid > before)  # `N:*` names the last one, though it is older
        for start in range(0, len(new), AT_ONCE):
            some = new[start : start + AT_ONCE]
            messages, passed_over = _fetched(server, some)
            yield Batch(messages=messages, passed_over=passed_over, cursor=f"{mailbox.name}:{validity}:{some[-1]}")


def _fetched(server: imaplib.IMAP4, uids: Sequence[int]) -> tuple[tuple[bytes, ...], int]:
    """Messages that are there still, and how many are longer than any bounce, or are not handed out."""
    sizes: dict[int, int] = {}
    for line in _lines(server.uid("FETCH", ",".join(map(str, uids)), "(RFC822.SIZE)")):
        uid, size = _UID.search(line), _SIZE.search(line)
        if uid and size:
            sizes[int(uid[1])] = int(size[1])
    given = (_message(server, uid) for uid in uids if sizes.get(uid, MOST_BYTES + 1) <= MOST_BYTES)
    messages = tuple(message for message in given if message is not None)
    return messages, len(sizes) - len(messages)


def _message(server: imaplib.IMAP4, uid: int) -> bytes | None:
    _, found = server.uid("FETCH", str(uid), "(BODY.PEEK[])")
    return next((part[1] for part in found if isinstance(part, tuple) and isinstance(part[1], bytes)), None)


@contextlib.contextmanager
def _opened(mailbox: Mailbox) -> Iterator[imaplib.IMAP4]:
    context = ssl.create_default_context()
    server: imaplib.IMAP4
    if mailbox.secure:
        server = imaplib.IMAP4_SSL(mailbox.host, mailbox.port, ssl_context=context, timeout=_SECONDS)
    else:
        server = imaplib.IMAP4(mailbox.host, mailbox.port, timeout=_SECONDS)
    with contextlib.closing(_Ending(server)):
        if not mailbox.secure and not _is_here(mailbox.host):
            server.starttls(context)
        try:
            _log_in(server, mailbox)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            raise Misconfigured(
                f"The bounce mailbox at {mailbox.host} does not let us in: correct bounce_mailbox."
            ) from None
        yield server


@dataclass(frozen=True)
class _Ending:
    server: imaplib.IMAP4

    def close(self) -> None:
        """Say goodbye, and close the connection whatever the answer is."""
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            self.server.logout()
        with contextlib.suppress(OSError):
            self.server.shutdown()


def _log_in(server: imaplib.IMAP4, mailbox: Mailbox) -> None:
    if mailbox.password.isascii() and "LOGINDISABLED" not in server.capabilities:
        server.login(mailbox.user, mailbox.password)
    else:
        server.authenticate("PLAIN", lambda _: f"\0{mailbox.user}\0{mailbox.password}".encode())


def _validity(server: imaplib.IMAP4, mailbox: Mailbox) -> int:
    quoted = mailbox.folder.replace("\\", r"\\").replace('"', r"\"")
    said, _ = server.select(f'"{quoted}"', readonly=True)
    stated = server.response("UIDVALIDITY")[1]
    if said != "OK" or not stated or stated[0] is None:
        raise Misconfigured(f"The bounce mailbox at {mailbox.host} has no such folder: correct bounce_mailbox.")
    return int(stated[0])


def _after(mailbox: Mailbox, validity: int, cursor: str | None) -> int:
    """The highest UID that was read; 0 where the cursor is of another mailbox or of an earlier life of this one."""
    before, _colon, uid = (cursor or "").rpartition(":")
    return int(uid) if before == f"{mailbox.name}:{validity}" and uid.isdigit() else 0


def _numbers(answer: tuple[str, list[object]]) -> list[int]:
    return [int(word) for line in _lines(answer) for word in line.split() if word.isdigit()]


def _lines(answer: tuple[str, list[object]]) -> list[bytes]:
    said, lines = answer
    if said != "OK":
        raise imaplib.IMAP4.abort("refused")
    return [line for line in lines if isinstance(line, bytes)]


@contextlib.contextmanager
def _telling(mailbox: Mailbox) -> Iterator[None]:
    """Library errors as ours."""
    try:
        yield
    except (OSError, imaplib.IMAP4.error, ValueError):
        raise Unavailable(f"The bounce mailbox at {mailbox.host} cannot be read now: it is tried again.") from None


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
