"""The fake mail server: takes, refuses, throttles, falls silent or hangs up by rule, and reports bounces later."""

import asyncio
import email
import re
import time
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

import pendulum
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from notifiers.fakes import dsn
from notifiers.fakes.outbox import Json, Outbox
from notifiers.fakes.rules import Rule, Treatment
from tocsin.delivery import Channel

STATUS = "5.1.1"
_REFUSED_USER = b"locked-out"
_HEX = re.compile(r"<([0-9a-f]+)@")


class CountedSmtp(SMTP):
    """A connection that is counted."""

    connections = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count and go on."""
        CountedSmtp.connections += 1
        super().connection_made(transport)


class Handler:
    """aiosmtpd's hooks, by rule."""

    def __init__(self, outbox: Outbox, treatment: Treatment) -> None:
        self._outbox = outbox
        self._treatment = treatment
        self._rules: dict[str, Rule] = {}  # decided at RCPT, so that a throttle counts once a message

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Refuse here what a real server refuses here."""
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient a message"
        rule = self._treatment.of(Channel.EMAIL, address)
        match rule.do:
            case "refuse":
                return f"550 {STATUS} <{address}>: Recipient address rejected: User unknown"
            case "block":
                return "550 5.7.1 Message refused: your host is blocked"
            case "throttle":
                return "451 4.7.1 Greylisted, please try again later"
        envelope.rcpt_tos.append(address)
        self._rules[address] = rule
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the text, or do what the rule says instead."""
        rule = self._rules.pop(envelope.rcpt_tos[0], Rule(match="", do="accept"))
        if rule.do in {"drop", "error"}:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "451 4.3.0 gone"
        identifier = self._take(session, envelope, rule)
        if rule.do == "timeout":
            await asyncio.sleep(600)
        return f"250 2.0.0 Ok: queued as {identifier}"

    def _take(self, session: Session, envelope: Envelope, rule: Rule) -> str:
        assert isinstance(envelope.content, bytes)
        letter = email.message_from_bytes(envelope.content)
        to = envelope.rcpt_tos[0]
        key = _HEX.match(str(letter["Message-ID"]))
        account: Any = session.auth_data
        content: Json = {
            "account": account,
            "to": to,
            "from": envelope.mail_from,
            "message_id": str(letter["Message-ID"]),
            "header_to": letter.get_all("To", []),
            "headers": sorted({name.lower() for name in letter}),
            "title": str(make_header(decode_header(str(letter["Subject"])))),
            "body": _body(letter, "text/plain"),
            "html": _body(letter, "text/html"),
        }
        later = _bounce(letter, envelope, rule, account) if rule.do == "bounce" else None
        return self._outbox.take(Channel.EMAIL, key.group(1) if key else None, content, later=later)


def _bounce(letter: Message, envelope: Envelope, rule: Rule, account: str | None) -> Json:
    at = pendulum.from_timestamp(time.time() + rule.after_seconds)
    report = dsn.undeliverable(
        letter, sender=envelope.mail_from or "", recipient=envelope.rcpt_tos[0], status=STATUS, at=at
    )
    return {"event": "bounced", "code": STATUS, "dsn": report, "account": account, "after_seconds": rule.after_seconds}


def _body(letter: Message, kind: str) -> str | None:
    for part in letter.walk():
        if part.get_content_type() == kind:
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            return payload.decode("utf-8")
    return None


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    """Let anybody in but `locked-out`; the login name is the account."""
    if data.login == _REFUSED_USER:
        return AuthResult(success=False, handled=False)
    return AuthResult(success=True, auth_data=data.login.decode("utf-8", "replace"))


async def serve(port: int, outbox: Outbox, treatment: Treatment) -> asyncio.Server:
    """Listen on loopback."""
    loop = asyncio.get_running_loop()
    handler = Handler(outbox, treatment)

    def connection() -> SMTP:
        return CountedSmtp(
            handler,
            hostname="fake.example",
            ident="fake",
            enable_SMTPUTF8=True,
            authenticator=_authenticate,
            auth_require_tls=False,
            timeout=600,
            loop=loop,
        )

    return await loop.create_server(connection, "127.0.0.1", port)
