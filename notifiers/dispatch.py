"""Sending many messages through one provider: several kept connections, one answer a message, a journal under it.

Nothing is retried here: what surely did not leave comes back as `Deferred`, and the caller decides when it goes again.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from pendulum import DateTime

from notifiers.answers import Reason, Refusal
from notifiers.channels import Notifier, open_notifier
from notifiers.journal import Journal
from notifiers.plugins import check
from notifiers.providers import Provider
from notifiers.rate import Bucket
from tocsin.delivery import Message, Outcome, Settled
from tocsin.errors import Doubtful, Misconfigured, Rejected, Unavailable

STOPPED = "stopped"
REFUSES_US = "provider-refuses-us"
TROUBLED = "provider-troubled"
JOURNAL_FAILED = "journal-failed"

RUN_OF_POLICY = 5  # so many refusals in a row that are about the sender, and nobody else is tried
RUN_OF_TROUBLE = 10  # so many doubts or unavailabilities in a row, and nobody else is tried


@dataclass(frozen=True, kw_only=True)
class Deferred:
    """This message surely did not leave. `code` says why; wait at least `retry_after_seconds` where it is given."""

    key: str
    retry_after_seconds: float | None = None
    code: str | None = None


def dispatch(
    messages: Iterable[Message],
    provider: Provider,
    *,
    journal: Journal,
    now: Callable[[], DateTime],
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Settled | Deferred]:
    """Send each message over the provider's connections and yield one result each, in the order of answers.

    Settled as accepted, refused or unknown; Deferred when it surely did not leave. Once `stop()` is true, or the
    provider refuses us or is in trouble (a run of such answers), the rest is deferred unsent. `messages` is read in the
    caller's thread. Raises Misconfigured before anything is sent when the provider's URL cannot be used.
    """
    check(provider)
    senders = _Senders(provider, journal=journal, now=now, stop=stop)
    patience = _Patience(journal)
    with senders:
        for message in messages:
            reason = patience.broken or (STOPPED if stop() else None)
            if reason is not None:
                yield patience.untried(message.key, reason)
                continue
            senders.give(message)
            yield from _judged(senders.ready(), senders, patience)
        yield from _judged(senders.rest(), senders, patience)
    yield from patience.release()


def _judged(
    results: Iterable[Settled | Deferred], senders: "_Senders", patience: "_Patience"
) -> Iterator[Settled | Deferred]:
    for result in results:
        clear = patience.judge(result)
        senders.halted = patience.broken  # before the caller hears of it: it may take its time
        yield from clear


class _Senders:
    """Threads with a connection each. Everything but `_work` runs in the caller's thread."""

    def __init__(
        self, provider: Provider, *, journal: Journal, now: Callable[[], DateTime], stop: Callable[[], bool]
    ) -> None:
        self._provider, self._journal, self._now, self._stop = provider, journal, now, stop
        self._bucket = Bucket(provider.rate_per_second)
        self._waiting: queue.Queue[Message | None] = queue.Queue()
        self._answered: queue.Queue[Settled | Deferred] = queue.Queue()
        self._limit = 2 * provider.connections
        self._open = 0
        self.halted: str | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"sender-{provider.name}-{number}", daemon=True)
            for number in range(provider.connections)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.halted = self.halted or STOPPED  # a caller that walks away lets nothing more out
        for _thread in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def give(self, message: Message) -> None:
        self._open += 1
        self._waiting.put(message)

    def ready(self) -> Iterator[Settled | Deferred]:
        """Answers that are there; waits only when enough messages are under way."""
        while self._open >= self._limit or not self._answered.empty():
            yield self._next()

    def rest(self) -> Iterator[Settled | Deferred]:
        """The answers to all that is under way."""
        while self._open:
            yield self._next()

    def _next(self) -> Settled | Deferred:
        result = self._answered.get()
        self._open -= 1
        return result

    def _work(self) -> None:
        notifier: Notifier | None = None
        try:
            while (message := self._waiting.get()) is not None:
                held = self._held_back()
                if held is not None:
                    self._answered.put(Deferred(key=message.key, code=held))
                    continue
                try:
                    notifier = notifier or open_notifier(self._provider, now=self._now)
                    self._answered.put(self._send(notifier, message))
                except Misconfigured:
                    self._answered.put(self._not_sent(message.key, code=REFUSES_US))
                except Exception as error:  # noqa: BLE001 - a plugin that cannot even be opened; our caller waits for a word
                    self._answered.put(self._not_sent(message.key, code=type(error).__name__))
        finally:
            if notifier is not None:
                notifier.close()

    def _held_back(self) -> str | None:
        """Wait for our turn under the rate limit; say why nothing may leave when it comes."""
        if self.halted is None and not self._stop():
            self._bucket.take(lambda: self.halted is not None or self._stop())
        return self.halted or (STOPPED if self._stop() else None)

    def _send(self, notifier: Notifier, message: Message) -> Settled | Deferred:
        kept = self._kept(message.key)
        if kept is not None:
            return kept
        try:
            taken = notifier.send(message)
        except Unavailable as error:
            return self._not_sent(message.key, code=error.code, retry_after_seconds=error.retry_after_seconds)
        except Rejected as error:
            reason = error.reason if isinstance(error, Refusal) else Reason.OTHER
            return self._settled(message.key, Outcome.REFUSED, code=error.code, reason=reason.value)
        except Doubtful as error:
            return self._settled(message.key, Outcome.UNKNOWN, code=error.code)
        except Misconfigured:
            raise
        except Exception as error:  # noqa: BLE001 - a plugin's own fault: nobody knows how far it came
            return self._settled(message.key, Outcome.UNKNOWN, code=type(error).__name__)
        return self._settled(message.key, Outcome.ACCEPTED, code=taken.code, provider_ref=taken.provider_ref)

    def _kept(self, key: str) -> Deferred | None:
        """Write the key down; what is said of the message if it must not leave after all."""
        try:
            self._journal.sending(key)
        except OSError:
            return Deferred(key=key, code=JOURNAL_FAILED)
        # Asked once more: who takes a claim over that has run out reads its journal only then.
        return self._not_sent(key, code=STOPPED) if self._stop() else None

    def _not_sent(self, key: str, *, code: str | None, retry_after_seconds: float | None = None) -> Deferred:
        with contextlib.suppress(OSError):
            self._journal.not_sent(key)
        return Deferred(key=key, code=code, retry_after_seconds=retry_after_seconds)

    def _settled(
        self,
        key: str,
        outcome: Outcome,
        *,
        code: str | None,
        reason: str | None = None,
        provider_ref: str | None = None,
    ) -> Settled:
        result = Settled(
            key=key,
            outcome=outcome,
            provider=self._provider.name,
            at=self._now(),
            code=code,
            reason=reason,
            provider_ref=provider_ref,
        )
        with contextlib.suppress(
            OSError
        ):  # the answer is known here; only a crash before it is recorded leaves a doubt
            self._journal.settled(result)
        return result


