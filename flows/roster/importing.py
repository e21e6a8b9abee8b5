"""Importing a roster: a file of affected people becomes one wave of an incident, whole or not at all."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import ledger, people, waves
from db.sealing import IncidentKey
from db.sessions import Database
from flows.roster.files import RosterFile, open_roster
from flows.roster.intake import Intake
from flows.roster.rejects import RejectList
from tocsin import columns, roster, whereabouts
from tocsin.columns import Columns
from tocsin.errors import Invalid
from tocsin.ledger import EventType
from tocsin.roster import Candidate, Flaw, Trouble

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
    """Import a roster file as a new wave, in one transaction.

    `mapping` says which column holds a field (`{"email": "Kontakt"}`), `region` the place of rows that name none,
    `rejected` where the list of rejected rows goes (beside the file by default);
    `progress` is told how many rows were read. Raises Invalid in one sentence, with nothing changed, when the file
    cannot be read, holds nobody, or was imported before.
    """
    home = _region(region)
    file = open_roster(path, encoding=encoding, wanted=tuple((mapping or {}).values()))
    used = columns.match(file.header, mapping or {}, source=f"Roster {path}")
    with RejectList(rejected or path.with_name(f"{path.name}.rejected.csv")) as rejects:
        run = _Run(file=file, used=used, region=home, source=f"Roster {path}", rejects=rejects, progress=progress)
        with database.transaction() as session:
            _refuse_repetition(session, incident_id, file, source=run.source)
            wave = waves.open_wave(session, incident_id, file_sha256=file.sha256, at=now, by=by)
            first = people.next_id(session, incident_id)
            intake = Intake(session=session, incident_id=incident_id, wave=wave, key=key, now=now, next_id=first)
            run.into(intake)
            _record(session, incident_id, run, intake, by=by, now=now, reason=reason)
        return run.done(intake, rejects.keep())


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
        """Read every row and store whoever it describes; raises Invalid when nobody is left."""
        batch: list[Candidate] = []
        for person in self._people():
            batch.append(person)
            if len(batch) == BATCH:
                intake.take(batch)
                batch = []
                self.progress(self.rows)
        intake.take(batch)
        self.progress(self.rows)
        if self.rows == 0:
            raise Invalid(f"{self.source} has a heading row and nobody below it: nothing was imported.")
        if intake.added + intake.merged == 0:
            reasons = ", ".join(f"{word} {count}" for word, count in self.rejects.reasons.most_common(3))
            raise Invalid(
                f"{self.source}: not one of its {self.rows} rows makes a person ({reasons}): nothing was imported."
            )

    def _people(self) -> Iterator[Candidate]:
        reader = roster.Reader(self.used, region=self.region)
        for number, cells in self.file.rows(self.used):
            self.rows += 1
            if isinstance(cells, Trouble):
                self._reject(number, (Flaw(trouble=cells),))
                continue
            read = reader.read(number, cells)
            if isinstance(read, roster.Rejected):
                self._reject(number, read.flaws)
                continue
            if read.flaws:
                self.flawed += len(read.flaws)
                self.rejects.add(number, read.flaws, rejected=False)
            yield read

    def _reject(self, number: int, flaws: tuple[Flaw, ...]) -> None:
        self.rejected += 1
        self.rejects.add(number, flaws, rejected=True)

    def done(self, intake: Intake, kept: Path | None) -> Imported:
        """The account of it."""
        return Imported(
            wave=intake.wave,
            rows=self.rows,
            people=intake.added,
            merged=intake.merged,
            rejected=self.rejected,
            flawed=self.flawed,
            rejected_path=kept,
        )


def _refuse_repetition(session: Session, incident_id: str, file: RosterFile, *, source: str) -> None:
    for wave in waves.listed(session, incident_id):
        if wave.file_sha256 == file.sha256:
            raise Invalid(f"{source} was already imported as wave {wave.number}: nothing was changed.")


def _record(
    session: Session, incident_id: str, run: _Run, intake: Intake, *, by: str, now: DateTime, reason: str | None
) -> None:
    counts = {"people": intake.added, "merged": intake.merged, "rejected": run.rejected}
    waves.close_wave(session, incident_id, intake.wave, read=run.rows, **counts, reason=reason)
    entry = {
        **counts,
        "wave": intake.wave,
        "rows": run.rows,
        "flawed": run.flawed,
        "file_sha256": run.file.sha256,
        "encoding": run.file.encoding,
        "columns": sorted({column.field.value for column in run.used.used}),
    }
    ledger.append(session, incident_id, EventType.ROSTER_IMPORTED, actor=by, data=entry, at=now)
