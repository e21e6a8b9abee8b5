"""Accounts and pagers of a drill: `drill://STAGE/…` URLs that lead to an object of this process, and nowhere else.

No socket is opened for such a URL. Where no stage of that name stands, nothing is taken: a drill's account in real
settings tells nobody.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import urlsplit

from notifiers.answers import Taken
from notifiers.providers import Provider
from tocsin.delivery import Message
from tocsin.errors import Misconfigured

SCHEME = "drill"


class Stage(Protocol):
    """What takes the messages of a drill."""

    def take(self, provider: str, message: Message) -> Taken:
        """Take a message or raise, as `Notifier.send` does."""

    def page(self, person: str, title: str, body: str) -> None:
        """Take a warning to one of the cast, or raise Unavailable."""


_STAGES: dict[str, Stage] = {}


@contextmanager
def standing(name: str, stage: Stage) -> Iterator[None]:
    """Let a stage take what is sent to `drill://NAME/…`, for the length of a block."""
    if name in _STAGES:
        raise Misconfigured(f"A drill called {name} runs in this process already: wait for its end.")
    _STAGES[name] = stage
    try:
        yield
    finally:
        del _STAGES[name]


def is_one(url: str) -> bool:
    """Whether a URL is a stand-in's."""
    return url.partition("://")[0] == SCHEME


def _stage(url: str) -> Stage:
    found = _STAGES.get(urlsplit(url).netloc)
    if found is None:
        raise Misconfigured(
            f"A {SCHEME}:// URL stands for a real one in a drill, and no drill runs here: put a real one."
        )
    return found


class StandIn:
    """A carrier and a notifier that hands everything to the stage."""

    def __init__(self, provider: Provider) -> None:
        self._name = provider.name
        self._stage = _stage(provider.url.get_secret_value())

    async def send(self, message: Message) -> Taken:
        """As the stage answers."""
        return self._stage.take(self._name, message)

    async def close(self) -> None:
        """Nothing was opened."""


def page(url: str, *, person: str, title: str, body: str) -> None:
    """Hand a warning to the stage; raises Unavailable as a pager would."""
    _stage(url).page(person, title, body)
