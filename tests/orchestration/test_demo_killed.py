"""The demonstration, killed with SIGKILL in three phases, goes on to the same end: nobody is told twice."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PEOPLE = 300


def play(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TOCSIN_", "PREFECT_"))}
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.demo", str(folder), "--people", str(PEOPLE)],
            cwd=ROOT, env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def kill_when(process: subprocess.Popen[bytes], reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 90
    while not reached():
        assert process.poll() is None, "the demonstration ended before it could be killed"
        assert time.monotonic() < until, "the phase was never reached"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def taken(folder: Path) -> Counter[str]:
    keys: Counter[str] = Counter()
    for path in (folder / "outbox").glob("*.jsonl"):
        for line in path.read_text().rpartition("\n")[0].splitlines():  # the last line may still be being written
            entry = json.loads(line)
            if entry.get("type") == "message":
                keys[entry["key"]] += 1
    return keys


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_demonstration_killed_three_times_ends_with_everyone_told_once(tmp_path: Path) -> None:
    folder, log = tmp_path / "demo", tmp_path / "story.txt"
    log.touch()
    said = lambda words: lambda: words in log.read_text()  # noqa: E731

    kill_when(play(folder, log), said("4 Notify"))
    kill_when(play(folder, log), lambda: len(taken(folder)) > PEOPLE // 3)
    kill_when(play(folder, log), said("5 Announce"))
    last = play(folder, log)
    assert last.wait(120) == 0, log.read_text()[-3000:]

    keys = taken(folder)
    assert max(keys.values()) == 1
    assert len(keys) >= PEOPLE * 0.9
    story = log.read_text()
    assert "0 of them more than once" in story
    assert re.search(r"respond: 0 of \d+ people open", story)
    checked = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "ledger_verifier.py"), str(folder / "ledger.jsonl")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
