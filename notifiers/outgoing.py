"""One call of `dispatch` between two threads: messages go to the engine's, results come back to the caller's."""

import asyncio
import contextlib
import queue
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from pendulum import DateTime

from notifiers.answers import Reason, Refusal, Taken
from notifiers.channels import Carrier, PostingCarrier
from notifiers.engine import Engine
from notifiers.journal import Journal
from notifiers.patience import JOURNAL_FAILED, REFUSES_US, STOPPED, Deferred, Patience
from notifiers.providers import Provider
from notifiers.rate import Limiter
from tocsin.delivery import Message, Outcome, Settled
from tocsin.errors import Doubtful, Misconfigured, Rejected, Unavailable

_AHEAD = 32  # messages a connection that are read before they are answered
_DELIVER_SECONDS = 0.02  # results wait so long for company

Result = Settled | Deferred


class Run:
    """A context: at its end nothing is under way any more. What is not said to be the loop's is the caller's."""

    def __init__(
        self,
        engine: Engine,
        provider: Provider,
        *,
        journal: Journal,
        now: Callable[[], DateTime],
        stop: Callable[[], bool],
        patience: Patience,
        limiter: Limiter,
        opened: Callable[..., Carrier | PostingCarrier],
    ) -> None:
        self._engine, self._provider, self._opened = engine, provider, opened
        self.journal, self.now, self.stop, self.patience = journal, now, stop, patience
        self._limiter = limiter
        self._ahead = _AHEAD * provider.connections
        self._open = 0  # given and not answered, as far as the caller knows
        self._answered: queue.SimpleQueue[tuple[int, list[Result]]] = queue.SimpleQueue()
        self._waiting: deque[Message | None] = deque()  # None is the end
        self._hungry = False
        self._halted: str | None = None
        self._error: Exception | None = None  # of the caller's own clock or `stop`
        # The loop's own.
        self._wake: asyncio.Event
        self._under_way = 0
        self._width = self._refill = provider.connections
        self._below = 0  # wake the pump when fewer are under way
        self._fresh: list[Result] = []
        self._finished = 0
        self._delivery: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._engine.start(self._pump())
        return self

    def __exit__(self, *_: object) -> None:
        self._halted = STOPPED  # a caller that walks away lets nothing more out
        self._hand(None)
        while self._answered.get()[0] >= 0:  # the loop's last word, once all is answered
            pass
        if self._error is not None:
            raise self._error

    def give(self, message: Message) -> None:
        """Have the message sent."""
        self._open += 1
        self._hand(message)

    def ready(self) -> Iterator[Result]:
        """Results that are there; waits only when enough messages are under way."""
        while self._open >= self._ahead or not self._answered.empty():
            yield from self._next()

    def rest(self) -> Iterator[Result]:
        """The results of all that is under way."""
        while self._open:
            yield from self._next()

    def _next(self) -> list[Result]:
        finished, results = self._answered.get()
        self._open -= finished
        return results

    def _hand(self, message: Message | None) -> None:
        self._waiting.append(message)
        if self._hungry:
            self._hungry = False
            self._engine.soon(self._feed)

    # From here on the loop's.

    def _feed(self) -> None:
        self._wake.set()

    async def _pump(self) -> None:
        """Start each message when there is room for it and its turn under the rate limit has come."""
        self._wake = asyncio.Event()
        try:
            while (message := await self._following()) is not None:
                while self._under_way >= self._width:
                    await self._woken(below=self._refill)
                await self._limiter.take(lambda: self.held() is not None)
                self._under_way += 1
                self._try(_Posting(self, message))
            while self._under_way:
                await self._woken(below=1)
            self._deliver()
        except Exception as error:  # noqa: BLE001 - the caller waits for a word, and raises it
            self._error = error
        self._answered.put((-1, []))

    async def _following(self) -> Message | None:
        while not self._waiting:
            if not self._under_way:
                self._deliver()
            self._hungry = True
            if not self._waiting:  # the caller may have looked at `_hungry` just before
                await self._woken(below=1)
        self._hungry = False
        return self._waiting.popleft()

    async def _woken(self, *, below: int) -> None:
        self._below = below
        self._wake.clear()
        await self._wake.wait()
        self._below = 0

    def _try(self, posting: "_Posting") -> None:
        try:
            self._start(posting)
        except Misconfigured:
            self.finish(self.not_sent(posting.message.key, code=REFUSES_US))
        except Exception as error:  # noqa: BLE001 - a plugin that cannot even be opened; our caller waits for a word
            self.finish(self.not_sent(posting.message.key, code=type(error).__name__))

    def _start(self, posting: "_Posting") -> None:
        carrier = self._engine.carrier(self._provider, self._opened, now=self.now)
        post = getattr(carrier, "post", None)  # a check against the protocol would cost more than the rest of this
        if post is not None:
            width: int = getattr(carrier, "width", self._width)
            self._width, self._refill = width, width - width // 4
            post(posting)
        else:
            posting.task = asyncio.get_running_loop().create_task(_carry(carrier, posting))

    def held(self) -> str | None:
        """Why nothing may leave now."""
        return self.patience.broken or self._halted or (STOPPED if self._stopped() else None)

    def _stopped(self) -> bool:
        try:
            return self.stop()
        except Exception as error:  # noqa: BLE001 - raised to the caller, whose function it is; nothing leaves meanwhile
            self.fail(error)
            return True

    def fail(self, error: Exception) -> None:
        """Something of the caller's is broken: let nothing more out and say so at the end."""
        self._error = self._error or error
        self._halted = STOPPED

    def finish(self, result: Result | None) -> None:
        """One message has its result, or will never have one because of an error."""
        if result is not None:
            self._fresh += self.patience.judge(result)
        self._finished += 1
        self._under_way -= 1
        if self._under_way < self._below:
            self._wake.set()
        if 2 * self._finished >= self._ahead:
            self._deliver()
        elif self._delivery is None:
            self._delivery = asyncio.get_running_loop().call_later(_DELIVER_SECONDS, self._deliver)

    def _deliver(self) -> None:
        if self._delivery is not None:
            self._delivery.cancel()
            self._delivery = None
        if self._finished:
            self._answered.put((self._finished, self._fresh))
            self._finished, self._fresh = 0, []

    def not_sent(self, key: str, *, code: str | None, retry_after_seconds: float | None = None) -> Deferred:
        """The result of a message that surely did not leave."""
        with contextlib.suppress(OSError):
            self.journal.not_sent(key)
        return Deferred(key=key, code=code, retry_after_seconds=retry_after_seconds)

    def settled(
        self, key: str, outcome: Outcome, *, code: str | None, reason: str | None = None, ref: str | None = None
    ) -> Settled:
        """The result of a message that was answered, or never will be."""
        result = Settled(
            key=key,
            outcome=outcome,
            provider=self._provider.name,
            at=self.now(),
            code=code,
            reason=reason,
            provider_ref=ref,
        )
        with contextlib.suppress(OSError):  # the answer is known here; only a crash before it is recorded is a doubt
            self.journal.settled(result)
        return result


