"""Telling a dead-man service that the watch looks: it raises the alarm when this installation cannot.

What becomes of a ping never harms the look. A simulated clock pings nobody: a drill is no sign of life.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flows.wiring import House
from notifiers.ping import ping


@contextmanager
def around(house: House, *, tell: Callable[[str], bool] = ping) -> Iterator[None]:
    """Ping before a look, where asked for, and after one that was completed; after one that broke, the other URL."""
    urls = None if house.settings.simulated_clock else house.settings.watch_ping
    if urls is None:
        yield
        return
    if urls.begun is not None:
        tell(urls.begun.get_secret_value())
    try:
        yield
    except BaseException:
        if urls.failed is not None:
            tell(urls.failed.get_secret_value())
        raise
    tell(urls.done.get_secret_value())
