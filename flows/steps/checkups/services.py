"""Checks of the services around: providers, their reports, bounces, Prefect. Nothing is sent to anybody."""

import os
import socket
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from flows.steps.checkups.findings import Finding, Visit, fail, ok, warn
from flows.wiring import House
from notifiers import plugins, reaching
from notifiers.providers import Provider
from notifiers.reaching import Place, Reached
from tocsin.delivery import Channel
from tocsin.errors import TocsinError

EXPIRY_WARN_DAYS, EXPIRY_FAIL_DAYS = 21, 3
SKEW_WARN_SECONDS, SKEW_FAIL_SECONDS = 30, 300
SECRET_LEAST = 16  # characters of what proves a report
_AT_ONCE = 8


def providers(visit: Visit) -> Iterator[Finding]:
    """Each provider's URL is one that can be used."""
    found = visit.house.settings.providers
    if not found:
        yield warn("there is no provider, so nobody can be told", "add `providers` to the settings")
    for provider in found:
        try:
            plugins.check(provider)
            yield ok(f"{provider.name} ({provider.channel}) can be read")
        except TocsinError as error:
            yield fail(str(error).rstrip("."), "correct it in the settings")


def hosts(visit: Visit) -> Iterator[Finding]:
    """Each provider's host answers, its certificate is good for a while, and its clock is ours."""
    if visit.offline:
        yield warn("nobody was asked over the network", "leave out --offline")
        return
    wanted = dict(_places(visit.house))
    for name in [name for name, place in wanted.items() if place is None]:
        yield ok(f"{name}: only a message would tell whether it answers; none was sent")
    asked = [(name, place) for name, place in wanted.items() if place is not None]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for (name, place), answer in zip(asked, pool.map(_reached, [place for _, place in asked]), strict=True):
            if isinstance(answer, TocsinError):
                yield fail(f"{name}: {str(answer).rstrip('.')}", "correct its url, or ask who runs it")
            else:
                yield from _judged(visit, f"{name}: {place.shown}", answer)
    if not wanted:
        yield ok("there is nobody to ask")


def receipts(visit: Visit) -> Iterator[Finding]:
    """Somebody says what became of messages, and proves it."""
    settings = visit.house.settings
    heard = {receiver.provider for receiver in settings.receivers}
    for receiver in settings.receivers:
        weak = [one for one in receiver.secrets if len(one.get_secret_value()) < SECRET_LEAST]
        if weak:
            yield warn(
                f"{receiver.provider}: a secret of its reports is short", f"use {SECRET_LEAST} characters or more"
            )
        elif receiver.url and urlsplit(receiver.url).scheme != "https":
            yield warn(f"{receiver.provider}: its reports come unsealed over the network", "give it an https `url`")
        else:
            yield ok(f"{receiver.provider}: reports are proven")
    unheard = [
        provider
        for provider in settings.providers
        if not (provider.name in heard or provider.receipts is not None or provider.is_call_list)
        and not (provider.channel is Channel.EMAIL and _hears_bounces(visit.house, provider))
    ]
    for provider in unheard:
        yield warn(
            f"{provider.name}: nobody says whether its messages arrive, so its people stay unconfirmed",
            "add `receipts`, a receiver, or for e-mail a way for bounces: docs/receipts.md",
        )
    if not settings.receivers and not unheard:
        yield ok(f"something is heard of the messages of all {len(settings.providers)} providers")


def bounces(visit: Visit) -> Iterator[Finding]:
    """The port for bounces is ours, or free to be."""
    settings = visit.house.settings
    if settings.bounce_listener is None:
        needy = [one.name for one in settings.providers if one.bounce_domain and settings.bounce_mailbox is None]
        for name in needy:
            yield warn(f"{name}: its bounces go to a domain at which nobody listens here", "set `bounce_listener`")
        if not needy:
            yield ok("no port is set")
        return
    host, _, port = settings.bounce_listener.rpartition(":")
    yield _listener(host, int(port))


