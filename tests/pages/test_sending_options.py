"""`notice send` in parts: rehearsed, to a few first, to chosen people only; paused and resumed from another process."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest

from db import people
from flows import wiring

ROOT = Path(__file__).parents[2]
MAIN = "import sys; from console import main; sys.exit(main.run(sys.argv[1:]))"
NAMES = [
    "Ann\r\nBcc: all@example.com", "<script>alert(1)</script>", "{{ 7*7 }}", "A\u202eb", "\ue000\ue001",
    "Ann " * 2500, "{% raw %}", "Bcc: x@y.example", '","to":"everyone"',
]  # fmt: skip


def outbox(tocsin: Any) -> list[dict[str, Any]]:
    """Every message that a fake provider took, whatever its channel; whoever was told twice is there twice."""
    paths = sorted(path for path in (tocsin.home / "outbox").glob("*.jsonl") if path.name != "events.jsonl")
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


def told(tocsin: Any) -> Counter[str]:
    """How often each address got something."""
    return Counter(line.get("to", "repeat") for line in outbox(tocsin))


def refs(tocsin: Any, incident: str) -> dict[int, str]:
    """The refs of the people by their numbers, which are those of the rows."""
    with wiring.opened(tocsin.home) as house, house.database.reading() as session:
        return {person.id: person.ref for person in people.iterate(session, incident)}


def more_people(tocsin: Any, incident: str, folder: Path, number: int) -> None:
    """Enrols so many people in Germany with a push token each, and has the notice approved for them too."""
    path = folder / "more.csv"
    rows = "".join(f"m{n},DE,en,tok-{n:016x}\n" for n in range(number))
    path.write_text(f"account,place,language,push_token\n{rows}")
    tocsin.ok("roster", "import", incident, str(path))
    tocsin("approve", incident, "notice", "--as", "Zhao Min")


@pytest.fixture
def incident(supplied: Any, approved: Any) -> str:
    made: str = approved(supplied)
    return made


def test_a_rehearsal_says_who_would_be_sent_what_and_touches_nothing(supplied: Any, incident: str) -> None:
    before = supplied.record()

    seen = supplied.ok("notice", "send", incident, "--dry-run", "--json").json
    shown = supplied.ok("notice", "send", incident, "--dry-run").out

    assert supplied.record() == before
    assert outbox(supplied) == []
    assert (seen["missing"], seen["people"], seen["messages"]) == ([], 7, 6)
    assert seen["by_provider"] == {"fake-email": 1, "fake-email-cn": 1, "fake-push": 1, "fake-push-cn": 3}
    assert seen["by_channel"] == {"email": 2, "push": 4}
    assert seen["by_place"] == {"CN": 4, "DE": 1, "FR": 1}
    assert seen["by_language"] == {"en": 2, "zh": 4}
    assert seen["verdicts"] == {"no-address": 1}
    assert seen["forecast"]["last_message"]
    assert "would hand 6 messages to providers, for 7 people" in shown
    assert "The last message to 7 people leaves about" in shown


def test_a_rehearsal_says_what_the_sending_then_does(supplied: Any, incident: str) -> None:
    supplied.change_settings(
        providers=[one for one in supplied.settings["providers"] if one["name"] in {"fake-push-cn", "fake-email"}]
    )
    supplied("approve", incident, "notice", "--as", "Zhao Min")
    seen = supplied.ok("notice", "send", incident, "--dry-run", "--json").json

    supplied.ok("notice", "send", incident, "--canary", "100")

    assert seen["by_provider"] == {"fake-email": 1, "fake-push-cn": 3}
    assert [(one["place"], one["channel"], one["reason"], one["people"]) for one in seen["held"]] == [
        ("CN", "email", "residency", 1),
        ("CN", "phone", "no-provider", 1),
        ("CN", "sms", "no-provider", 1),
        ("DE", "push", "residency", 1),
    ]
    assert seen["verdicts"]["held"] == 2
    attempts = supplied.ok("status", incident, "--json").json["people"]
    assert attempts["by_verdict"]["held"] >= 2
    after = supplied.ok("notice", "send", incident, "--dry-run", "--json").json
    assert after["people"] == 7
    assert after["messages"] == 0


def test_a_rehearsal_works_before_anything_is_approved_or_written(
    supplied: Any, facts_files: Any, roster: Path, tmp_path: Path
) -> None:
    tocsin = supplied
    _, later = facts_files(wiring.assemble(tocsin.home).now().replace(microsecond=0).subtract(hours=2))
    incident = tocsin.ok("declare", str(later), "--plan", "conex-easykey", "--json").json["incident"]
    nobody = tocsin.ok("notice", "send", incident, "--dry-run", "--json").json
    tocsin.ok("roster", "import", incident, str(roster))
    unwritten = tocsin.ok("notice", "send", incident, "--dry-run", "--json").json
    tocsin.ok("notice", "draft", incident, "--folder", str(tmp_path / "draft"))
    before = tocsin.record()
    unapproved = tocsin.ok("notice", "send", incident, "--dry-run").out

    assert tocsin.record() == before
    assert any("roster" in one for one in nobody["missing"])
    assert nobody["messages"] == 0
    assert any("notice text" in one for one in unwritten["missing"])
    assert unwritten["messages"] == 6
    assert "Missing before it may go out: 1 approval of the notice." in unapproved
    assert tocsin("notice", "send", incident).code == 3
    assert outbox(tocsin) == []


def test_chosen_people_alone_are_told_and_the_others_when_somebody_asks(
    supplied: Any, incident: str, tmp_path: Path
) -> None:
    everybody = refs(supplied, incident)
    chosen = tmp_path / "colleagues.csv"
    chosen.write_text(f"ref,place\n{everybody[1]},CN\n{everybody[6]},DE\n")

    rehearsed = supplied.ok("notice", "send", incident, "--dry-run", "--only", str(chosen), "--json").json
    first = supplied.ok("notice", "send", incident, "--only", str(chosen), "--json").json
    for_them = set(told(supplied))
    again = supplied.ok("notice", "send", incident, "--only", "-", stdin=f"{everybody[1]}\n{everybody[6]}").out
    by_itself = supplied.ok("respond", incident).out
    supplied.ok("watch", "--once")

    assert (rehearsed["people"], rehearsed["messages"]) == (2, 2)
    assert first["messages"] == 2
    assert for_them == {"tok-aaaaaaaaaaaa0001", "tok-aaaaaaaaaaaa0006"}
    assert again.startswith("0 messages")
    assert "waits for somebody who sends to the others too" in by_itself
    assert told(supplied) == Counter(dict.fromkeys(for_them, 1))
    supplied.ok("notice", "send", incident)
    assert set(told(supplied).values()) == {1}
    assert "user.7@mail.example.com" in told(supplied)
    supplied.ok("ledger", "verify", incident)


def test_a_canary_stops_after_so_many_and_nothing_goes_on_by_itself(
    supplied: Any, incident: str, tmp_path: Path
) -> None:
    more_people(supplied, incident, tmp_path, 30)
    rehearsed = supplied.ok("notice", "send", incident, "--dry-run", "--canary", "5", "--json").json

    first = supplied.ok("notice", "send", incident, "--canary", "5", "--json").json
    supplied.ok("respond", incident)
    after_first = outbox(supplied)
    second = supplied.ok("notice", "send", incident, "--canary", "5", "--json").json
    supplied.ok("respond", incident)

    assert (rehearsed["messages"], rehearsed["canary"]) == (5, 5)
    assert (first["messages"], second["messages"]) == (5, 5)
    assert len(after_first) <= 5 + 2  # who was refused at once is told on the next rung
    supplied.ok("notice", "send", incident)
    assert sum(address.startswith("tok-0") for address in told(supplied)) == 30
    assert set(told(supplied).values()) == {1}


def test_persons_who_are_not_known_are_refused_before_anything_happens(supplied: Any, incident: str) -> None:
    before = supplied.record()
    wrong = {
        "0" * 32: "Nobody on the roster of",
        "Wang Fang": "entry 1 is no ref of a person",
        "nobody.txt": "cannot be read",
        ",": "names nobody",
        "x" * 5000: "entry 1 is no ref",
    }

    done = {persons: supplied("notice", "send", incident, "--only", persons) for persons in wrong}

    assert {persons: (one.code, wrong[persons] in one.err) for persons, one in done.items()} == dict.fromkeys(
        wrong, (2, True)
    )
    assert all(one.err.count("\n") == 1 and "Wang" not in one.err for one in done.values())
    assert supplied.record() == before


def test_no_option_gets_round_the_approval_or_a_pause(supplied: Any, incident: str) -> None:
    one = refs(supplied, incident)[1]
    supplied.ok("pause", incident)
    paused = [supplied("notice", "send", incident, *extra) for extra in ((), ("--canary", "1"), ("--only", one))]
    rehearsed = supplied.ok("notice", "send", incident, "--dry-run").out
    supplied.ok("resume", incident)
    supplied.ok("refuse", incident, "notice", "--reason", "a wrong number", "--as", "Zhao Min")
    refused = [supplied("notice", "send", incident, *extra) for extra in (("--canary", "1"), ("--only", one))]

    assert [done.code for done in (*paused, *refused)] == [3] * 5
    assert all("is paused" in done.err for done in paused)
    assert "which is paused" in rehearsed
    assert outbox(supplied) == []


def test_a_pause_stops_a_sending_in_another_process_within_a_second(
    supplied: Any, incident: str, tmp_path: Path
) -> None:
    more_people(supplied, incident, tmp_path, 120)
    settings = [
        {**one, "rate_per_second": 25} if one["name"] == "fake-push" else one for one in supplied.settings["providers"]
    ]
    supplied.change_settings(providers=settings)
    with another_process(supplied, "notice", "send", incident) as sending:
        until(lambda: len(outbox(supplied)) >= 10)
        said = supplied.ok("pause", incident, "--as", "Zhao Min").out
        paused_at = wiring.now()
        assert sending.wait(30) == 0
    left = outbox(supplied)
    time.sleep(0.3)

    assert "Sending is paused" in said
    assert len(outbox(supplied)) == len(left) < 100
    last = max(pendulum.parse(line["at"]) for line in left)
    assert (last - paused_at).total_seconds() < 1.5  # a second, and what a busy machine is late
    assert "paused already" in supplied.ok("pause", incident).out
    assert supplied("notice", "send", incident).code == 3
    settings = [{name: value for name, value in one.items() if name != "rate_per_second"} for one in settings]
    supplied.change_settings(providers=settings)
    assert "goes on" in supplied.ok("resume", incident).out
    assert "was not paused" in supplied.ok("resume", incident).out
    supplied.ok("notice", "send", incident)
    assert sum(address.startswith("tok-0") for address in told(supplied)) == 120
    assert set(told(supplied).values()) == {1}


def test_a_name_from_a_roster_cannot_write_into_a_message(supplied: Any, incident: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.csv"
    rows = "".join(
        f'h{n},"{name.replace(chr(34), chr(34) * 2)}",DE,en,h{n}@mail.example.com\n'
        for n, name in enumerate(["", *NAMES])
    )
    path.write_text(f"account,name,place,language,email\n{rows}", encoding="utf-8", newline="")
    imported = supplied.ok("roster", "import", incident, str(path), "--json").json
    supplied("approve", incident, "notice", "--as", "Zhao Min")

    supplied.ok("notice", "send", incident)

    letters = [line for line in outbox(supplied) if str(line.get("to")).startswith("h")]
    assert len(letters) == imported["people"] >= len(NAMES) - 1
    assert all(line["header_to"] == [line["to"]] for line in letters)
    assert len({json.dumps(line["headers"]) for line in letters}) == 1
    assert not {"cc", "bcc"} & {name for line in letters for name in line["headers"]}
    assert len({line["title"] for line in letters}) == 1
    for part in ("body", "html"):
        assert len({re.sub(r"\b[0-9a-f]{10}\b", "REF", line[part]) for line in letters}) == 1, part


def test_lengths_are_said_before_the_approval_and_what_a_service_would_refuse_is_not_approved(
    supplied: Any, incident: str
) -> None:
    checked = supplied.ok("notice", "check", incident, "--json").json
    shown = supplied.ok("notice", "show", incident, "--channel", "sms", "-l", "zh").out
    mail = supplied.ok("notice", "show", incident, "-l", "zh").out
    said = supplied.ok("approve", incident, "notice", "--as", "Zhao Min").out
    pushed = {"name": "pushed", "channel": "push", "places": ["CN"], "url": f"pushed://{'a' * 64}/{'b' * 64}/@{{to}}"}
    supplied.change_settings(providers=[*supplied.settings["providers"], pushed])
    too_long = supplied("notice", "check", incident)
    refused = supplied("approve", incident, "notice", "--as", "Zhao Min")

    zh = next(one for one in checked["sms"] if one["language"] == "zh")
    assert (zh["alphabet"], zh["people"], zh["segments_in_all"]) == ("UCS-2", 4, 4 * zh["segments"])
    line = f"As SMS (zh): {zh['segments']} segments ({zh['units']} units in UCS-2) a person, about "
    assert line in shown
    assert "As SMS (en)" not in shown
    assert line in said
    assert "As SMS" not in mail
    assert (too_long.code, refused.code) == (1, 3)
    assert "- The text of the notice (en) takes " in too_long.out
    assert "as push through provider pushed (Pushed), 160 is the most: shorten `short`." in refused.err


@contextlib.contextmanager
def another_process(tocsin: Any, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command line in a process of its own."""
    environment = {**os.environ, "TOCSIN_HOME": str(tocsin.home), "TOCSIN_USER": "tester"}
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *words], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(true: Any, *, seconds: float = 20) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
