"""Sheets for a call centre: whom to call and what to say, and the same sheet back with what came of it.

A sheet holds names, numbers and words of a notice in clear, so it is a file for its owner only, and the ledger says who
took how many people out of the house, before the file is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import calls, holds, incidents, ledger
from db.calls import NewReport, Task
from db.sealing import IncidentKey, person_aad
from documents import notices
from flows import private_files, records
from flows.steps import calling, halting, notifying
from flows.steps.calling import Recorded
from flows.steps.climbing import Climber
from flows.steps.errands import Approved, Errand
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin import moments, places
from tocsin.calls import Report, result_of
from tocsin.contacts import Contact
from tocsin.delivery import Channel
from tocsin.errors import Invalid, NotAllowed
from tocsin.ledger import EventType
from tocsin.plan import Plan

COLUMNS = (
    "task", "reference", "name", "number", "place", "zone", "language", "not_before", "unanswered", "text",
    "result", "called_at", "call_again_at", "by",
)  # fmt: skip
_LONGEST_NAME = 100  # of a caller
_WANTED = ("task", "result", "called_at")
_HALTED = {
    halting.PAUSED: "the sending is paused",
    halting.CLOSED: "the incident is closed",
    halting.NOT_APPROVED: "the notice is not approved as it stands",
}


@dataclass(frozen=True, kw_only=True)
class Bad:
    """A row of a sheet that was not taken: its line as a spreadsheet counts, and why in a closed word."""

    line: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a sheet brought. `blank` rows say nothing yet of any call."""

    recorded: Recorded
    blank: int
    bad: Sequence[Bad]


def listed(
    house: House, incident: str, *, owner: str | None = None, most: int | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """How many tasks there are by state, owner and last result; and whom is still to be called, without their data."""
    with house.database.reading() as session:
        plan = house.plan(incidents.get(session, incident).plan)
        found = calls.counts(session, incident)
        text = notifying.approved_texts(session, incident, plan).hash if found else None
        owners = None if owner is None else [owner]
        tasks = calls.to_call(session, incident, text_hash=text, now=None, owners=owners, most=most)
    counted = [
        {"state": state, "owner": whose, "last_result": result, "people": number}
        for (state, whose, result), number in sorted(found.items(), key=str)
    ]
    return counted, [_shown(task, plan) for task in tasks]


def export(
    house: House, incident: str, path: Path, *, by: str, owner: str | None = None, taken_from: str | None = None,
    of_list: str | None = None, most: int | None = None,
) -> int:  # fmt: skip
    """Write a sheet of those whose time has come and whom nobody else has taken; returns how many.

    They are `owner`'s from then on, by default `by`'s, and come again when the same owner asks again.
    """
    name = _list_of(house, of_list)

    def rows() -> Iterator[Mapping[str, Any]]:  # asked for once the file can be written
        whose = owner or by
        owners = (None, whose, *((taken_from,) if taken_from else ()))
        with house.database.transaction() as session:
            errand, tasks = _taken_out(house, session, incident, name, owners=owners, by=by, most=most)
            calls.give_to(session, incident, [task.key for task in tasks], whose)
            entry = {"list": name, "people": len(tasks), "owner": whose}
            ledger.append(session, incident, EventType.CALLS_EXPORTED, actor=by, data=entry, at=house.now())
        for task in tasks:
            yield _row(task, errand.approved, errand.key, errand.climber.plan, incident)

    return private_files.write(path, COLUMNS, rows())


def read_back(
    house: House, incident: str, path: Path, *, by: str, zone: str | None = None, encoding: str | None = None
) -> Read:
    """Take a sheet in: every row that can be taken, in one transaction, and the others by line and reason.

    Times without an offset are read in `zone`, by default the plan's own. The same sheet may come again.
    """
    sheet = records.open_records(path, encoding=encoding, wanted=_WANTED)
    headings = [heading.strip().lower() for heading in sheet.header]
    missing = [name for name in _WANTED if name not in headings]
    if missing:
        raise Invalid(f"{path} has no column {missing[0]!r}: send back the sheet that `tocsin calls export` wrote.")
    lines = sheet.rows()
    now = house.now()
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "call.record", by=by, now=now, incident=incident)
        incidents.lock(session, incident)
        tz = zone or house.plan(incidents.get(session, incident).plan).organisation.zone
        reading = _Reading(session, incident, headings, lines, zone=_known_zone(tz), by=by, now=now)
        good, blank, bad = reading.read()
        done = calling.take(house, session, incident, good, by=by, now=now)
    return Read(recorded=done, blank=blank, bad=bad)