def prefect(visit: Visit) -> Iterator[Finding]:
    """The Prefect server that the settings of the environment name answers."""
    url = visit.house.environment.get("PREFECT_API_URL")
    if not url:
        yield ok("`tocsin serve` brings a server of its own")
        return
    place = reaching.of_url(url)
    shown = place.shown if place is not None else "PREFECT_API_URL"
    if visit.offline:
        yield warn(f"{shown} was not asked", "leave out --offline")
        return
    try:
        request = urllib.request.Request(f"{url.rstrip('/')}/health")  # noqa: S310 - the operator's own server
        with urllib.request.urlopen(request, timeout=reaching.SECONDS) as answer:  # noqa: S310
            answered = answer.status == 200
    except (OSError, ValueError):
        answered = False
    if answered:
        yield ok(f"{shown} answers")
    else:
        yield fail(
            f"{shown} does not answer as a Prefect server does",
            "start it, or correct PREFECT_API_URL; until then `tocsin watch --once` from cron keeps the deadlines",
        )


def _places(house: House) -> Iterator[tuple[str, Place | None]]:
    for provider in house.settings.providers:
        if not provider.is_call_list:
            yield provider.name, _of(provider)
        if provider.receipts is not None:
            yield f"{provider.name}, receipts", reaching.of_url(provider.receipts.get_secret_value())
    if house.settings.bounce_mailbox is not None:
        yield "bounce_mailbox", reaching.of_url(house.settings.bounce_mailbox.get_secret_value())


def _of(provider: Provider) -> Place | None:
    try:
        return reaching.of_provider(provider)
    except TocsinError:
        return None  # `providers` says so


def _reached(place: Place) -> Reached | TocsinError:
    try:
        return reaching.reach(place)
    except TocsinError as error:
        return error


def _judged(visit: Visit, name: str, answer: Reached) -> Iterator[Finding]:
    if answer.clock is not None:
        yield from skewed(name, answer.clock.timestamp() - visit.clock().timestamp())
    if answer.expires_at is None:
        yield ok(f"{name} answers")
        return
    days = int((answer.expires_at.timestamp() - visit.clock().timestamp()) // 86400)
    said = f"{name} answers; its certificate is good for {days} days"
    if days <= EXPIRY_FAIL_DAYS:
        yield fail(said, "have it renewed now: after that nothing leaves")
    elif days <= EXPIRY_WARN_DAYS:
        yield warn(said, "have it renewed")
    else:
        yield ok(said)


def skewed(name: str, ahead_seconds: float) -> Iterator[Finding]:
    """What is to be said of a clock that is ahead of ours; nothing where the two agree."""
    apart = abs(ahead_seconds)
    if apart <= SKEW_WARN_SECONDS:
        return
    said = f"{name}: its clock is {apart:.0f} seconds {'ahead of' if ahead_seconds > 0 else 'behind'} this machine's"
    todo = "set both clocks by NTP, and look which of them is right"
    yield fail(said, todo) if apart > SKEW_FAIL_SECONDS else warn(said, todo)


def _hears_bounces(house: House, provider: Provider) -> bool:
    settings = house.settings
    return settings.bounce_mailbox is not None or bool(provider.bounce_domain and settings.bounce_listener)


def _listener(host: str, port: int) -> Finding:
    """Who has the port: nobody, so that `tocsin serve` can; a mail server, such as ours; or somebody else."""
    where = f"{host}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host.strip("[]"), port), family=family):
            return ok(f"{where} is free for `tocsin serve`")
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
    try:
        with socket.create_connection((host.strip("[]"), port), timeout=reaching.SECONDS) as line:
            if line.recv(4).startswith(b"220"):
                return ok(f"{where} is answered by a mail server")
    except OSError:
        return fail(f"{where} cannot be listened on ({reason})", "choose another port, or allow this one")
    return fail(f"{where} is held by something that is no mail server", "stop it, or choose another port")
