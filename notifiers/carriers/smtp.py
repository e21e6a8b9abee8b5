"""One SMTP session (RFC 5321) on the event loop, with the next envelope behind the last text (RFC 2920).

A text is written only once the server has asked for it, that is after its answer to the text before: so one text at
most is unanswered at any instant. An envelope alone delivers nothing.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from notifiers.carriers.line import Line
from notifiers.carriers.postings import Posting
from notifiers.mail import Letter

CLOSING = 421
GO_ON = 354
_STEPS = ("MAIL", "RCPT")
_AGREED = (250, 251)
_LONGEST = 65536  # bytes of one reply; RFC 5321 section 4.5.3.1.5 asks for 512 a line


# What a reply is awaited for. TEXT is the end of the content, DOT the lone dot of a content that nobody may get.
Step = Literal["MAIL", "RCPT", "DATA", "TEXT", "DOT", "RSET", "QUIT"]
Commands = list[tuple[Step, bytes]]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a server answered to a step; the text is for reading codes only, it may quote an address."""

    step: Step
    code: int
    text: str


@dataclass
class Outgoing:
    """A letter on its way."""

    posting: Posting
    letter: Letter
    again: bool = False  # its envelope was lost with a session once


class Desk(Protocol):
    """Where a session gets its letters and tells what became of them."""

    def take(self, session: "Session") -> Outgoing | None:
        """The next letter, if there is one."""

    def answered(self, outgoing: Outgoing, reply: Reply) -> None:
        """The server's word on a letter: on its text, or the first refusal of its envelope."""

    def doubtful(self, outgoing: Outgoing, word: str) -> None:
        """Its text left and was not answered."""

    def returned(self, outgoing: Outgoing, *, kept: bool) -> None:
        """Its text has not left, and the session is over; `kept` says that the session had served before."""

    def ended(self, session: "Session") -> None:
        """The session is over."""


