"""Sending through any Apprise plugin that speaks HTTP, our gateway's included, over one kept session."""

import re
from collections.abc import Callable
from html import escape
from typing import Any

from pendulum import DateTime

from notifiers import http_answers, mail, plugins, wire
from notifiers.answers import Reason, Refusal, Taken
from notifiers.providers import Provider
from tocsin.delivery import Channel, Message
from tocsin.errors import Doubtful, Misconfigured, Unavailable

_NUMBER = re.compile(r"\+?[0-9]{3,20}\Z")
_TOKEN = re.compile(r"[!-~]{1,4096}\Z")


class Handover:
    """How one message goes to a provider through its Apprise plugin, whoever carries the plugin's requests."""

    def __init__(self, provider: Provider, *, now: Callable[[], DateTime]) -> None:
        self._provider = provider
        self._now = now
        self._for_address = plugins.retargeting(provider)
        self._repeats = provider.idempotent
        self._amend = _amendment(provider)

    def send(self, message: Message, session: wire.Wire, **attributes: Any) -> Taken:
        """Hand over one message on the session; raises Unavailable, Refusal, Doubtful or Misconfigured.

        `attributes` are set on the plugin.
        """
        plugin = self._for_message(message)
        vars(plugin).update(attributes)
        try:
            return self._send(session, plugin, message)
        except Doubtful as doubt:
            # A server may close a kept connection just as we use it. Where it drops repetitions, ask once more.
            if not self._repeats or doubt.code != http_answers.CONNECTION_LOST:
                raise
            first = doubt
        try:
            return self._send(session, plugin, message)
        except (Unavailable, Misconfigured):  # the second try surely left nothing; of the first nobody knows
            raise first from None

    def send_plainly(self, message: Message) -> Taken:
        """Hand over one message where no session can be listened to: a plain yes is taken, anything else a doubt."""
        plugin = self._for_message(message)
        with wire.quiet():
            said = plugin.notify(**content(plugin, message))
        if said is not True:
            raise Doubtful(f"Provider {self._provider.name} did not say that it took the message.", code="no-answer")
        return Taken()

    def _for_message(self, message: Message) -> Any:
        plugin = self._for_address(checked(message))
        if hasattr(plugin, "reference"):
            plugin.reference, plugin.language = message.key, message.language
        return plugin

    def _send(self, session: wire.Wire, plugin: Any, message: Message) -> Taken:
        headers = {"Idempotency-Key": message.key} if self._repeats else {}
        with session.listen(headers, self._amend) as heard:
            said = plugin.notify(**content(plugin, message))
        return http_answers.judge(
            heard,
            plugin_said=said,
            provider=self._provider.name,
            channel=message.channel,
            now=self._now,
            service=getattr(plugin, "schema", ""),
        )


def _amendment(provider: Provider) -> wire.Amend | None:
    """What tells the service, with each message, where to report on it."""
    if provider.reports_to is None:
        return None
    from notifiers.webhooks import callbacks

    return callbacks.amendment(getattr(plugins.probe(provider)[0], "schema", ""), provider.reports_to)


class PluginNotifier:
    """One connection to a provider through its Apprise plugin. Not shared between threads.

    Where this version of requests does not reach the seam, the plugin's own word is all there is: True is taken,
    anything else a doubt.
    """

    def __init__(self, provider: Provider, *, now: Callable[[], DateTime]) -> None:
        self._handover = Handover(provider, now=now)
        self._wire = wire.Wire() if wire.proven() else None

    def send(self, message: Message) -> Taken:
        """Hand over one message; raises Unavailable, Refusal, Doubtful or Misconfigured."""
        if self._wire is None:
            return self._handover.send_plainly(message)
        return self._handover.send(message, self._wire)

    def close(self) -> None:
        """Close what was kept open."""
        if self._wire is not None:
            self._wire.close()


def checked(message: Message) -> str:
    """The address of the message; raises Refusal when it is none of its channel, before a plugin reads more into it."""
    match message.channel:
        case Channel.EMAIL:
            return mail.readdress(message.to)
        case Channel.SMS | Channel.PHONE:
            if not _NUMBER.match(message.to):
                raise Refusal(Reason.NUMBER_INVALID, code="number")
        case Channel.PUSH:
            if not _TOKEN.match(message.to):
                raise Refusal(Reason.ADDRESS_INVALID, code="token")
    return message.to


def content(plugin: Any, message: Message) -> dict[str, Any]:
    """Title and body in the format that the plugin sends."""
    if plugin.notify_format != "html":
        return {"title": message.subject, "body": message.text}
    body = message.html if message.html is not None else escape(message.text).replace("\n", "<br/>\n")
    return {"title": message.subject, "body": body, "body_format": "html"}
