"""Candidates made into people who can be stored: set aside, matched, merged and sealed, in no transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from db import people
from db.people import Resealed
from db.sealing import IncidentKey, person_aad
from db.sessions import Database
from flows.roster.matching import Marks, Matched
from flows.roster.settled import Fresh, Settled
from flows.roster.spool import Heaps, Piece, Spool
from tocsin import contacts, roster
from tocsin.contacts import Contact
from tocsin.delivery import Channel
from tocsin.roster import Candidate

_PEOPLE_OF_A_HEAP = 12  # as a power of two
_CHANNELS = _PUSH, _EMAIL, _SMS, _PHONE = Channel.PUSH, Channel.EMAIL, Channel.SMS, Channel.PHONE

_Described = tuple[bytes, tuple[bool, bool, bool, bool], str, str]  # contact, has which channel, place, stated language
_Numbered = tuple[int, bytes, tuple[bool, bool, bool, bool], str, str]  # the same behind the person's number


@dataclass(kw_only=True)
class Intake:
    """The people of one file. `count` says how many rows described somebody."""

    spool: Spool
    incident_id: str
    key: IncidentKey
    count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._marks = Marks(self.spool)
        self._batches: list[Piece] = []

    def take(self, batch: Sequence[Candidate]) -> None:
        """Set a batch aside."""
        self._marks.note(self.count, [self.key.identities(roster.identities(person)) for person in batch])
        self._batches.append(self.spool.put_values([_described(person) for person in batch]))
        self.count += len(batch)

    def settle(self, database: Database, *, wave: int, first: int) -> Settled:
        """Everybody as they are to be stored, if the wave has this number and the first new person that one."""

        def known(hashes: Sequence[str]) -> Mapping[str, int]:
            with database.reading() as session:
                return people.known(session, self.incident_id, hashes)

        matched = self._marks.match(self.count, first=first, known=known if first > 1 else None)
        settled = Settled(spool=self.spool, incident_id=self.incident_id, matched=matched)
        together, row = Heaps(self.spool), 0
        for piece in self._batches:
            batch: list[_Described] = self.spool.get_values(piece)
            settled.add(self._alone(batch, row, matched, wave, together))
            row += len(batch)
            together.spill()
        for _, heap in together.each():
            self._unite(database, heap, wave, settled)
        return settled

    def _alone(
        self, batch: Sequence[_Described], row: int, matched: Matched, wave: int, together: Heaps
    ) -> list[Fresh]:
        """The new people of a batch who have one row each; rows of all others are thrown on heaps."""
        owners, first, enriched = matched.owners[row : row + len(batch)], matched.first, matched.enriched
        alone = []
        for described, number, merged in zip(batch, owners, matched.merged[row : row + len(batch)], strict=True):
            if merged or enriched[number - first]:
                together.open[number >> _PEOPLE_OF_A_HEAP].append((number, *described))
            else:
                alone.append((number, *described))
        return self._fresh(wave, alone)

    def _fresh(self, wave: int, new: Sequence[_Numbered]) -> list[Fresh]:
        ref, usual, incident_id = self.key.ref, roster.usual_language, self.incident_id
        contacts_sealed = self.key.seal_many([(one[1], person_aad(incident_id, one[0])) for one in new])
        return [
            (number, wave, ref(f"person {number}"), place, language or usual(place), sealed, *has)
            for (number, _, has, place, language), sealed in zip(new, contacts_sealed, strict=True)
        ]

    def _sealed(self, number: int, contact: bytes) -> bytes:
        return self.key.seal(contact, person_aad(self.incident_id, number))

    def _unite(self, database: Database, heap: Sequence[Any], wave: int, settled: Settled) -> None:
        """Make one person of all rows of each: a new one, or more of a known one."""
        by_number = itemgetter(0)
        rows = groupby(sorted(heap, key=by_number), key=by_number)
        described = {number: [_candidate(*one[1:]) for one in some] for number, some in rows}
        first = settled.matched.first
        new = []
        for number, some in described.items():
            if number >= first:
                person = some[0]
                for another in some[1:]:
                    person = roster.merge(person, another)
                new.append((number, *_described(person)))
        settled.add(self._fresh(wave, new))
        self._enrich(database, {number: some for number, some in described.items() if number < first}, settled)

    def _enrich(self, database: Database, additions: Mapping[int, Sequence[Candidate]], settled: Settled) -> None:
        """Add to known people what this file says of them. Only an import changes what is sealed, and one at a time."""
        if not additions:
            return
        with database.reading() as session:
            found = people.get_many(session, self.incident_id, list(additions))
        resealed, gaining = [], []
        for number, added in additions.items():
            sealed = found[number].sealed
            before = Contact.from_bytes(self.key.open(sealed, person_aad(self.incident_id, number)))
            after = roster.enrich(before, added)
            if after == before:
                continue
            has = (channel in after.addresses for channel in _CHANNELS)
            resealed.append(Resealed(number, self._sealed(number, after.to_bytes()), *has))
            if set(after.addresses) - set(before.addresses):
                gaining.append(number)
        settled.enrich(resealed, gaining=gaining)


def _described(person: Candidate) -> _Described:
    _, account, name, addresses, place, language, _ = person
    has = (_PUSH in addresses, _EMAIL in addresses, _SMS in addresses, _PHONE in addresses)
    return contacts.written(name, account, addresses), has, place, language


def _candidate(contact: bytes, _: tuple[bool, ...], place: str, language: str) -> Candidate:
    said = Contact.from_bytes(contact)
    return Candidate(
        row=0, account=said.account, name=said.name, addresses=said.addresses, place=place, language=language
    )