class Session:
    """One session that is logged in, at rest until `wake`."""

    def __init__(
        self,
        line: Callable[[Callable[[bytes], None], Callable[[], None]], Line],
        desk: Desk,
        *,
        pipelining: bool,
        international: bool,
        answer_seconds: float,
    ) -> None:
        self.international = international
        self._desk = desk
        self._pipelining = pipelining
        self._patience = answer_seconds
        self._loop = asyncio.get_running_loop()
        self._awaited: deque[Step] = deque()
        self._unwritten: deque[tuple[Step, bytes]] = deque()  # a server without pipelining gets them one by one
        self._buffer = b""
        self._lines: list[str] = []
        self._envelope: Outgoing | None = None
        self._text: Outgoing | None = None
        self._refusal: Reply | None = None
        self._served = False
        self._over = False
        self._quitted = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._line = line(self._heard, lambda: self._lost("connection-lost"))

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not (self._over or self._envelope or self._text)

    def wake(self) -> None:
        """Take the next letter, if at rest."""
        if self.idle and not self._awaited:
            self._write([])

    async def quit(self, *, within_seconds: float) -> None:
        """End politely; whatever was under way is told as lost."""
        if self.idle and not self._awaited:
            self._ask([("QUIT", b"QUIT\r\n")])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quitted.wait(), within_seconds)
        self._lost("connection-lost")

    def _write(self, commands: Commands) -> None:
        """Write the commands, and behind them the envelope of the next letter."""
        following = None if self._envelope else self._desk.take(self)
        if following is not None and not self._over:
            self._envelope, self._refusal = following, None
            commands += _envelope(following.letter)
        if commands and not self._over:
            self._ask(commands)

    def _ask(self, commands: Commands) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._patience, self._look)
        if self._pipelining:
            self._awaited.extend(step for step, _command in commands)
            self._line.write(b"".join(command for _step, command in commands))
            return
        self._unwritten.extend(commands)
        if not self._awaited:
            self._ask_one()

    def _ask_one(self) -> None:
        step, command = self._unwritten.popleft()
        self._awaited.append(step)
        self._line.write(command)

    def _look(self) -> None:
        """Whether the server has been silent for too long."""
        self._timer = None
        if not self._awaited or self._over:
            return
        left = self._line.moved + self._patience - self._loop.time()
        if left <= 0:
            self._lost("timeout")
        else:
            self._timer = self._loop.call_later(left, self._look)

    def _heard(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._lines.append(line[4:].decode("ascii", "replace").rstrip())
            if line[3:4] == b"-":
                continue
            text, self._lines = "\n".join(self._lines), []
            self._replied(int(line[:3]) if line[:3].isdigit() else 0, text)
            if self._over:
                return
        if len(self._buffer) + sum(map(len, self._lines)) > _LONGEST:
            self._lost("connection-lost")

    def _replied(self, code: int, text: str) -> None:
        if not self._awaited:  # nothing was asked: the server says goodbye, or the dialogue is out of step
            self._lost("connection-lost")
            return
        step = self._awaited.popleft()
        if code == CLOSING:
            self._dismissed(Reply(step=step, code=code, text=text))
            return
        if not (code in _AGREED and step in _STEPS):
            self._judged(Reply(step=step, code=code, text=text))
        if self._unwritten and not self._awaited and not self._over:
            self._ask_one()
        elif not self._awaited:
            self.wake()

    def _judged(self, reply: Reply) -> None:
        match reply.step:
            case "MAIL" | "RCPT":
                self._disagreed(reply)
            case "DATA":
                self._asked_for_text(reply)
            case "TEXT":
                self._took(reply)
            case "QUIT":
                self._quitted.set()
            case "DOT" | "RSET":
                pass  # whatever it says, the next envelope shows how things stand

    def _disagreed(self, reply: Reply) -> None:
        if self._refusal is None:
            self._refusal = reply
            if not self._pipelining:
                self._unwritten.clear()
                self._give_up([])

    def _asked_for_text(self, reply: Reply) -> None:
        if self._refusal is None and reply.code == GO_ON:
            self._give_text()
            return
        # A server may ask for the text though it refused the envelope (RFC 2920 section 3.1): it gets an empty one.
        self._refusal = self._refusal or reply
        dot: Commands = [("DOT", b".\r\n")]
        self._give_up(dot if reply.code == GO_ON else [])

    def _give_text(self) -> None:
        outgoing, self._envelope = self._envelope, None
        assert outgoing is not None
        if not outgoing.posting.leaves():
            self._lost("connection-lost")  # only an end without the dot takes the envelope back
            return
        self._text = outgoing
        content: Commands = [("TEXT", outgoing.letter.content + b".\r\n")]
        if self._pipelining:
            self._write(content)
        else:
            self._ask(content)

    def _took(self, reply: Reply) -> None:
        outgoing, self._text = self._text, None
        assert outgoing is not None
        self._served = True
        self._desk.answered(outgoing, reply)

    def _give_up(self, commands: Commands) -> None:
        outgoing, refusal = self._envelope, self._refusal
        assert outgoing is not None
        assert refusal is not None
        self._envelope = self._refusal = None
        self._served = True
        self._desk.answered(outgoing, refusal)
        if refusal.code // 100 in {4, 5}:
            self._write([*commands, ("RSET", b"RSET\r\n")])
        else:
            self._lost("connection-lost")  # the dialogue is out of step

    def _dismissed(self, reply: Reply) -> None:
        """The server ends the session (421), whatever was asked."""
        if reply.step == "TEXT":
            self._took(reply)
        elif reply.step in {"MAIL", "RCPT", "DATA"} and not self._served:
            outgoing, self._envelope = self._envelope, None
            if outgoing is not None:
                self._desk.answered(outgoing, self._refusal or reply)
        self._lost("connection-lost")

    def _lost(self, word: str) -> None:
        if self._over:
            return
        self._over = True
        self._line.close()
        if self._timer is not None:
            self._timer.cancel()
        self._quitted.set()
        text, envelope = self._text, self._envelope
        self._text = self._envelope = None
        self._desk.ended(self)
        if text is not None:
            self._desk.doubtful(text, word)
        if envelope is not None:
            self._desk.returned(envelope, kept=self._served)


def _envelope(letter: Letter) -> Commands:
    options = " SMTPUTF8 BODY=8BITMIME" if letter.international else ""
    return [
        ("MAIL", f"MAIL FROM:<{letter.sender}>{options}\r\n".encode()),
        ("RCPT", f"RCPT TO:<{letter.recipient}>\r\n".encode()),
        ("DATA", b"DATA\r\n"),
    ]
