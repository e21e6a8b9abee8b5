"""The crash journal: what a dead process had on the wire is known to the message."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from notifiers import fakes
from notifiers.journal import Journal, recover
from tocsin.delivery import Channel, Outcome, Settled
from tocsin.errors import Invalid


@pytest.fixture
def path(tmp_path):
    return tmp_path / "claim.journal"


@pytest.fixture
def settled(at):
    return lambda key, **changes: Settled(
        **({"key": key, "outcome": Outcome.ACCEPTED, "provider": "post", "at": at()} | changes)
    )


def test_an_answered_message_is_known_with_all_that_was_said(path, settled):
    full = settled("aa", outcome=Outcome.REFUSED, provider_ref="id with space/ü\n", code="550 5.1.1", reason="other")
    bare = settled("bb", code="", reason=None, provider_ref="-")
    with Journal(path) as journal:
        for result in (full, bare):
            journal.sending(result.key)
            journal.settled(result)

    assert recover(path).settled == {"aa": full, "bb": bare}
    assert recover(path).in_doubt == set()


def test_a_message_without_an_answer_is_in_doubt_and_one_that_never_left_is_free(path, settled):
    with Journal(path) as journal:
        for key in ("aa", "bb", "cc"):
            journal.sending(key)
        journal.settled(settled("aa"))
        journal.not_sent("bb")

    known = recover(path)
    assert (set(known.settled), known.in_doubt, known.not_sent) == ({"aa"}, {"cc"}, {"bb"})


def test_the_last_word_on_a_message_counts(path, settled):
    with Journal(path) as journal:
        journal.sending("aa")
        journal.not_sent("aa")
        journal.sending("aa")
        journal.sending("bb")
        journal.settled(settled("bb", outcome=Outcome.REFUSED))
        journal.not_sent("bb")

    known = recover(path)
    assert (known.settled, known.in_doubt, known.not_sent) == ({}, {"aa"}, {"bb"})


def test_a_torn_last_line_counts_as_unwritten(path, settled):
    with Journal(path) as journal:
        journal.sending("aa")
        journal.settled(settled("aa"))
        journal.sending("bb")
        journal.settled(settled("bb"))
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1

    for cut in range(last + 1, len(whole)):
        path.write_bytes(whole[:cut])
        known = recover(path)
        assert set(known.settled) == {"aa"}
        assert known.in_doubt == {"bb"}


def test_writing_goes_on_after_a_torn_line(path):
    with Journal(path) as journal:
        journal.sending("aa")
    with path.open("ab") as file:
        file.write(b"\nR aa acce")
    with Journal(path) as journal:
        journal.sending("bb")

    assert recover(path).in_doubt == {"aa", "bb"}


def test_another_boot_of_the_machine_is_told(path):
    with Journal(path):
        pass
    assert not recover(path).rebooted

    path.write_text("\nJ 00000000-0000-0000-0000-000000000000\n")
    assert recover(path).rebooted


def test_a_file_that_is_no_journal_is_refused(path):
    path.write_text("hello world\n")
    with pytest.raises(Invalid, match="line 1"):
        recover(path)


def test_the_file_is_for_its_owner_only_and_holds_keys_only(path, settled):
    with Journal(path) as journal:
        journal.sending("ab" * 32)
        journal.settled(settled("ab" * 32))

    assert path.stat().st_mode & 0o777 == 0o600
    assert "@" not in path.read_text()


def test_a_write_that_does_not_fit_is_an_error(path, monkeypatch):
    with Journal(path) as journal:
        monkeypatch.setattr(os, "write", lambda _file, data: len(data) - 1)
        with pytest.raises(OSError, match="in full"):
            journal.sending("aa")
        monkeypatch.undo()


SENDER = """
import sys
from pathlib import Path

import pendulum

from notifiers.dispatch import dispatch
from notifiers.journal import Journal
from notifiers.providers import Provider
from tocsin.delivery import Channel, Message

url, channel, path, count = sys.argv[1:]
provider = Provider(name="gate", channel=channel, url=url, places="*", connections=4, idempotent=True)
to = "p{}@example.org" if channel == "email" else "quiet-{}"
messages = (
    Message(key=f"{n:064x}", channel=Channel(channel), language="", place="", to=to.format(n), subject="", text="t")
    for n in range(int(count))
)
with Journal(Path(path)) as journal:
    print("ready", flush=True)
    for _ in dispatch(messages, provider, journal=journal, now=lambda: pendulum.datetime(2026, 11, 22)):
        pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.PUSH], ids=str)
def test_after_kill_9_every_message_is_told_once_or_known_as_a_doubt(tmp_path, channel):
    count = 12_000
    for kill in range(3):
        path = tmp_path / f"{kill}.journal"
        with fakes.start(tmp_path / f"outbox-{kill}") as running:
            provider = next(each for each in fakes.providers(running, "*") if each.channel is channel)
            _send_and_kill(provider.url.get_secret_value(), channel, path, count, after=0.15 + 0.2 * kill)
        told = _told(running.outbox / f"{channel}.jsonl")
        known = recover(path)

        assert not known.rebooted
        assert 0 < len(told) < count, "the kill came in the middle"
        assert set(known.settled) <= told, "what is known as accepted was told"
        assert told - set(known.settled) <= known.in_doubt, "what was told without a known answer is in doubt"
        assert len(known.in_doubt) <= 4, "no more doubts than open connections"


def _send_and_kill(url: str, channel: str, path: Path, count: int, *, after: float) -> None:
    root = Path(fakes.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", SENDER, url, channel, str(path), str(count)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        while path.stat().st_size < 2000:
            time.sleep(0.001)
        time.sleep(after)
        os.kill(process.pid, signal.SIGKILL)


def _told(path: Path) -> set[str]:
    import json

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({line["key"] for line in lines}) == len(lines), "nobody was told twice"
    return {line["key"] for line in lines}
