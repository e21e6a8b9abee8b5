"""E-mail over SMTP for an Apprise `mailto(s)://` URL: the carrier that sends many, and a notifier for one at a time."""

import asyncio
from collections.abc import Callable

from pendulum import DateTime

from notifiers import plugins, smtp_account
from notifiers.answers import Taken
from notifiers.carriers.mail import MailCarrier
from notifiers.providers import Provider
from notifiers.sharing import SharedConnections
from tocsin.delivery import Message


class SmtpNotifier:
    """A mail carrier for code without an event loop: one message after the other. Not shared between threads."""

    def __init__(self, carrier: MailCarrier) -> None:
        self._carrier = carrier
        self._runner: asyncio.Runner | None = asyncio.Runner()

    def send(self, message: Message) -> Taken:
        """Hand over one message; raises Unavailable, Refusal, Doubtful or Misconfigured."""
        assert self._runner is not None
        return self._runner.run(self._carrier.send(message))

    def close(self) -> None:
        """End the session politely."""
        runner, self._runner = self._runner, None
        if runner is not None:
            with runner:
                runner.run(self._carrier.close())


def mail_carrier(
    provider: Provider, *, now: Callable[[], DateTime], shared: SharedConnections | None = None
) -> MailCarrier | None:
    """The carrier for an Apprise e-mail URL; None when the provider's plugin is not the SMTP one, or has changed."""
    plugin = plugins.probe(provider)[0]
    if getattr(plugin, "schema", "") not in {"mailto", "mailtos"}:
        return None
    account = smtp_account.account(plugin)
    if account is None:
        return None
    sender = smtp_account.sender(plugin, provider)
    return MailCarrier(
        account,
        sender,
        provider=provider.name,
        connections=provider.connections,
        now=now,
        sign=_signing(provider),
        shared=shared,
    )


def _signing(provider: Provider) -> Callable[[bytes], bytes] | None:
    if provider.dkim is None:
        return None
    from notifiers import dkim

    key = provider.dkim
    return dkim.signer(key.domain, key.selector, key.key_file, provider=provider.name).signed


def open_mail(provider: Provider, *, now: Callable[[], DateTime]) -> SmtpNotifier | None:
    """As `mail_carrier`, for one message at a time."""
    carrier = mail_carrier(provider, now=now)
    return None if carrier is None else SmtpNotifier(carrier)
