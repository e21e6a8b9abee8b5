"""Watching the run of answers for a provider that refuses us or is in trouble, so that nobody else is tried."""

import contextlib
from dataclasses import dataclass

from notifiers.answers import Reason
from notifiers.journal import Journal
from tocsin.delivery import Outcome, Settled

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


class Patience:
    """One run of answers. Told in the order of answers, by one thread.

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