def _taken_out(
    house: House, session: Session, incident: str, name: str, *, owners: Sequence[str | None], by: str, most: int | None
) -> tuple[Errand, list[Task]]:
    record, now = must_be_open(session, incident), house.now()
    must_be_allowed(session, "call.export", by=by, now=now, incident=incident)
    incidents.lock(session, incident)
    calls.open_missing(session, [name], now, incident_id=incident)
    plan = house.plan(record.plan)
    errand = Errand(
        house=house,
        incident=incident,
        climber=Climber(plan=plan, providers=house.settings.providers, deadline=None),
        approved=notifying.approved_texts(session, incident, plan),
        key=house.master_key.incident_key(record.sealed_key, incident),
        hold=holds.last_number(session, incident),
    )
    halted = halting.why_not(errand, session)
    if halted is not None:
        raise NotAllowed(f"Nobody may be called about incident {incident} now: {_HALTED.get(halted, halted)}.")
    return errand, calls.to_call(
        session, incident, text_hash=errand.approved.hash, now=now, of_list=name, owners=owners, most=most,
        held=holds.held(session, incident),
    )  # fmt: skip


def _list_of(house: House, wanted: str | None) -> str:
    names = calling.lists(house)
    if wanted is not None and wanted not in names:
        raise Invalid(f"{wanted!r} is no list of people to be called: the settings have {', '.join(names) or 'none'}.")
    if wanted is None and len(names) != 1:
        raise Invalid(
            "There is no list of people to be called: add a provider of channel phone with the url calls://."
            if not names
            else f"There are {len(names)} lists, each for its own places: say which with --list ({', '.join(names)})."
        )
    return wanted or names[0]


def _row(task: Task, approved: Approved, key: IncidentKey, plan: Plan, incident: str) -> dict[str, Any]:
    contact = Contact.from_bytes(key.open(task.sealed, person_aad(incident, task.person_id)))
    text, code = approved.for_language(task.language), task.key[-10:]  # as in a message
    said = notices.render(text, person_name=contact.name or None, channel=Channel.PHONE, code=code)
    return {
        **_shown(task, plan),
        "reference": code,
        "name": contact.name,
        "number": contact.address(Channel.PHONE),
        "language": text.language,
        "text": said.text,
    }


def _shown(task: Task, plan: Plan) -> dict[str, Any]:
    zone = places.zone(task.place) if places.known(task.place) else plan.organisation.zone
    return {
        "task": task.key,
        "list": task.provider,
        "place": task.place,
        "zone": zone,
        "language": task.language,
        "not_before": task.not_before.in_timezone(zone).isoformat() if task.not_before else None,
        "unanswered": task.tries,
        "last_result": task.last_result,
        "owner": task.owner,
    }


def _known_zone(name: str) -> str:
    try:
        moments.named_zone(name)
    except ValueError as error:
        raise Invalid(f"--zone {error}.") from None
    return name


class _Reading:
    """One sheet, judged row by row against the tasks that there are."""

    def __init__(
        self, session: Session, incident: str, headings: Sequence[str], lines: Sequence[tuple[int, Sequence[str]]], *,
        zone: str, by: str, now: DateTime,
    ) -> None:  # fmt: skip
        self._lines = [
            (number, dict(zip(headings, (cell.strip() for cell in row), strict=False)), len(row) == len(headings))
            for number, row in lines
        ]
        self._zone, self._by, self._now = zone, by, now
        keys = {cells.get("task", "").lower() for _, cells, _ in self._lines}
        self._tasks = calls.by_keys(session, incident, keys)
        told = calls.reports_of(session, incident, self._tasks)
        self._known = {(key, one.at): one for key, some in told.items() for one in some}

    def read(self) -> tuple[list[NewReport], int, list[Bad]]:
        """The rows that can be taken, how many say nothing yet, and the others."""
        good: list[NewReport] = []
        bad: list[Bad] = []
        blank = 0
        for number, cells, whole in self._lines:
            if whole and not cells.get("result"):
                blank += 1
                continue
            try:
                good.append(self._report(cells, whole=whole))
            except ValueError as error:
                bad.append(Bad(line=number, why=str(error)))
        return good, blank, bad

    def _report(self, cells: Mapping[str, str], *, whole: bool) -> NewReport:
        task = self._tasks.get(cells.get("task", "").lower()) if whole else None
        if task is None:
            raise ValueError("task-unknown" if whole else "column-count")
        result = result_of(cells["result"])
        if result is None:
            raise ValueError("result-unknown")
        report = Report(
            at=self._moment(cells["called_at"], "called-at-unreadable"),
            result=result,
            call_again_at=self._moment(cells["call_again_at"], "call-again-at-unreadable")
            if cells.get("call_again_at")
            else None,
        )
        if calling.impossible(task, report, now=self._now) is not None:
            raise ValueError("time-impossible")
        if self._known.setdefault((task.key, report.at), report) != report:
            raise ValueError("known-otherwise")
        return NewReport(key=task.key, report=report, by=(cells.get("by") or self._by)[:_LONGEST_NAME])

    def _moment(self, text: str, why: str) -> DateTime:
        """A time with an offset, or one as people write it in the sheet's zone."""
        for value in (text, {"at": text, "zone": self._zone}):
            try:
                return moments.parse(value).in_timezone("UTC")
            except ValueError:
                continue
        raise ValueError(why)