class _Patience:
    """Watches the run of answers for a provider that refuses us or is in trouble. One thread.

    Refusals that are about the sender are held until it is clear that they are not about us: burning the people's
    addresses for our own blocked account would be wrong.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._held: list[Settled] = []
        self._troubles = 0
        self._retry_after: float | None = None
        self.broken: str | None = None

    def judge(self, result: Settled | Deferred) -> list[Settled | Deferred]:
        """What can be said now that this answer has come."""
        if isinstance(result, Settled):
            return self._judge_settled(result)
        if result.code in {REFUSES_US, JOURNAL_FAILED}:
            self._break(result.code)
            return [*self._take_back(), result]
        if result.code in {STOPPED, TROUBLED}:
            return [self.untried(result.key, result.code)]
        self._trouble(result.retry_after_seconds)
        return [result]

    def untried(self, key: str, code: str) -> Deferred:
        """The result of a message that is not even tried."""
        return Deferred(key=key, code=code, retry_after_seconds=self._retry_after if code == TROUBLED else None)

    def release(self) -> list[Settled]:
        """Held refusals that turned out to be about the people after all."""
        held, self._held = self._held, []
        return held

    def _judge_settled(self, result: Settled) -> list[Settled | Deferred]:
        if result.outcome is Outcome.REFUSED and result.reason == Reason.POLICY:
            self._held.append(result)
            if len(self._held) < RUN_OF_POLICY and self.broken != REFUSES_US:
                return []
            self._break(REFUSES_US)
            return [*self._take_back()]
        if result.outcome is Outcome.UNKNOWN:
            self._trouble(None)
        else:
            self._troubles, self._retry_after = 0, None
        return [*self.release(), result]

    def _trouble(self, retry_after_seconds: float | None) -> None:
        self._troubles += 1
        self._retry_after = max(self._retry_after or 0.0, retry_after_seconds or 0.0) or None
        if self._troubles >= RUN_OF_TROUBLE:
            self._break(TROUBLED)

    def _break(self, code: str) -> None:
        self.broken = self.broken or code

    def _take_back(self) -> list[Deferred]:
        held = self.release()
        for refused in held:
            with contextlib.suppress(OSError):
                self._journal.not_sent(refused.key)
        return [Deferred(key=refused.key, code=REFUSES_US) for refused in held]
