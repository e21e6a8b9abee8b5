"""Apprise's plugins as we use them: made once from a provider's URL, then given one address a message.

Checked against apprise 1.13.1. What is relied on is tested here when a provider is opened, and where a plugin is made
otherwise, it is made anew from the URL for every message.
"""

import copy
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from notifiers import stand_ins, wire
from notifiers.answers import Reason, Refusal
from notifiers.providers import ADDRESS, Provider
from tocsin.delivery import Channel
from tocsin.errors import Misconfigured

_lock = threading.Lock()
_loaded: dict[str, Any] = {}

_HTTP_SECONDS = 30.0
_MAIL_SECONDS = 120.0  # RFC 5321 section 4.5.3.2 asks for minutes

# Addresses of nobody, two a shape, in the shapes that services know: a plugin must be able to take one of the pairs.
_PROBES = {
    Channel.EMAIL: (("probe.one@example.org", "probe.two@example.org"),),
    Channel.SMS: (("+14155550101", "+14155550102"), ("+8613800138000", "+8613800138001")),
    Channel.PHONE: (("+14155550101", "+14155550102"), ("+8613800138000", "+8613800138001")),
    Channel.PUSH: (
        ("a1" * 32, "b2" * 32),
        ("a1" * 15, "b2" * 15),
        ("probeone", "probetwo"),
    ),
}


def apprise() -> Any:
    """The Apprise package with our gateway registered; loading it takes half a second, once a process."""
    with _lock:
        if not _loaded:
            wire.install()  # with it goes what keeps plugins from logging addresses
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # its optional PGP part imports an old module
                import apprise as package
                from apprise.manager_plugins import NotificationManager

                from notifiers.gateway import NotifyGateway

                untyped: Any = NotificationManager
                untyped().load_modules()
                untyped().add(NotifyGateway)
            _loaded["package"] = package
        return _loaded["package"]


def instantiate(provider: Provider, to: str) -> Any:
    """The provider's plugin for one address; None when Apprise cannot make it. Nothing is logged."""
    package = apprise()
    url = provider.url.get_secret_value().replace(ADDRESS, quote(to, safe=""))
    asset = package.AppriseAsset(app_id="Tocsin", http_redirects=False, secure_logging=True)
    with wire.quiet():
        plugin = package.Apprise.instantiate(url, asset=asset)
    if plugin is not None:
        _tame(plugin)
    return plugin


def _tame(plugin: Any) -> None:
    """Take from a plugin what we do ourselves: its throttle, its retries, its splitting; and give it time to answer."""
    plugin.request_rate_per_sec = 0
    plugin.retry = 0
    plugin.overflow_mode = _loaded["package"].OverflowMode.UPSTREAM
    if "socket_read_timeout" not in vars(plugin):  # no `rto` in the URL: four seconds would make doubts of slow answers
        plugin.socket_read_timeout = _MAIL_SECONDS if plugin.schema.startswith("mailto") else _HTTP_SECONDS


def check(provider: Provider) -> None:
    """Raise Misconfigured, without the URL, unless the provider can be used as it is written."""
    if provider.is_call_list:
        return
    if stand_ins.is_one(provider.url.get_secret_value()):
        stand_ins.StandIn(provider)
        return
    plugin = probe(provider)[0]
    if getattr(plugin, "cc", None) or getattr(plugin, "bcc", None):
        raise Misconfigured(
            f"Provider {provider.name} would copy every notice to others: take cc and bcc out of its url."
        )
    if getattr(plugin, "pgp_mode", "no") != "no":
        raise Misconfigured(
            f"Provider {provider.name} asks for PGP, which notices do not use: take pgp out of its url."
        )


def probe(provider: Provider) -> tuple[Any, str]:
    """A plugin made for an address of nobody, and that address; raises Misconfigured when none can be made."""
    for address, _other in _PROBES[provider.channel]:
        plugin = instantiate(provider, address)
        if plugin is not None and _reaches_only(plugin, address):
            return plugin, address
    scheme = provider.url.get_secret_value().partition("://")[0]
    shown = scheme if scheme.isalnum() and len(scheme) <= 20 else "its"
    raise Misconfigured(
        f"Provider {provider.name}: Apprise cannot read the {shown} url, or no single {provider.channel} "
        "address in it; see docs/providers.md."
    )


def retargeting(provider: Provider) -> Callable[[str], Any]:
    """A function from an address to a plugin for it alone.

    Quick (a shallow copy of one plugin) where the plugin keeps its address in `targets` as it is; else by making the
    plugin anew. The function raises Refusal when the plugin does not take the address.
    """
    plugin, address = probe(provider)
    other = next(second for first, second in _PROBES[provider.channel] if first == address)
    slot = _slot(getattr(plugin, "targets", None), address)
    twin = instantiate(provider, other)
    if slot is None or twin is None or twin.targets != slot(other) or _differing(plugin, twin) - {"targets"}:
        return lambda to: _anew(provider, to)

    def copied(to: str) -> Any:
        mine = copy.copy(plugin)
        mine.targets = slot(to)
        return mine

    return copied


def _anew(provider: Provider, to: str) -> Any:
    plugin = instantiate(provider, to)
    if plugin is None or not _reaches_only(plugin, to):
        raise Refusal(Reason.ADDRESS_INVALID, code="unreadable")
    return plugin


def _slot(targets: Any, address: str) -> Callable[[str], Any] | None:
    """How `targets` holds one address: as itself, or as one member of a tuple. None when it is neither."""
    if not isinstance(targets, list) or len(targets) != 1:
        return None
    only = targets[0]
    if only == address:
        return lambda to: [to]
    if isinstance(only, tuple) and only.count(address) == 1:
        place = only.index(address)
        return lambda to: [(*only[:place], to, *only[place + 1 :])]
    return None


def _differing(one: Any, other: Any) -> set[str]:
    """Names of attributes that depend on the address; caches and objects without equality apart."""
    plain = (str, int, float, bool, list, tuple, dict, set, type(None))
    return {
        name
        for name, value in vars(one).items()
        if isinstance(value, plain) and "cached" not in name and name != "fullpath" and vars(other).get(name) != value
    }


def _reaches_only(plugin: Any, address: str) -> bool:
    """Whether the address, and nobody else, is what the plugin will send to.

    Some plugins send to their own account when they drop an address that they do not like, and some read several
    addresses out of one.
    """
    targets = getattr(plugin, "targets", None)
    if targets is None:
        return _holds(vars(plugin), address)
    return len(targets) == 1 and _holds(list(targets), address)


def _holds(value: Any, address: str) -> bool:
    bare = address.removeprefix("+").casefold()
    return any(text.casefold().strip("/").removeprefix("+").endswith(bare) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple, set)):
        for inner in value:
            yield from _texts(inner)
