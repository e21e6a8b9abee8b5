"""The roster of an incident, imported as a new wave."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pendulum import DateTime

from flows.roster import importing
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin.errors import Invalid


def enrol(
    house: House,
    incident: str,
    file: Path,
    *,
    mapping: Sequence[str],
    by: str,
    now: DateTime,
    encoding: str | None = None,
    region: str | None = None,
    rejected: Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> importing.Imported:
    """Import a file as a new wave: all of it, or nothing."""
    with house.database.transaction() as session:
        record = must_be_open(session, incident)
        must_be_allowed(session, "roster.import", by=by, now=now, incident=incident)
    return importing.import_roster(
        house.database,
        incident,
        file,
        key=house.master_key.incident_key(record.sealed_key, incident),
        by=by,
        now=now,
        mapping=pairs(mapping),
        encoding=encoding,
        region=region,
        rejected=rejected,
        progress=progress,
    )


def pairs(mapping: Sequence[str]) -> dict[str, str]:
    """`FIELD=COLUMN` options as a dictionary."""
    found = {}
    for item in mapping:
        field, equals, column = item.partition("=")
        if not equals or not field or not column:
            raise Invalid(f"--map {item!r} is not FIELD=COLUMN: write for example --map email=Mail.")
        found[field.strip()] = column.strip()
    return found
