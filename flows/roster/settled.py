"""A wave as it is to be stored: set aside whole, and then written in one transaction that others have to wait for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import starmap

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import people
from db.people import NewPerson, Resealed
from flows.roster.matching import Matched
from flows.roster.spool import Piece, Spool
from tocsin.delivery import Verdict

#: The first fields of `NewPerson`: a plain tuple, which can be set aside.
Fresh = tuple[int, int, str, str, str, bytes, bool, bool, bool, bool]

_MAY_BE_REACHED_AFTER_ALL = frozenset({Verdict.NO_ADDRESS, Verdict.UNREACHABLE, Verdict.REFUSED, Verdict.HELD})


@dataclass(kw_only=True)
class Settled:
    """The people of a wave, and what it adds to known ones. `added` counts the new, `merged` rows of all the others."""

    spool: Spool
    incident_id: str
    matched: Matched
    _new: list[Piece] = field(default_factory=list, init=False)
    _resealed: list[Piece] = field(default_factory=list, init=False)
    _gaining: list[Piece] = field(default_factory=list, init=False)

    @property
    def merged(self) -> int:
        """How many rows described somebody who was known, or had a row before."""
        return sum(self.matched.merged)

    @property
    def added(self) -> int:
        """How many people are new."""
        return len(self.matched.owners) - self.merged

    def add(self, new: list[Fresh]) -> None:
        """Set new people aside."""
        self._new.append(self.spool.put_values(new))

    def enrich(self, known: Sequence[Resealed], *, gaining: list[int]) -> None:
        """Set aside what known people are now; those who are gaining have a channel that they had not."""
        self._resealed.append(self.spool.put_values([tuple(one) for one in known]))
        self._gaining.append(self.spool.put_values(gaining))

    def store_new(self, session: Session) -> None:
        """Store the new people, and which identities are now whose."""
        for piece in self._new:
            new = list(starmap(NewPerson, self.spool.get_values(piece)))
            people.insert_many(session, self.incident_id, new)
        for hashes, owners in self.matched.identities():
            self._note(session, hashes, owners)

    def _note(self, session: Session, hashes: Sequence[str], owners: Sequence[int]) -> None:
        first = self.matched.first
        known: list[tuple[str, int]] = []
        if first > 1:
            pairs = list(zip(hashes, owners, strict=True))
            known = [(identity, owner) for identity, owner in pairs if owner < first]
            hashes = [identity for identity, owner in pairs if owner >= first]
            owners = [owner for owner in owners if owner >= first]
        people.load_identities(session, self.incident_id, hashes, owners)
        people.add_identities(session, self.incident_id, known)

    def store_known(self, session: Session, now: DateTime) -> None:
        """Store what known people gained. Nobody is told again; whoever was not reached gets a new chance."""
        for resealed, gaining in zip(self._resealed, self._gaining, strict=True):
            known = [Resealed._make(one) for one in self.spool.get_values(resealed)]
            people.update_sealed_many(session, self.incident_id, known)
            people.give_new_chance(
                session, self.incident_id, self.spool.get_values(gaining), _MAY_BE_REACHED_AFTER_ALL, now
            )
