"""What every benchmark shares: figures as JSON lines, measurements in turn, and commands that wait for a word to begin.

Things that are compared are measured one after the other in every round, so that the machine's noise falls on all of
them; a ratio is formed inside a round, and the median over the rounds is what counts.
"""

import argparse
import json
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROUNDS = 3
PEOPLE = 20_000
FOLDER = Path(__file__).parent
_ENDING_SECONDS = 60


class Absent(Exception):
    """A peer that cannot be had on this machine; the message is the reason."""


class Failed(Exception):
    """A sender that broke off; what it said is on standard error."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What sending took: messages a second, and microseconds of the processor a message, without the sink."""

    rate: float
    cpu_us: float


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way to send, ours or a peer's. `send(n)` tells n people; slow ones are given fewer."""

    name: str
    n: int
    send: Callable[[int], Cost]


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A peer that is absent, and why."""

    name: str
    reason: str


def arguments(description: str | None, *, people: int = PEOPLE) -> argparse.ArgumentParser:
    """What every benchmark takes: how many people, how many rounds."""
    end_cleanly()
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", nargs="?", type=int, default=people, metavar="N")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    return parser


def end_cleanly() -> None:
    """Let SIGTERM end this process as Ctrl-C does, so that sinks and servers end with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def say(
    bench: str,
    value: float,
    unit: str,
    *,
    n: int,
    runs: int,
    against: str | None = None,
    against_value: float | None = None,
    ratio: float | None = None,
    **more: Any,
) -> None:
    """Print one figure. `ratio` is ours over theirs unless it is given; `more` are further fields."""
    if ratio is None and against_value:
        ratio = value / against_value
    line = {"bench": bench, "value": _short(value), "unit": unit, "against": against}
    line |= {"against_value": _short(against_value), "ratio": ratio and round(ratio, 3), "n": n, "runs": runs}
    print(json.dumps(line | more, ensure_ascii=False), flush=True)


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3 if abs(value) < 10 else 1)


def compare(ours: Sequence[Contender], theirs: Sequence[Contender | Missing], *, unit: str, rounds: int) -> None:
    """Measure all in turn, `rounds` times, and print a line for each of ours beside each of theirs."""
    absent = {peer.name: peer.reason for peer in theirs if isinstance(peer, Missing)}
    peers = [peer for peer in theirs if isinstance(peer, Contender)]
    costs: dict[str, list[Cost]] = defaultdict(list)
    for _ in range(rounds):
        for mine in ours:
            costs[mine.name].append(mine.send(mine.n))
        for peer in (peer for peer in peers if peer.name not in absent):
            try:
                costs[peer.name].append(peer.send(peer.n))
            except Failed as error:
                absent[peer.name] = str(error)
    for mine in ours:
        for peer in (peer for peer in peers if peer.name not in absent):
            _pair(mine, peer, costs, unit=unit)
        value = statistics.median(cost.rate for cost in costs[mine.name])
        for name, reason in absent.items():
            say(mine.name, value, unit, n=mine.n, runs=rounds, against=name, absent=reason)


def _pair(mine: Contender, peer: Contender, costs: Mapping[str, list[Cost]], *, unit: str) -> None:
    pairs = list(zip(costs[mine.name], costs[peer.name], strict=True))
    ratios = [one.rate / other.rate for one, other in pairs]
    used = [(one.cpu_us, other.cpu_us) for one, other in pairs]
    say(
        mine.name,
        statistics.median(one.rate for one, _ in pairs),
        unit,
        n=mine.n,
        runs=len(pairs),
        against=peer.name,
        against_value=statistics.median(other.rate for _, other in pairs),
        ratio=statistics.median(ratios),
        ratio_range=[round(min(ratios), 2), round(max(ratios), 2)],
        against_n=peer.n,
        cpu_us=_short(statistics.median(one for one, _ in used)),
        against_cpu_us=_short(statistics.median(other for _, other in used)),
    )


def present(name: str, n: int, make: Callable[[], Callable[[int], Cost]]) -> Contender | Missing:
    """A peer made ready, or the reason why it is absent."""
    try:
        return Contender(name=name, n=n, send=make())
    except Absent as error:
        return Missing(name=name, reason=str(error))


def at_a_word(
    commands: Sequence[Sequence[str]], given: Sequence[str], *, quiet: bool = False, **more: Any
) -> tuple[list[dict[str, Any]], float]:
    """Run commands that say "ready", begin together when they are told to, and print what they found as JSON.

    `given` is the first line that each reads. Returns what each found, and the seconds from the word to the last end.
    Raises Failed when one breaks off; what a `quiet` one says on standard error is shown only then, its last line.
    """
    with tempfile.TemporaryFile("w+") as errors:
        processes = [
            subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors if quiet else None,
                text=True,
                **more,
            )
            for command in commands
        ]
        try:
            found = _heard([(one.stdin, one.stdout) for one in processes], given)
            for process in processes:
                _end(process)
        except (Failed, OSError, subprocess.TimeoutExpired) as error:
            errors.seek(0)
            said = errors.read().strip().splitlines()
            raise Failed(said[-1][:200] if said else str(error)) from error
        finally:
            for process in processes:
                process.kill()
                process.wait()
        return found


def _heard(pipes: Sequence[tuple[Any, Any]], given: Sequence[str]) -> tuple[list[dict[str, Any]], float]:
    for (said, heard), line in zip(pipes, given, strict=True):
        said.write(line + "\n")
        said.flush()
        _hear(heard, "ready")
    began = time.perf_counter()
    for said, _ in pipes:
        said.write("begin\n")
        said.flush()
    found = [json.loads(_hear(heard)) for _, heard in pipes]
    return found, time.perf_counter() - began


def _end(process: "subprocess.Popen[str]") -> None:
    process.communicate(timeout=_ENDING_SECONDS)
    if process.returncode:
        raise Failed(f"a sender ended with status {process.returncode}")


def _hear(pipe: Any, wanted: str | None = None) -> str:
    line = str(pipe.readline()).strip()
    if not line or (wanted and line != wanted):
        raise Failed(f"a sender broke off where it should have said {wanted or 'what it found'}")
    return line


def child_cost(count: int, run: Callable[[], object]) -> Cost:
    """The cost of a command that `run` waits for, from its start to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run()
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(rate=count / seconds, cpu_us=cpu / count * 1e6)


def figures(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The figures among the lines that a benchmark printed."""
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "bench" in found:
            yield found
