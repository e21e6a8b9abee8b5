"""How long a text may be for the service behind a provider, seen before anything is approved or sent.

A text is measured as the provider's Apprise plugin hands it over: a service without titles gets the title before the
text. We never let a plugin cut or split a text, so what is too long would be refused by the service, for everybody.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final, Literal

from notifiers import http_channel, plugins, stand_ins
from notifiers.providers import Provider
from tocsin.delivery import Channel, Message

# What Apprise writes of an SMS service that takes longer texts in several segments: the length of a single one.
ONE_SEGMENT: Final = 160


@dataclass(frozen=True, kw_only=True)
class Handed:
    """A text as a service gets it; the title is empty where the service has none."""

    title: str
    body: str


@dataclass(frozen=True, kw_only=True)
class Excess:
    """One text that is too long for one service. Unless `sure`, the account's own limit may be higher."""

    provider: str
    channel: Channel
    part: Literal["title", "text"]
    size: int
    most: int
    unit: str
    source: str
    sure: bool = True

    def sentence(self, language: str) -> str:
        """What is too long, and what to do."""
        by = f"through provider {self.provider} ({self.source})"
        if not self.sure:
            return (
                f"The notice ({language}) has {self.size:,} {self.unit} as {self.channel} {by}, more than the "
                f"{self.most:,} of a single message: be sure that this account sends long ones in parts."
            )
        mend = "shorten `title`" if self.part == "title" else "shorten `short`"
        return (
            f"The {self.part} of the notice ({language}) takes {self.size:,} {self.unit} as {self.channel} {by}, "
            f"{self.most:,} is the most: {mend}."
        )


@dataclass(frozen=True, kw_only=True)
class _Payload:
    """A limit on everything that is sent at once, in bytes."""

    most: int
    source: str
    bytes_of: Callable[[Handed], int]


def _json_bytes(document: Any) -> int:
    return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())


# By the name of the plugin's class. Web push: RFC 8030 section 7.2 promises 4096 octets, of which RFC 8291 section 4
# leaves 3993 to the text.
_PAYLOADS: Final = {
    "NotifyFCM": _Payload(
        most=4096,
        source="FCM",
        bytes_of=lambda handed: _json_bytes({"notification": {"title": handed.title, "body": handed.body}}),
    ),
    "NotifyBark": _Payload(
        most=4096,
        source="Bark, which hands it to APNs",
        bytes_of=lambda handed: _json_bytes({"aps": {"alert": {"title": handed.title, "body": handed.body}}}),
    ),
    "NotifyVapid": _Payload(most=3993, source="RFC 8291", bytes_of=lambda handed: len(handed.body.encode())),
}


def handed_over(provider: Provider, *, subject: str, text: str) -> Handed:
    """A rendered text as the provider's service gets it; raises Misconfigured for a provider that cannot be used."""
    plugin = _plugin(provider)
    nobody = {"key": "", "language": "", "place": "", "to": ""}
    message = Message(channel=provider.channel, subject=subject, text=text, **nobody)
    content = http_channel.content(plugin, message)
    (only,) = plugin._apply_overflow(  # noqa: SLF001 - what `notify` calls; nothing is cut (`plugins`)
        body=content["body"], title=content["title"], body_format=content.get("body_format")
    )
    return Handed(title=only["title"], body=only["body"])


def excesses(provider: Provider, *, subject: str, text: str) -> Iterator[Excess]:
    """What of a rendered text is too long for the provider's service; raises Misconfigured as above."""
    if stand_ins.is_one(provider.url.get_secret_value()):
        return  # no service of its own: nothing is too long
    plugin, handed = _plugin(provider), handed_over(provider, subject=subject, text=text)
    excess = partial(Excess, provider=provider.name, channel=provider.channel)
    payload = _PAYLOADS.get(type(plugin).__name__)
    if payload is not None:
        size = payload.bytes_of(handed)
        if size > payload.most:
            yield excess(part="text", size=size, most=payload.most, unit="bytes", source=payload.source)
        return
    source = f"{plugin.service_name}"
    if handed.title and len(handed.title) > plugin.title_maxlen:
        size, most = len(handed.title), plugin.title_maxlen
        yield excess(part="title", size=size, most=most, unit="characters", source=source)
    if len(handed.body) > plugin.body_maxlen:
        sure = provider.channel is not Channel.SMS or plugin.body_maxlen > ONE_SEGMENT
        size, most = len(handed.body), plugin.body_maxlen
        yield excess(part="text", size=size, most=most, unit="characters", source=source, sure=sure)


@lru_cache(maxsize=64)
def _plugin(provider: Provider) -> Any:
    return plugins.probe(provider)[0]
