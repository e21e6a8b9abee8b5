"""Who is who in a file: the quick way on disk agrees with the plain rule, row by row, however long the chains are."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.roster import spool as spooling
from flows.roster.matching import Marks
from flows.roster.spool import Heaps, Spool
from tocsin.errors import Misconfigured

FIRST = 11
FULL = Path("/dev/full")


def by_the_rule(rows, known, first):
    """The rule as it is written: a row is whoever first had the first of its identities that anybody has."""
    whose, persons, number = dict(known), [], first
    for identities in rows:
        person = next((whose[one] for one in identities if one in whose), None)
        if person is None:
            person, number = number, number + 1
        for one in identities:
            whose.setdefault(one, person)
        persons.append(person)
    return persons, {one: person for one, person in whose.items() if one not in known}


def by_heaps(folder, rows, known, first, batch):
    asked = []

    def ask(hashes):
        asked.extend(hashes)
        return {one: known[one] for one in hashes if one in known}

    with Spool(folder) as spool:
        marks = Marks(spool)
        for start in range(0, len(rows), batch):
            marks.note(start, [[bytes.fromhex(one) for one in some] for some in rows[start : start + batch]])
        matched = marks.match(len(rows), first=first, known=ask if known else None)
        new = [(one, person) for pair in matched.identities() for one, person in zip(*pair, strict=True)]
    assert len(new) == len(dict(new)), "no identity twice"
    assert len(asked) in {0, sum(map(len, rows))}
    return list(matched.owners), dict(new), matched


def an_identity(number):
    return f"{number * 0x9E3779B97F4A7C15 % (1 << 128):032x}"


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(0, 40), max_size=4, unique=True), max_size=60),
    known=st.dictionaries(st.integers(0, 40), st.integers(1, FIRST - 1), max_size=8),
    batch=st.sampled_from([1, 7, 1000]),
)
def test_rows_are_matched_by_the_rule_whatever_they_share(tmp_path_factory, rows, known, batch):
    texts = [[an_identity(one) for one in some] for some in rows]
    there = {an_identity(one): person for one, person in known.items()}
    persons, new = by_the_rule(texts, there, FIRST)

    owners, noted, matched = by_heaps(tmp_path_factory.getbasetemp(), texts, there, FIRST, batch)

    assert (owners, noted) == (persons, new)
    seen: set[int] = set(there.values())
    for row, person in enumerate(persons):
        assert matched.merged[row] == (person in seen)
        seen.add(person)
    assert [FIRST + place for place, more in enumerate(matched.enriched) if more] == sorted(
        {person for person in persons if person >= FIRST and persons.count(person) > 1}
    )


def test_many_rows_in_long_chains_spill_to_disk_and_are_matched_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(spooling, "_MANY", 20)
    chance = random.Random(5)
    rows = [[an_identity(n), an_identity(10**6 + chance.randrange(n + 1))] for n in range(6000)]
    chance.shuffle(rows)

    owners, noted, matched = by_heaps(tmp_path, rows, {}, 1, 500)

    assert (owners, noted) == by_the_rule(rows, {}, 1)
    assert sum(matched.merged) > 1000


def test_what_is_set_aside_comes_back_in_order_and_cannot_be_read_on_disk(tmp_path):
    with Spool(tmp_path) as spool:
        pieces = [spool.put_values([("secret name", number, b"\0" * 50)]) for number in range(50)]
        heaps = Heaps(spool)
        for number in range(10_000):
            heaps.open[number % 3].append(("secret name", number))
            heaps.spill()

        assert [spool.get_values(piece)[0][1] for piece in reversed(pieces)] == list(range(49, -1, -1))
        assert [[value for _, value in heap] for _, heap in heaps.each()] == [
            list(range(start, 10_000, 3)) for start in range(3)
        ]
        assert list(tmp_path.iterdir()) == [], "a process that is killed leaves nothing behind"
        spool._file.seek(0)
        assert b"secret" not in spool._file.read()


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_said_in_one_sentence(tmp_path):
    with Spool(tmp_path) as spool:
        spool._file.close()
        spool._file = FULL.open("r+b", buffering=0)
        with pytest.raises(Misconfigured, match=r"set rows aside in .* \(No space left on device\): make room"):
            spool.put(b"x")


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence():
    with pytest.raises(Misconfigured, match="cannot set rows aside"), Spool(Path("/no/such/folder")):
        pass
