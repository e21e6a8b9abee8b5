"""E-mail over SMTP: the account of an Apprise `mailto(s)://` URL, one kept session, our own MIME.

Apprise's plugin opens a connection and a TLS context for every message and answers True or False. Here the plugin
gives server, mode, credentials and sender; the session is held, and every reply is read where it is given.
"""

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pendulum import DateTime

from notifiers import mail, plugins, smtp_replies
from notifiers.answers import Reason, Refusal, Taken
from notifiers.providers import Provider
from tocsin.delivery import Message
from tocsin.errors import Doubtful, Misconfigured, Unavailable

_CLOSING = 421


@dataclass(frozen=True, kw_only=True)
class Account:
    """How to reach a mail server, as Apprise read it from a URL."""

    host: str
    port: int
    mode: str  # insecure, starttls or ssl
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    verify: bool
    connect_seconds: float
    answer_seconds: float


def account(plugin: Any) -> Account | None:
    """The account of Apprise's e-mail plugin; None when the plugin is no longer what this was written against."""
    try:
        read = Account(
            host=plugin.smtp_host,
            port=plugin.port,
            mode=str(plugin.secure_mode),
            user=plugin.user,
            password=plugin.password,
            verify=plugin.verify_certificate,
            connect_seconds=float(plugin.socket_connect_timeout),
            answer_seconds=float(plugin.socket_read_timeout),
        )
        known = (
            isinstance(plugin.smtp_host, str) and isinstance(plugin.port, int) and isinstance(plugin.from_addr[1], str)
        )
    except (AttributeError, TypeError):
        return None
    return read if known and read.mode in {"insecure", "starttls", "ssl"} else None


def sender(plugin: Any, provider: Provider) -> mail.Sender:
    """Who the letters of this account are from."""
    name, address = plugin.from_addr
    try:
        own, *reply_to = (mail.readdress(each) for each in (address, *sorted(plugin.reply_to)))
    except Refusal:
        raise Misconfigured(
            f"Provider {provider.name}: its sender is not a plain address; correct `from` in its url."
        ) from None
    return mail.Sender(
        address=own,
        name=name or None,
        reply_to=tuple(reply_to),
        headers=mail.checked_headers(plugin.headers, provider=provider.name),
        bounce_domain=provider.bounce_domain,
    )


