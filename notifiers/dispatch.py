"""Sending many messages through one provider: several kept connections, one answer a message, a journal under it.

Nothing is retried here: what surely did not leave comes back as `Deferred`, and the caller decides when it goes again.
The caller's thread reads the messages, the engine's thread sends them; they change over a good many at a time, because
two threads that share one interpreter wait five milliseconds for each other at every call of the system.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from pendulum import DateTime

from notifiers.channels import open_carrier
from notifiers.engine import Engine
from notifiers.journal import Journal
from notifiers.outgoing import Run
from notifiers.patience import (
    JOURNAL_FAILED,
    REFUSES_US,
    RUN_OF_POLICY,
    RUN_OF_TROUBLE,
    STOPPED,
    TROUBLED,
    Deferred,
    Patience,
)
from notifiers.plugins import check
from notifiers.providers import Provider
from notifiers.rate import Bucket, Limiter
from notifiers.sharing import SharedConnections
from tocsin.delivery import Message, Settled

__all__ = [
    "JOURNAL_FAILED",
    "REFUSES_US",
    "RUN_OF_POLICY",
    "RUN_OF_TROUBLE",
    "STOPPED",
    "TROUBLED",
    "Deferred",
    "Engine",
    "dispatch",
]


def dispatch(
    messages: Iterable[Message],
    provider: Provider,
    *,
    journal: Journal,
    now: Callable[[], DateTime],
    stop: Callable[[], bool] = lambda: False,
    engine: Engine | None = None,
    limiter: Limiter | None = None,
    shared: SharedConnections | None = None,
) -> Iterator[Settled | Deferred]:
    """Send each message over the provider's connections and yield one result each, in the order of answers.

    Settled as accepted, refused or unknown; Deferred when it surely did not leave. Once `stop()` is true, or the
    provider refuses us or is in trouble (a run of such answers), the rest is deferred unsent. `messages` is read in the
    caller's thread, some way ahead of what is sent; `now` and `stop` are asked in the engine's. An `engine` that is
    given keeps the connections for the next call; a `limiter` holds where the provider's own rate, evenly spaced, would
    not do (several processes), and `shared` where its connections are counted over all of them. Raises Misconfigured
    before anything is sent when the provider's URL cannot be used.
    """
    check(provider)
    patience = Patience(journal)
    with contextlib.ExitStack() as closing:
        running = engine or closing.enter_context(Engine())
        run = Run(
            running,
            provider,
            journal=journal,
            now=now,
            stop=stop,
            patience=patience,
            limiter=limiter or Bucket(provider.rate_per_second),
            opened=open_carrier if shared is None else partial(open_carrier, shared=shared),
        )
        with run:
            for message in messages:
                if patience.broken is not None:
                    yield patience.untried(message.key, patience.broken)
                    continue
                run.give(message)
                yield from run.ready()
            yield from run.rest()
    yield from patience.release()
