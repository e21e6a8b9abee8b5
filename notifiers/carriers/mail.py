"""E-mail over kept SMTP sessions: letters wait in one queue, each session takes the next one when it can send it."""

import asyncio
import smtplib
import ssl
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from pendulum import DateTime

from notifiers import mail, smtp_replies
from notifiers.answers import Reason, Refusal, Taken
from notifiers.carriers import postings
from notifiers.carriers.line import Line
from notifiers.carriers.postings import Posting
from notifiers.carriers.smtp import Outgoing, Reply, Session
from notifiers.sharing import SharedConnections
from notifiers.smtp_account import Account, Connected, connect, not_let_in
from tocsin.delivery import Message
from tocsin.errors import Doubtful, Misconfigured, Unavailable

_FAREWELL_SECONDS = 1.0
_FEWER_SECONDS = 10.0  # so long no further session is tried at a server that takes no more of them


class MailCarrier:
    """Up to `connections` sessions with the account's server, opened as letters ask for them.

    Everything but the opening, which blocks, happens in the event loop that first sends.
    """

    def __init__(
        self,
        account: Account,
        sender: mail.Sender,
        *,
        provider: str,
        connections: int,
        now: Callable[[], DateTime],
        sign: Callable[[bytes], bytes] | None = None,
        shared: SharedConnections | None = None,
    ) -> None:
        self._account, self._sender, self._provider, self._now = account, sender, provider, now
        self._connections, self._sign, self._shared = connections, sign, shared
        self.width = 4 * connections  # one letter on each wire, one envelope behind it, and the next at hand
        self._queue: deque[Posting | Outgoing] = deque()
        self._sessions: set[Session] = set()
        self._leaving: dict[Session, asyncio.Task[None] | None] = {}  # those that another process needs, and their end
        self._opening: set[asyncio.Task[None]] = set()
        self._openers: ThreadPoolExecutor | None = None
        self._fewer_until = 0.0
        self._closed = False

    def post(self, posting: Posting) -> None:
        """Send this as soon as a session is free for it; its answer is told to the posting."""
        self._queue.append(posting)
        if self._shared is not None:
            self._shared.start(self._look_round)
        self._attend()

    async def send(self, message: Message) -> Taken:
        """Send one message; raises Unavailable, Refusal, Doubtful or Misconfigured."""
        return await postings.asked(message, self.post)

    async def close(self) -> None:
        """End all sessions politely."""
        self._closed = True
        if self._opening:
            await asyncio.wait(self._opening)
        farewells = [session.quit(within_seconds=_FAREWELL_SECONDS) for session in self._sessions]
        await asyncio.gather(*farewells)
        while self._queue:
            self._settle(self._queue.popleft(), self._unreachable("closed"))
        if self._openers is not None:
            self._openers.shutdown()
        if self._shared is not None:
            await self._shared.end()

    def _attend(self) -> None:
        """Wake sessions at rest while letters wait, and open more where there are too few."""
        for session in tuple(self._sessions):
            if not self._queue:
                return
            session.wake()
        # Those that wait for the answer to a reset are soon free.
        soon_free = sum(session.idle and session not in self._leaving for session in self._sessions)
        while soon_free + len(self._opening) < len(self._queue) and self._may_open():
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def _may_open(self) -> bool:
        """Whether one more session is to be opened, now: it counts as open from here on."""
        if self._closed or len(self._sessions) + len(self._opening) >= self._connections:
            return False
        if self._sessions and asyncio.get_running_loop().time() < self._fewer_until:
            return False
        return self._shared is None or self._shared.take()

    def _closed_one(self) -> None:
        if self._shared is not None:
            self._shared.give_back()

    def _look_round(self) -> None:
        """End sessions that other processes need; let go of letters that nobody may send any more."""
        assert self._shared is not None
        if self._closed:
            return
        if not self._sessions and not self._opening:
            waiting, self._queue = self._queue, deque()
            self._queue.extend(one for one in waiting if _posting(one).cleared())
        staying = sorted(self._sessions - self._leaving.keys(), key=lambda session: not session.idle)
        self._leaving |= dict.fromkeys(staying[: max(self._shared.excess - len(self._leaving), 0)])
        for session, farewell in tuple(self._leaving.items()):
            if session.idle and farewell is None:
                ending = session.quit(within_seconds=_FAREWELL_SECONDS)
                self._leaving[session] = asyncio.get_running_loop().create_task(ending)
        self._attend()

    async def _open(self) -> None:
        self._openers = self._openers or ThreadPoolExecutor(
            min(self._connections, 8), thread_name_prefix=f"sender-{self._provider}-opening"
        )
        loop = asyncio.get_running_loop()
        try:
            connected = await loop.run_in_executor(
                self._openers, partial(connect, self._account, provider=self._provider)
            )
            session = self._session(connected)
        except Exception as error:  # noqa: BLE001 - whatever a library raises here, nothing has left
            self._opening.discard(_this_task())
            self._closed_one()
            self._not_opened(self._why(error))
            return
        self._opening.discard(_this_task())
        self._sessions.add(session)
        session.wake()

    def _session(self, connected: Connected) -> Session:
        return Session(
            lambda heard, lost: Line(connected.socket, heard=heard, lost=lost),
            self,
            pipelining=connected.pipelining,
            international=connected.international,
            answer_seconds=self._account.answer_seconds,
        )

    def _not_opened(self, why: Exception) -> None:
        """Each failure to open is the answer to one letter, unless other sessions can take it."""
        if self._sessions:
            self._fewer_until = asyncio.get_running_loop().time() + _FEWER_SECONDS
        elif self._queue:
            self._settle(self._queue.popleft(), why)
        self._attend()

    def _why(self, error: Exception) -> Exception:
        if isinstance(error, Misconfigured):
            return error
        if isinstance(error, (OSError, smtplib.SMTPException)):
            return self._unreachable("tls" if isinstance(error, ssl.SSLError) else "unreachable")
        return self._unreachable(type(error).__name__)

    # What sessions ask and tell.

    def take(self, session: Session) -> Outgoing | None:
        """The next letter that this session can send; those that nobody can are answered here."""
        while self._queue and session not in self._leaving:
            waiting = self._queue.popleft()
            outgoing = waiting if isinstance(waiting, Outgoing) else self._written(waiting)
            if outgoing is None or not outgoing.posting.cleared():
                continue
            if outgoing.letter.international and not session.international:
                outgoing.posting.settle(Refusal(Reason.ADDRESS_INVALID, code="smtputf8"))
                continue
            return outgoing
        return None

    def _written(self, posting: Posting) -> Outgoing | None:
        try:
            letter = mail.compose(posting.message, self._sender, now=self._now())
            if self._sign is not None:
                letter = replace(letter, content=self._sign(letter.content))
            return Outgoing(posting, letter)
        except Exception as error:  # noqa: BLE001 - one broken message must not end the session of the others
            posting.settle(error)
            return None

    def answered(self, outgoing: Outgoing, reply: Reply) -> None:
        """Tell the posting what the server said."""
        outgoing.posting.settle(self._meaning(outgoing, reply))

    def doubtful(self, outgoing: Outgoing, word: str) -> None:
        """Tell the posting that nobody knows."""
        sentence = f"Provider {self._provider} took the message's text and did not answer: it may have left."
        outgoing.posting.settle(Doubtful(sentence, code=word))

    def returned(self, outgoing: Outgoing, *, kept: bool) -> None:
        """Try once more in another session if this one was old: servers end them for their age or their letters."""
        if not kept or outgoing.again or self._closed:
            outgoing.posting.settle(self._unreachable("unreachable"))
            return
        outgoing.again = True
        self._queue.appendleft(outgoing)
        self._attend()

    def ended(self, session: Session) -> None:
        """Forget the session; another is opened when letters wait."""
        self._sessions.discard(session)
        self._leaving.pop(session, None)
        self._closed_one()
        if self._queue and not self._closed:
            asyncio.get_running_loop().call_soon(self._attend)

    def _meaning(self, outgoing: Outgoing, reply: Reply) -> Taken | Exception:
        shown = smtp_replies.shown(reply.code, reply.text)
        if reply.step == "TEXT" and reply.code // 100 == 2:
            return Taken(provider_ref=f"{outgoing.posting.message.key}@{self._sender.domain}", code=shown)
        if reply.code // 100 == 4:
            return Unavailable(f"Provider {self._provider} asks to try later ({shown}).", code=shown)
        if reply.code in {530, 535, 538}:
            return not_let_in(self._provider, shown)
        if reply.code // 100 == 5:
            command = "DATA" if reply.step == "TEXT" else reply.step
            return Refusal(smtp_replies.reason(command, reply.code, reply.text), code=shown)
        return Doubtful(f"Provider {self._provider} answered out of step ({shown}).", code=shown)

    def _unreachable(self, word: str) -> Unavailable:
        return Unavailable(f"Provider {self._provider} cannot be reached ({word}): it will be tried again.", code=word)

    @staticmethod
    def _settle(waiting: Posting | Outgoing, answer: Exception) -> None:
        _posting(waiting).settle(answer)


def _posting(waiting: Posting | Outgoing) -> Posting:
    return waiting.posting if isinstance(waiting, Outgoing) else waiting


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None
    return task
