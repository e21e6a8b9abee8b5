"""The account of an Apprise `mailto(s)://` URL, and a connection that is logged in to it.

Apprise's plugin reads the URL: server, mode of TLS, credentials, sender. Its own `submit` opens a connection and a TLS
context for every message and answers True or False, so the connection is made here as it makes it, and kept.
"""

import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from notifiers import mail
from notifiers.answers import Refusal
from notifiers.providers import Provider
from tocsin.errors import Misconfigured


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


@dataclass(frozen=True, kw_only=True)
class Connected:
    """A socket on which a session is logged in and at rest, and what its server announced."""

    socket: socket.socket
    pipelining: bool  # RFC 2920
    international: bool  # RFC 6531


def connect(account: Account, *, provider: str) -> Connected:
    """Connect and log in; blocks. Raises Misconfigured when it is refused to us, else what smtplib raises."""
    session = _opened(account, provider=provider)
    assert session.sock is not None
    features = {"pipelining": session.has_extn("pipelining"), "international": session.has_extn("smtputf8")}
    connected, session.sock = session.sock, None
    session.close()  # lets go of its reader, not of the socket
    return Connected(socket=connected, **features)


def not_let_in(provider: str, shown: str) -> Misconfigured:
    """The error of a server that asks for other credentials."""
    return Misconfigured(f"Provider {provider} does not accept our credentials ({shown}): correct its url.")


def _opened(account: Account, *, provider: str) -> smtplib.SMTP:
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
    except smtplib.SMTPAuthenticationError as error:
        session.close()
        if error.smtp_code // 100 == 4:
            raise
        raise not_let_in(provider, str(error.smtp_code)) from None
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
