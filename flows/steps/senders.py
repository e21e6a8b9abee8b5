"""Senders on this machine: plain processes that share the database, and nothing else.

Each claims for itself until it is nobody's turn, so any number does no harm; what one that died had in its hands is
taken up by the next (`recovering`). Which machines and clusters send besides is for `flows.send` to arrange.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypedDict

from flows.steps import sending
from flows.steps.errands import Errand
from flows.steps.sending import Sent

Process = subprocess.Popen[bytes]


class Counts(TypedDict):
    """What a sender did, as it travels between processes: counts, no personal data."""

    messages: int
    outcomes: dict[str, int]
    deferred: int


@dataclass(frozen=True, kw_only=True)
class Crew:
    """What several senders did, and what there is to say about them."""

    sent: Sent
    notes: tuple[str, ...] = ()


class Sending(Protocol):
    """Has an errand done by somebody."""

    def __call__(self, errand: Errand, /, *, progress: Callable[[int], None]) -> Crew:
        """Send to everyone whose turn it is, or have it sent; `progress` hears of messages sent by this process."""


def here(errand: Errand, *, progress: Callable[[int], None] = lambda _: None) -> Crew:
    """Send from this machine, with the processes that the settings say; one where they name another place."""
    return together(errand, errand.house.settings.senders.processes or 1, progress=progress)


def together(errand: Errand, processes: int, *, progress: Callable[[int], None] = lambda _: None) -> Crew:
    """Send to everybody from so many processes, this one among them, until it is nobody's turn.

    One that ends early stops none of the others; what it left is sent by this one at the end.
    """
    assert processes == 1 or errand.only is None  # the others know of no choice
    with _others(errand, processes - 1) as others:
        sent = sending.send_due(errand, progress=progress)
        told = [_last_words(process) for process in others]
        failed = [status for process in others if (status := process.wait())]
    for said in told:
        add(sent, said)
    if failed:
        add(sent, counts(sending.send_due(errand, progress=progress)))
    return Crew(sent=sent, notes=_notes(failed, processes))


def counts(sent: Sent) -> Counts:
    """What a sender says of its work: no personal data."""
    return {"messages": sent.messages, "outcomes": dict(sent.outcomes), "deferred": sent.deferred}


def add(sent: Sent, said: Counts) -> None:
    """Count in what another sender said."""
    sent.messages += said["messages"]
    sent.outcomes.update(said["outcomes"])
    sent.deferred += said["deferred"]


@contextlib.contextmanager
def _others(errand: Errand, number: int) -> Iterator[Sequence[Process]]:
    house = errand.house
    environment = {**os.environ, **house.environment, "TOCSIN_HOME": str(house.folder)}
    command = [sys.executable, "-m", "flows.sender", errand.incident]
    started: list[Process] = []
    try:
        for _ in range(number):
            started.append(  # noqa: PERF401 - each is to be ended if the next cannot be started
                subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            )
        yield started
    finally:
        for process in started:
            _end(process)


def _end(process: Process) -> None:
    """End a sender that still runs: at once, for whoever is killed loses nothing; and close its pipes."""
    with process:
        if process.poll() is None:
            process.kill()


def _last_words(process: Process) -> Counts:
    """What it counted; one that died said nothing, and its messages are on record all the same."""
    assert process.stdout is not None
    text = process.stdout.read()  # not `communicate`, which would close its standard input, and so end it
    found: Counts = json.loads(text) if text.strip() else counts(Sent())
    return found


def _notes(failed: Sequence[int], processes: int) -> tuple[str, ...]:
    if not failed:
        return ()
    return (
        f"{len(failed)} of {processes} senders ended early (exit {', '.join(map(str, failed))}); the rest was sent",
    )