async def _carry(carrier: Carrier, posting: "_Posting") -> None:
    if not (posting.cleared() and posting.leaves()):
        return
    try:
        answer: Taken | Exception = await carrier.send(posting.message)
    except Exception as error:  # noqa: BLE001 - told as an answer
        answer = error
    posting.settle(answer)


@dataclass
class _Posting:
    """One message of a run (`carriers.postings.Posting`)."""

    run: Run
    message: Message
    task: "asyncio.Task[None] | None" = None  # the loop itself keeps no hold of it

    def cleared(self) -> bool:
        held = self.run.held()
        if held is not None:
            self.run.finish(self.run.patience.untried(self.message.key, held))
        return held is None

    def leaves(self) -> bool:
        key = self.message.key
        try:
            self.run.journal.sending(key)
        except OSError:
            self.run.finish(Deferred(key=key, code=JOURNAL_FAILED))
            return False
        # Asked only now: who takes a claim over that has run out reads its journal only then.
        held = self.run.held()
        if held is not None:
            self.run.finish(self.run.not_sent(key, code=held))
        return held is None

    def settle(self, answer: Taken | Exception) -> None:
        try:
            result = self._result(answer)
        except Exception as error:  # noqa: BLE001 - the caller's clock; the journal still says that it is on the wire
            self.run.fail(error)
            self.run.finish(None)
        else:
            self.run.finish(result)

    def _result(self, answer: Taken | Exception) -> Result:
        key, run = self.message.key, self.run
        match answer:
            case Taken():
                return run.settled(key, Outcome.ACCEPTED, code=answer.code, ref=answer.provider_ref)
            case Unavailable():
                return run.not_sent(key, code=answer.code, retry_after_seconds=answer.retry_after_seconds)
            case Rejected():
                reason = answer.reason if isinstance(answer, Refusal) else Reason.OTHER
                return run.settled(key, Outcome.REFUSED, code=answer.code, reason=reason.value)
            case Doubtful():
                return run.settled(key, Outcome.UNKNOWN, code=answer.code)
            case Misconfigured():
                return run.not_sent(key, code=REFUSES_US)
        # A plugin's own fault: nobody knows how far it came.
        return run.settled(key, Outcome.UNKNOWN, code=type(answer).__name__)
