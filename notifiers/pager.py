"""A message to one of the company's own people, through the Apprise URLs that the settings give for them.

Few and short: no batches, no ladder. It says only what it knows: taken, surely not taken, or nobody knows.
"""

from collections.abc import Callable, Sequence

import requests
from pendulum import DateTime

from notifiers import http_answers, plugins, stand_ins, wire
from tocsin.delivery import Channel
from tocsin.errors import DeliveryError, Doubtful, Misconfigured, Unavailable

SECONDS = 15.0  # for one URL; a service that takes longer leaves a doubt


def tell(person: str, urls: Sequence[str], *, title: str, body: str, now: Callable[[], DateTime]) -> None:
    """Hand a message to the first of a person's URLs that takes it.

    Raises Unavailable when surely none took it, Doubtful when one may have: the others are not asked then, for the
    person might be told twice. `person` is the short name, for the error; the URL is never shown.
    """
    if not urls:
        raise Unavailable(f"The settings have no URL for {person}: add one under `people`.", code="no-url")
    for url in urls:
        try:
            _hand_over(person, url, title=title, body=body, now=now)
        except Doubtful:
            raise
        except (DeliveryError, Misconfigured):
            continue
        return
    raise Unavailable(f"No URL of {person} took the message: look at `people` in the settings.", code="not-taken")


def usable(url: str) -> bool:
    """Whether a URL is one that Apprise understands; nothing is sent."""
    return _plugin(url) is not None


def _plugin(url: str) -> object | None:
    package = plugins.apprise()
    asset = package.AppriseAsset(app_id="Tocsin", http_redirects=False, secure_logging=True)
    with wire.quiet():
        plugin = package.Apprise.instantiate(url, asset=asset)
    if plugin is None:
        return None
    plugin.request_rate_per_sec = 0
    plugin.retry = 0
    plugin.socket_read_timeout = SECONDS
    plugin.socket_connect_timeout = SECONDS
    return plugin  # type: ignore[no-any-return]


def _hand_over(person: str, url: str, *, title: str, body: str, now: Callable[[], DateTime]) -> None:
    if stand_ins.is_one(url):
        stand_ins.page(url, person=person, title=title, body=body)
        return
    plugin = _plugin(url)
    if plugin is None:
        raise Misconfigured(f"A URL of {person} is not one that Apprise understands: mend it under `people`.")
    session = wire.Wire()
    try:
        with session.listen({}) as heard:
            try:
                said = plugin.notify(body=body, title=title)  # type: ignore[attr-defined]
            except (OSError, requests.RequestException):
                said = False
            except TypeError:  # Apprise, when it has nobody to send to
                said = None
        http_answers.judge(list(heard), plugin_said=said, provider=person, channel=Channel.PUSH, now=now)
    finally:
        session.close()