class SmtpNotifier:
    """One kept SMTP session. Not shared between threads."""

    def __init__(
        self, provider: Provider, account: Account, sender: mail.Sender, *, now: Callable[[], DateTime]
    ) -> None:
        self._provider = provider
        self._account = account
        self._sender = sender
        self._now = now
        self._session: smtplib.SMTP | None = None

    def send(self, message: Message) -> Taken:
        """Hand over one message; raises Unavailable, Refusal, Doubtful or Misconfigured."""
        letter = mail.compose(message, self._sender, now=self._now())
        session = self._open_envelope(letter)
        code, text = self._data(session, letter)
        if code // 100 == 2:
            return Taken(provider_ref=f"{message.key}@{self._sender.domain}", code=smtp_replies.shown(code, text))
        raise self._refused("DATA", code, text)

    def close(self) -> None:
        """End the session politely."""
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                session.quit()
            session.close()

    def _open_envelope(self, letter: mail.Letter) -> smtplib.SMTP:
        """A session that said yes to sender and recipient; a kept one that has died meanwhile is opened anew, once."""
        kept = self._session is not None
        try:
            session = self._connected()
            self._envelope(session, letter)
        except Unavailable:
            if kept and self._session is None:  # 421: this session is over, for its age or the number of its letters
                return self._open_envelope(letter)
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            if kept:
                return self._open_envelope(letter)
            raise self._unreachable("tls" if isinstance(error, ssl.SSLError) else "unreachable") from None
        return session

    def _envelope(self, session: smtplib.SMTP, letter: mail.Letter) -> None:
        if letter.international and not session.has_extn("smtputf8"):
            raise Refusal(Reason.ADDRESS_INVALID, code="smtputf8")
        session.command_encoding = "utf-8" if letter.international else "ascii"
        options = ["SMTPUTF8", "BODY=8BITMIME"] if letter.international else []
        self._agree(session, "MAIL", *session.mail(letter.sender, options))
        self._agree(session, "RCPT", *session.rcpt(letter.recipient))

    def _agree(self, session: smtplib.SMTP, command: str, code: int, reply: bytes) -> None:
        if code not in {250, 251}:
            self._reset(session, code)
            raise self._refused(command, code, _text(reply))

    def _data(self, session: smtplib.SMTP, letter: mail.Letter) -> tuple[int, str]:
        """The reply to the content. A connection that dies before the server asked for it has taken nothing."""
        try:
            code, reply = session.docmd("DATA")
        except (OSError, smtplib.SMTPException):
            self._drop()
            raise self._unreachable("connection-lost") from None
        if code != 354:
            self._reset(session, code)
            return code, _text(reply)
        try:
            session.send(letter.content + b".\r\n")  # no line of it begins with a dot: `mail` writes base 64
            code, reply = session.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            word = "timeout" if "timed out" in str(error) else "connection-lost"
            sentence = f"Provider {self._provider.name} took the message's text and did not answer: it may have left."
            raise Doubtful(sentence, code=word) from None
        if code == _CLOSING:
            self._drop()
        return code, _text(reply)

    def _connected(self) -> smtplib.SMTP:
        if self._session is None:
            self._session = _connect(self._account, provider=self._provider.name)
        return self._session

    def _reset(self, session: smtplib.SMTP, code: int) -> None:
        if code == _CLOSING:
            self._drop()
            return
        try:
            session.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _refused(self, command: str, code: int, text: str) -> Exception:
        shown = smtp_replies.shown(code, text)
        if code // 100 == 4:
            return Unavailable(f"Provider {self._provider.name} asks to try later ({shown}).", code=shown)
        if code in {530, 535, 538}:
            return _not_let_in(self._provider.name, shown)
        if code // 100 == 5:
            return Refusal(smtp_replies.reason(command, code, text), code=shown)
        self._drop()  # the dialogue is out of step
        return Doubtful(f"Provider {self._provider.name} answered out of step ({shown}).", code=shown)

    def _unreachable(self, word: str) -> Unavailable:
        return Unavailable(
            f"Provider {self._provider.name} cannot be reached ({word}): it will be tried again.", code=word
        )


def _not_let_in(provider: str, shown: str) -> Misconfigured:
    return Misconfigured(f"Provider {provider} does not accept our credentials ({shown}): correct its url.")


def _connect(account: Account, *, provider: str) -> smtplib.SMTP:
    """A session that is logged in. Raises Misconfigured when it is refused to us, else what smtplib raises."""
    name = _own_name()
    if account.mode == "ssl":
        context = _tls(account.verify)
        session: smtplib.SMTP = smtplib.SMTP_SSL(
            account.host, account.port, name, timeout=account.connect_seconds, context=context
        )
    else:
        session = smtplib.SMTP(account.host, account.port, name, timeout=account.connect_seconds)
    try:
        session.ehlo_or_helo_if_needed()
        if account.mode == "starttls":
            session.starttls(context=_tls(account.verify))
            session.ehlo()
        if account.user and account.password:
            session.login(account.user, account.password)
        assert session.sock is not None
        session.sock.settimeout(account.answer_seconds)
    except smtplib.SMTPAuthenticationError as error:
        session.close()
        if error.smtp_code // 100 == 4:
            raise
        raise _not_let_in(provider, str(error.smtp_code)) from None
    except BaseException:
        session.close()
        raise
    return session


@lru_cache(maxsize=2)
def _tls(verify: bool) -> ssl.SSLContext:
    """One context for all connections: making one reads the whole list of authorities (50 ms of processor time)."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@lru_cache(maxsize=1)
def _own_name() -> str:
    """Our name in EHLO, looked up once: smtplib would ask the name service for every connection."""
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"


def _text(reply: bytes) -> str:
    return reply.decode("ascii", "replace")


def open_mail(provider: Provider, *, now: Callable[[], DateTime]) -> SmtpNotifier | None:
    """A kept session for an Apprise e-mail URL; None when the provider's plugin is not the SMTP one."""
    plugin = plugins.probe(provider)[0]
    if getattr(plugin, "schema", "") not in {"mailto", "mailtos"}:
        return None
    read = account(plugin)
    return None if read is None else SmtpNotifier(provider, read, sender(plugin, provider), now=now)
