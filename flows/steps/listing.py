"""What became of people: counts, and the list behind each, with addresses masked unless somebody says why not."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pendulum import DateTime

from db import incidents, ledger, verdicts
from db.sealing import IncidentKey, person_aad
from db.verdicts import OPEN, Listed, Tally
from flows import private_files
from flows.steps.guarding import must_be_allowed
from flows.wiring import House
from tocsin import masking
from tocsin.contacts import Contact
from tocsin.delivery import Channel, Verdict
from tocsin.errors import Invalid
from tocsin.ledger import EventType

COLUMNS = (
    "ref", "wave", "place", "language", "verdict", "reason", "channel", "at",
    "last_channel", "last_provider", "last_outcome", "last_reason", "last_code", "last_at",
    "name", *(channel.value for channel in Channel),
)  # fmt: skip


def tallies(house: House, incident: str) -> list[Tally]:
    """How many people have which verdict, all seven of them, and how many have none yet."""
    with house.database.reading() as session:
        incidents.get(session, incident)
        return verdicts.tally(session, incident)


def listed(
    house: House,
    incident: str,
    verdict: str,
    *,
    reason: str | None = None,
    most: int | None = None,
    masked: bool = True,
) -> Iterator[dict[str, Any]]:
    """The people with a verdict, one row each. Whoever wants them unmasked calls `unmasked` first."""
    shown = masking.masked if masked else masking.plain
    with house.database.reading() as session:
        key = _key(house, incidents.get(session, incident).sealed_key, incident)
        for person in verdicts.listed(session, incident, known(verdict), reason=reason, most=most):
            yield _row(person, {} if key is None else shown(_contact(key, incident, person)))


def unmask(house: House, incident: str, verdict: str, *, reason: str | None, why: str, by: str, now: DateTime) -> None:
    """Write down that somebody looks at people's names and addresses, how many, and why; before they are shown."""
    if not why.strip():
        raise Invalid("Say why the addresses are looked at: --unmask TEXT.")
    with house.database.transaction() as session:
        must_be_allowed(session, "person.unmask", by=by, now=now, incident=incident)
        found = next(tally for tally in verdicts.tally(session, incident) if tally.verdict == known(verdict))
        people = found.people if reason is None else found.by["reason"].get(reason, 0)
        entry = {"verdict": verdict, "verdict_reason": reason, "people": people, "why": why.strip()}
        ledger.append(session, incident, EventType.PERSON_UNMASKED, actor=by, data=entry, at=now)


def to_csv(rows: Iterator[Mapping[str, Any]], path: Path) -> int:
    """Write a list to a file that only its owner can read; returns how many people are in it."""
    return private_files.write(path, COLUMNS, rows)


def known(verdict: str) -> str:
    """A verdict that there is; raises Invalid."""
    words = (*(one.value for one in Verdict), OPEN)
    if verdict not in words:
        raise Invalid(f"{verdict!r} is no verdict: take one of {', '.join(words)}.")
    return verdict


def _key(house: House, sealed: bytes | None, incident: str) -> IncidentKey | None:
    """The key, or None where it was destroyed and with it who the people are."""
    return None if sealed is None else house.master_key.incident_key(sealed, incident)


def _contact(key: IncidentKey, incident: str, person: Listed) -> Contact:
    return Contact.from_bytes(key.open(person.sealed, person_aad(incident, person.id)))


def _row(person: Listed, who: Mapping[str, str]) -> dict[str, Any]:
    last = person.last
    heard = (last.settled_at or last.claimed_at) if last else None
    return {
        "ref": person.ref,
        "wave": person.wave,
        "place": person.place,
        "language": person.language,
        "verdict": person.verdict,
        "reason": person.reason,
        "channel": person.channel,
        "at": person.at.isoformat() if person.at else None,
        "last_channel": last.channel.value if last else None,
        "last_provider": last.provider if last else None,
        "last_outcome": last.outcome.value if last else None,
        "last_reason": last.reason if last else None,
        "last_code": last.code if last else None,
        "last_at": heard.isoformat() if heard else None,
        **who,
    }
