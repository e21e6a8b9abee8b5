"""Bounces as the world's mail servers wrote them: who failed, for good or for now, and whether the address is dead.

The expectations are other people's (sisimai, flufl.bounce); the counts are what we reach, so that nothing gets worse.
"""

import csv
import os
import time
from collections import Counter, defaultdict
from pathlib import Path

import pendulum
import pytest

from notifiers import bounces
from tocsin.delivery import Kind

CORPUS = Path(os.environ.get("TOCSIN_CORPUS", Path(__file__).parents[3] / "shared" / "corpus")) / "06-delivery"
NOW = pendulum.datetime(2026, 11, 22)

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set TOCSIN_CORPUS to its folder")

WHY = {
    "mailbox-unknown": {"userunknown", "hasmoved"},
    "address-invalid": {"hostunknown", "notaccept"},
    "mailbox-full": {"mailboxfull"},
    "mailbox-disabled": {"suspend"},
    "expired": {"expired", "networkerror", "systemerror", "systemfull", "onhold"},
    "policy": {
        "blocked", "rejected", "badreputation", "authfailure", "norelaying", "policyviolation", "requireptr",
        "securityerror", "speeding", "toomanyconn", "spamdetected",
    },
    "content": {"virusdetected", "contenterror", "mesgtoobig", "exceedlimit"},
    "other": {"undefined", "syntaxerror", "mailererror"},
}  # fmt: skip
NO_BOUNCE = {"feedback", "delivered", "vacation"}


def events_of(folder, name):
    raw = (CORPUS / folder / name).read_bytes()
    return bounces.events(raw, provider="post", received=NOW, hashed=lambda address: address.lower())


def rows(name):
    with (CORPUS / name).open(newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture(scope="module")
def judged():
    """Each expected row beside the event that we made of it, or None."""
    by_file = defaultdict(list)
    for row in rows("sisimai_expected.csv"):
        by_file[row["file"]].append(row)
    pairs = []
    for name, expected in by_file.items():
        found = events_of("sisimai", name)
        pairs += [(row, found[number] if number < len(found) else None) for number, row in enumerate(expected)]
    return pairs


def test_dead_addresses_are_told_from_living_ones(judged):
    table = Counter((row["verdict"] == "hard", bool(event and event.hard)) for row, event in judged)

    assert len(judged) == 301
    assert table[True, True] + table[False, False] >= 286
    assert table[False, True] <= 10  # a living address called dead: what matters most


def test_a_full_mailbox_is_never_a_dead_address(judged):
    full = [event for row, event in judged if row["reason"] == "mailboxfull"]

    assert len(full) == 25
    assert {event.hard for event in full} == {False}
    assert {event.reason for event in full} == {"mailbox-full"}


def test_why_a_letter_came_back(judged):
    told = [(row, event) for row, event in judged if row["reason"] not in NO_BOUNCE | {"filtered"}]

    right = [1 for row, event in told if event and event.reason and row["reason"] in WHY[event.reason]]

    assert (len(told), len(right) >= 222) == (258, True)


def test_what_is_no_bounce_is_none(judged):
    others = [event for row, event in judged if row["reason"] in NO_BOUNCE]

    assert len(others) == 15
    assert [event for event in others if event and event.kind is Kind.BOUNCED] == []
    assert sum(event is not None and event.kind is Kind.COMPLAINED for event in others) >= 6


def test_the_addresses_that_failed_are_found_for_good_or_for_now():
    exact = 0
    expected = rows("flufl_expected.csv")
    for row in expected:
        found = events_of("flufl", row["file"])
        exact += all(
            {event.recipient for event in found if event.kind is kind and event.recipient} == addresses(row[column])
            for kind, column in ((Kind.BOUNCED, "permanent_failures"), (Kind.DEFERRED, "temporary_failures"))
        )

    assert (len(expected), exact >= 61) == (64, True)


def addresses(field):
    return {one.strip().lower() for one in field.split(";") if one.strip()}


def test_line_ends_of_every_system_are_read_and_a_letter_is_no_bounce():
    for path in (CORPUS / "sisimai-odd").iterdir():
        found = events_of("sisimai-odd", path.name)

        assert bool(found) is not path.name.startswith("not__"), path.name


def test_no_address_is_kept(judged):
    names = sorted({row["file"] for row, _ in judged})[:60]

    for name in names:
        for event in bounces.events((CORPUS / "sisimai" / name).read_bytes(), provider="post", received=NOW):
            assert "@" not in repr(event), name


def test_a_bounce_is_read_in_milliseconds(judged):
    files = sorted({row["file"] for row, _ in judged})
    raws = [(CORPUS / "sisimai" / name).read_bytes() for name in files]

    begun = time.process_time()
    for raw in raws:
        bounces.events(raw, provider="post", received=NOW)

    assert (time.process_time() - begun) / len(raws) < 0.05
