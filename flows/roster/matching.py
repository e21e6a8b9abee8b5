"""Which rows of a file are the same person: of each other, and of people known before.

The rule stands in `tocsin/roster.py`: a row is whoever first had the first of its identities that anybody has, with the
surest identity asked first. Rows are judged in their order, each against all before it. So that a million of them need
little memory, identities are sorted on disk, heap by heap, and only those that occur twice are followed; what remains
in memory is a number for each row.
"""

import struct
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import itemgetter

from flows.roster.spool import Heaps, Piece, Spool

Known = Callable[[Sequence[str]], Mapping[str, int]]  # identities in hexadecimal → whose they are, where anybody's

_HASH_BYTES = 16
_MARK = struct.Struct(f">{_HASH_BYTES}sIH")  # an identity, its row, and how sure it is beside the row's others
_ROWS_OF_A_HEAP = 16  # as a power of two
_BY_NUMBER = 1 << 31  # from here on, a reference is to a shared identity and not to a row


@dataclass(kw_only=True)
class Matched:
    """Whose every row is. New people are numbered from `first` on, in the order of their first rows."""

    first: int
    owners: "array[int]"  #: of each row, the number of its person
    merged: bytearray  #: 1 for a row whose person was known, or had a row before
    enriched: bytearray  #: by number from `first` on: 1 for a new person with several rows
    _holders: "array[int]"
    _new: list[tuple[Piece, Piece]] = field(default_factory=list)
    _spool: Spool

    def identities(self) -> Iterator[tuple[list[str], list[int]]]:
        """The identities that nobody had before, in hexadecimal, and whose they are now: by heaps, nearly in order."""
        owners, holders = self.owners, self._holders
        for hashes, references in self._new:
            digits = self._spool.get(hashes).hex()
            numbers = array("I", self._spool.get(references))
            persons = [owners[one] if one < _BY_NUMBER else holders[one - _BY_NUMBER] for one in numbers]
            starts = range(0, len(digits), 2 * _HASH_BYTES)
            yield [digits[start : start + 2 * _HASH_BYTES] for start in starts], persons


class Marks:
    """The identities of a file's rows, as they are read."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._heaps = Heaps(spool)

    def note(self, first_row: int, identities: Sequence[Sequence[bytes]]) -> None:
        """Take the identities of some rows from `first_row` on, the surest of each row first."""
        heaps, pack = self._heaps.open, _MARK.pack
        for row, some in enumerate(identities, first_row):
            for rank, identity in enumerate(some):
                heaps[identity[0]].append(pack(identity, row, rank))
        self._heaps.spill()

    def match(self, rows: int, *, first: int, known: Known | None) -> Matched:
        """Find out whose each of so many rows is; `known` is None where there is nobody yet."""
        shared = Heaps(self._spool)
        holders, new = array("I"), []
        for _, heap in self._heaps.each():
            new.append(self._sorted(heap, known, shared, holders))
            shared.spill()
        matched = Matched(
            first=first,
            owners=array("I", bytes(4 * rows)),
            merged=bytearray(rows),
            enriched=bytearray(rows),
            _holders=holders,
            _new=new,
            _spool=self._spool,
        )
        _judge(shared, matched, holders)
        return matched

    def _sorted(
        self, heap: list[bytes], known: Known | None, shared: Heaps, holders: "array[int]"
    ) -> tuple[Piece, Piece]:
        """One heap in order: new identities go on the spool, and those that several have on `shared` heaps as well."""
        marks = list(_MARK.iter_unpack(b"".join(sorted(heap))))
        owned = _owned([identity for identity, _, _ in marks], known)
        followed = owned.keys() | {one[0] for one, other in pairwise(marks) if one[0] == other[0]}
        single = [mark for mark in marks if mark[0] not in followed]
        new, references = [mark[0] for mark in single], [mark[1] for mark in single]
        for identity, some in groupby((mark for mark in marks if mark[0] in followed), key=itemgetter(0)):
            holders.append(owned.get(identity, 0))
            if identity not in owned:
                new.append(identity)
                references.append(_BY_NUMBER + len(holders) - 1)
            for _, row, rank in some:
                shared.open[row >> _ROWS_OF_A_HEAP].append((row, rank, len(holders) - 1))
        return self._spool.put(b"".join(new)), self._spool.put(array("I", references).tobytes())


def _owned(identities: Sequence[bytes], known: Known | None) -> dict[bytes, int]:
    if known is None:
        return {}
    return {bytes.fromhex(digits): person for digits, person in known([one.hex() for one in identities]).items()}


def _judge(shared: Heaps, matched: Matched, holders: "array[int]") -> None:
    """Number the people. `holders` says of each shared identity whose it is, and learns it here where it is 0."""
    owners, first = matched.owners, matched.first
    number, done = first, 0
    for row, identities in _rows(shared):
        unlike = row - done  # rows in between, whose identities nobody shares: each is a new person
        owners[done:row] = array("I", range(number, number + unlike))
        number, done = number + unlike, row + 1
        person = next((holders[identity] for identity in identities if holders[identity]), 0)
        if person == 0:
            person, number = number, number + 1
        else:
            matched.merged[row] = 1
            if person >= first:
                matched.enriched[person - first] = 1
        owners[row] = person
        for identity in identities:
            holders[identity] = holders[identity] or person
    owners[done:] = array("I", range(number, number + len(owners) - done))


def _rows(shared: Heaps) -> Iterator[tuple[int, list[int]]]:
    """The rows with shared identities in order, each with those, the surest first."""
    for _, heap in shared.each():
        for row, some in groupby(sorted(heap), key=itemgetter(0)):
            yield row, [identity for _, _, identity in some]
