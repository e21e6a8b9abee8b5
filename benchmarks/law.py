"""How long the law takes: one incident against the whole library, a whole process, a thousand documents.

`python benchmarks/law.py` prints one JSON line a figure, beside the one it is paired with, measured in turn in one run:
the machine's noise falls on both. Goals: one incident 50 ms, a process 1 s, a thousand documents 20 s.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from harness import say

from flows import library
from tocsin import duties, facts, moments
from tocsin.places import GROUPS

_PLACES = sorted({"DE", "FR", "CN", "JP", "KR", "BR", "GB", "IN", "SG", "AU", "ZA", *GROUPS["US-STATES"]})
_ELEMENTS = ("name", "email", "ssn", "medical", "payment-card", "online-credentials", "passport", "biometric")


def incident(number: int) -> dict[str, Any]:
    """A made-up incident, always the same for a number; some facts are unknown, as in life."""
    chance = random.Random(number)
    where = chance.sample(_PLACES, chance.randint(1, 12))
    by_place = {place: chance.choice((1, 249, 500, 501, 1000, 25_000)) for place in where}
    document: dict[str, Any] = {
        "title": f"Incident {number}",
        "organisation": {
            "role": "controller",
            "seat": chance.choice(("DE", "CN", "US-CA", "GB")),
            "attributes": {"hipaa": False, "dora": False, "nis2": chance.choice(("important", False))},
        },
        "times": {"detected": "2026-11-20T09:30:00+01:00", "discovered": "2026-11-20T16:30:00+01:00"},
        "breach": {"kinds": ["confidentiality"], "cause": "attack", "encrypted": False},
        "data": {"elements": chance.sample(_ELEMENTS, 3)},
        "people": {"total": sum(by_place.values()), "by_place": by_place, "unlocated": 0},
    }
    if number % 2:
        document["times"]["aware"] = "2026-11-20T16:30:00+01:00"
        document["risk"] = {"to_people": chance.choice(("unlikely", "likely", "high"))}
    return document


def paired(first: Callable[[], object], second: Callable[[], object], *, rounds: int) -> list[tuple[float, float]]:
    """The seconds of two calls, measured in turn."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, times in zip((first, second), taken, strict=True):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
    return list(zip(*taken, strict=True))


def _line(what: str, measured: list[tuple[float, float]], beside: str, *, n: int = 1) -> None:
    """One line; `n` is how many were judged in each measurement."""
    ratios = [whole / part for whole, part in measured]
    say(
        what,
        statistics.median(whole for whole, _ in measured) * 1000 / n,
        "ms",
        n=n,
        runs=len(measured),
        against=beside,
        against_value=statistics.median(part for _, part in measured) * 1000 / n,
        ratio=statistics.median(ratios),
        ratio_range=[round(min(ratios), 3), round(max(ratios), 3)],
    )


def one_incident() -> None:
    """The whole library after start-up, with and without the rows of laws that do not apply, and half of it."""
    regimes = library.regimes()
    as_of = moments.parse("2026-11-22T00:00:00Z")
    read = [facts.parse(incident(number), source="made up") for number in range(20)]

    def judge(laws: Any, *, everything: bool) -> None:
        for one in read:
            duties.assess(one, laws, as_of=as_of, everything=everything).document(everything=everything)

    judge(regimes, everything=True)
    found = paired(lambda: judge(regimes, everything=False), lambda: judge(regimes, everything=True), rounds=7)
    _line(f"one incident, {len(regimes)} laws", found, "with the rows of what is not owed", n=20)
    found = paired(lambda: judge(regimes, everything=True), lambda: judge(regimes[::2], everything=True), rounds=7)
    _line("all laws with every row", found, "every second law", n=20)


def _run(*arguments: str, quiet: bool = True) -> None:
    command = [sys.executable, "-m", "console.main", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL if quiet else None)


def processes() -> None:
    """`tocsin duties FACTS` as a process, beside `tocsin --help` and beside a thousand documents at once."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1000):
            (Path(folder) / f"{number:04}.yaml").write_text(yaml.safe_dump(incident(number), sort_keys=False))
        one = str(Path(folder) / "0001.yaml")
        found = paired(lambda: _run("duties", one), lambda: _run("--help"), rounds=7)
        _line("tocsin duties FACTS, a whole process", found, "tocsin --help")
        batch = paired(lambda: _run("duties", "--batch", folder, "--json"), lambda: _run("duties", one), rounds=2)
        _line("tocsin duties --batch, 1,000 documents", batch, "of one")


if __name__ == "__main__":
    one_incident()
    processes()
