"""Batches of candidates made into stored people: found again, merged, sealed, inserted.

Everything happens in the caller's transaction.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import people
from db.sealing import IncidentKey, person_aad
from tocsin import roster
from tocsin.contacts import Contact
from tocsin.delivery import Channel, Verdict
from tocsin.roster import Candidate

_MAY_BE_REACHED_AFTER_ALL = frozenset({Verdict.NO_ADDRESS, Verdict.UNREACHABLE, Verdict.HELD})


@dataclass(kw_only=True)
class Intake:
    """One import into one incident. `added` and `merged` count as it goes."""

    session: Session
    incident_id: str
    wave: int
    key: IncidentKey
    now: DateTime
    next_id: int
    added: int = field(default=0, init=False)
    merged: int = field(default=0, init=False)

    def take(self, batch: Sequence[Candidate]) -> None:
        """Store a batch: new people as new, known people with whatever this file adds to them."""
        marks = [[self.key.identity(text) for text in roster.identities(person)] for person in batch]
        known = people.known(self.session, self.incident_id, [mark for some in marks for mark in some])
        fresh: list[Candidate] = []
        place_of: dict[str, int] = {}
        additions: dict[int, list[Candidate]] = defaultdict(list)
        for person, its_marks in zip(batch, marks, strict=True):
            owner = next((known[mark] for mark in its_marks if mark in known), None)
            place = next((place_of[mark] for mark in its_marks if mark in place_of), None)
            if owner is not None:
                additions[owner].append(person)
            elif place is not None:
                fresh[place] = roster.merge(fresh[place], person)
                place_of.update((mark, place) for mark in its_marks if mark not in place_of)
            else:
                place_of.update((mark, len(fresh)) for mark in its_marks)
                fresh.append(person)
        self._insert(fresh, place_of)
        self._add_to_known(additions)
        self.merged += len(batch) - len(fresh)

    def _insert(self, fresh: Sequence[Candidate], place_of: dict[str, int]) -> None:
        first = self.next_id
        people.insert_many(
            self.session, self.incident_id, [self._new(first + place, one) for place, one in enumerate(fresh)]
        )
        people.add_identities(
            self.session, self.incident_id, [(mark, first + place) for mark, place in place_of.items()]
        )
        self.next_id += len(fresh)
        self.added += len(fresh)

    def _new(self, number: int, person: Candidate) -> people.NewPerson:
        return people.NewPerson(
            id=number,
            wave=self.wave,
            ref=self.key.ref(f"person {number}"),
            place=person.place,
            language=person.language or roster.usual_language(person.place),
            sealed=self._sealed(number, roster.contact(person)),
            has_push=Channel.PUSH in person.addresses,
            has_email=Channel.EMAIL in person.addresses,
            has_sms=Channel.SMS in person.addresses,
            has_phone=Channel.PHONE in person.addresses,
        )

    def _sealed(self, number: int, contact: Contact) -> bytes:
        return self.key.seal(contact.to_bytes(), person_aad(self.incident_id, number))

    def _add_to_known(self, additions: dict[int, list[Candidate]]) -> None:
        """Give known people what this file adds. Nobody is told again; whoever was not reached gets a new chance."""
        found = people.get_many(self.session, self.incident_id, list(additions))
        resealed, new_chances, marks = [], [], []
        for number, added in additions.items():
            person = found[number]
            before = Contact.from_bytes(self.key.open(person.sealed, person_aad(self.incident_id, number)))
            after = roster.enrich(before, added)
            marks += [(self.key.identity(text), number) for one in added for text in roster.identities(one)]
            if after == before:
                continue
            resealed.append(self._resealed(number, after))
            gained = set(after.addresses) - set(before.addresses)
            if gained and person.verdict in _MAY_BE_REACHED_AFTER_ALL:
                new_chances.append((number, self.now))
        people.update_sealed_many(self.session, self.incident_id, resealed)
        people.add_identities(self.session, self.incident_id, marks)
        people.reopen_many(self.session, self.incident_id, new_chances)

    def _resealed(self, number: int, contact: Contact) -> people.Resealed:
        return people.Resealed(
            id=number,
            sealed=self._sealed(number, contact),
            has_push=Channel.PUSH in contact.addresses,
            has_email=Channel.EMAIL in contact.addresses,
            has_sms=Channel.SMS in contact.addresses,
            has_phone=Channel.PHONE in contact.addresses,
        )
