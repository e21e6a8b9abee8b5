"""Importing a roster: a file of affected people becomes one wave of an incident, whole or not at all."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import ledger, people, waves
from db.sealing import IncidentKey
from db.sessions import Database
from flows.roster.files import RosterFile, open_roster
from flows.roster.intake import Intake
from flows.roster.rejects import RejectList
from flows.roster.settled import Settled
from flows.roster.spool import Spool
from flows.steps.guarding import must_be_open
from tocsin import columns, roster, whereabouts
from tocsin.columns import Columns
from tocsin.errors import Invalid
from tocsin.ledger import EventType
from tocsin.roster import Candidate, Flaw, Rejected, Trouble

BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did.

    Of `rows`, `people` are new, `merged` were somebody already known, `rejected` made no person. `flawed` counts values
    that were dropped from people who were kept. `rejected_path` lists the last two, and is None when there are none.
    """

    wave: int
    rows: int
    people: int
    merged: int
    rejected: int
    flawed: int
    rejected_path: Path | None

    def document(self) -> dict[str, Any]:
        """The same as plain data, for `--json`."""
        return {**asdict(self), "rejected_path": str(self.rejected_path) if self.rejected_path else None}


def import_roster(
    database: Database,
    incident_id: str,
    path: Path,
    *,
    key: IncidentKey,
    by: str,
    now: DateTime,
    mapping: Mapping[str, str] | None = None,
    encoding: str | None = None,
    region: str | None = None,
    rejected: Path | None = None,
    reason: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Imported:
    """Import a roster file as a new wave.

    Reading, matching and sealing take their time and touch nothing; one transaction at the end stores the whole wave.

    `mapping` says which column holds a field (`{"email": "Kontakt"}`), `region` the place of rows that name none,
    `rejected` where the list of rejected rows goes (beside the file by default);
    `progress` is told how many rows were read. Raises Invalid in one sentence, with nothing changed, when the file
    cannot be read, holds nobody, or was imported before.
    """
    home = _region(region)
    file = open_roster(path, encoding=encoding, wanted=tuple((mapping or {}).values()))
    used = columns.match(file.header, mapping or {}, source=f"Roster {path}")
    place = rejected or path.with_name(f"{path.name}.rejected.csv")
    with RejectList(place) as rejects, Spool(place.parent) as spool, _without_searching_the_rest_for_garbage():
        run = _Run(file=file, used=used, region=home, source=f"Roster {path}", rejects=rejects, progress=progress)
        intake = Intake(spool=spool, incident_id=incident_id, key=key)
        writing = _Writing(database=database, incident_id=incident_id, run=run, by=by, now=now, reason=reason)
        writing.turn()  # refuses what need not be read
        run.into(intake)
        return run.done(writing.store(intake), rejects.keep())


@contextmanager
def _without_searching_the_rest_for_garbage() -> Iterator[None]:
    """What lived before the import is not looked through again and again while it makes millions of values."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _region(text: str | None) -> str:
    code = whereabouts.code_of(text) if text else ""
    if code is None:
        raise Invalid(f"--region {text}: there is no such place; give an ISO 3166 code such as CN, DE or US-CA.")
    return code


@dataclass(kw_only=True)
class _Run:
    """One reading of one file."""

    file: RosterFile
    used: Columns
    region: str
    source: str
    rejects: RejectList
    progress: Callable[[int], None]
    rows: int = 0
    rejected: int = 0
    flawed: int = 0

    def into(self, intake: Intake) -> None:
        """Read every row and take whoever it describes; raises Invalid when nobody is left."""
        read, batch = roster.Reader(self.used, region=self.region).read, list[Candidate]()
        for number, cells in self.file.rows(self.used):
            self.rows += 1
            person = _broken(number, cells) if isinstance(cells, Trouble) else read(number, cells)
            if isinstance(person, Rejected):
                self._reject(person)
                continue
            if person.flaws:
                self.flawed += len(person.flaws)
                self.rejects.add(number, person.flaws, rejected=False)
            batch.append(person)
            if len(batch) == BATCH:
                intake.take(batch)
                batch.clear()
                self.progress(self.rows)
        intake.take(batch)
        self.progress(self.rows)
        if self.rows == 0:
            raise Invalid(f"{self.source} has a heading row and nobody below it: nothing was imported.")
        if intake.count == 0:
            reasons = ", ".join(f"{word} {count}" for word, count in self.rejects.reasons.most_common(3))
            raise Invalid(
                f"{self.source}: not one of its {self.rows} rows makes a person ({reasons}): nothing was imported."
            )

    def _reject(self, row: Rejected) -> None:
        self.rejected += 1
        self.rejects.add(row.row, row.flaws, rejected=True)

    def done(self, stored: "_Stored", kept: Path | None) -> Imported:
        """The account of it."""
        return Imported(
            wave=stored.wave,
            rows=self.rows,
            people=stored.people,
            merged=stored.merged,
            rejected=self.rejected,
            flawed=self.flawed,
            rejected_path=kept,
        )


def _broken(number: int, trouble: Trouble) -> Rejected:
    return Rejected(row=number, flaws=(Flaw(trouble=trouble),))


class _Turn(NamedTuple):
    """What comes next in an incident: the number of its next wave, and of the next person."""

    wave: int
    person: int


class _Stored(NamedTuple):
    """A wave in the database, with its numbers of new people and of rows that described known ones."""

    wave: int
    people: int
    merged: int


@dataclass(frozen=True, kw_only=True)
class _Writing:
    """Storing one wave: whole, and after whichever other import came first."""

    database: Database
    incident_id: str
    run: _Run
    by: str
    now: DateTime
    reason: str | None

    def turn(self) -> _Turn:
        """What comes next; raises Invalid if this file was imported before, NotFound for an unknown incident."""
        return self.database.transact(self._turn)

    def store(self, intake: Intake) -> _Stored:
        """Match the people with those who are there and store them; again, if another import ended meanwhile."""
        while True:
            turn = self.turn()
            settled = intake.settle(self.database, wave=turn.wave, first=turn.person)
            stored = self.database.transact(partial(self._write, turn, settled))
            if stored is not None:
                return stored

    def _turn(self, session: Session) -> _Turn:
        earlier = waves.listed(session, self.incident_id)
        for wave in earlier:
            if wave.file_sha256 == self.run.file.sha256:
                raise Invalid(f"{self.run.source} was already imported as wave {wave.number}: nothing was changed.")
        person = people.next_id(session, self.incident_id)
        return _Turn(wave=1 + max((wave.number for wave in earlier), default=0), person=person)

    def _write(self, turn: _Turn, settled: Settled, session: Session) -> _Stored | None:
        """Everything at once, or nothing. The incident, which others write too, is locked for the last part only."""
        with people.enrolling(session, self.incident_id, new=settled.added):
            if 1 + max((wave.number for wave in waves.listed(session, self.incident_id)), default=0) != turn.wave:
                return None
            settled.store_new(session)
        wave = waves.open_wave(session, self.incident_id, file_sha256=self.run.file.sha256, at=self.now, by=self.by)
        must_be_open(session, self.incident_id)  # it may have been closed while the file was read
        settled.store_known(session, self.now)
        counts = {"people": settled.added, "merged": settled.merged, "rejected": self.run.rejected}
        waves.close_wave(session, self.incident_id, wave, read=self.run.rows, **counts, reason=self.reason)
        ledger.append(
            session,
            self.incident_id,
            EventType.ROSTER_IMPORTED,
            actor=self.by,
            data=self._entry(wave, counts),
            at=self.now,
        )
        return _Stored(wave=wave, people=settled.added, merged=settled.merged)

    def _entry(self, wave: int, counts: Mapping[str, int]) -> dict[str, Any]:
        run = self.run
        return {
            **counts,
            "wave": wave,
            "rows": run.rows,
            "flawed": run.flawed,
            "file_sha256": run.file.sha256,
            "encoding": run.file.encoding,
            "columns": sorted({column.field.value for column in run.used.used}),
        }
