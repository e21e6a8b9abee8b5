"""Opening the sending of a text: for everybody, or for chosen people while the others wait to be asked for.

What runs by itself never goes beyond chosen people: the sending to all is for a person to ask for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import chosen, incidents, ledger, people, waves
from flows.wiring import House
from tocsin.errors import NotFound
from tocsin.ledger import EventType
from tocsin.roles import MACHINE

BY_ITSELF = MACHINE


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Some people only: these numbers (None: anybody), and of them the first so many (None: all)."""

    people: tuple[int, ...] | None = None
    most: int | None = None


def people_of(house: House, incident: str, refs: Sequence[str]) -> tuple[int, ...]:
    """The numbers of people by their refs; raises NotFound, naming one, if any of them is not on the roster."""
    with house.database.reading() as session:
        incidents.get(session, incident)
        found = chosen.numbers(session, incident, refs)
    unknown = [ref for ref in refs if ref not in found]
    if unknown:
        others = f" and {len(unknown) - 1} others" if len(unknown) > 1 else ""
        raise NotFound(
            f"Nobody on the roster of {incident} has the ref {unknown[0]}{others}: "
            "take refs as `tocsin roster list` shows them."
        )
    return tuple(sorted(found.values()))


def unopened(session: Session, incident: str, text_hash: str) -> list[int]:
    """The waves to which the sending of a text was not opened yet."""
    begun = ledger.listed(session, incident, event_type=EventType.SENDING_STARTED)
    opened = {entry.data.get("wave") for entry in begun if entry.data.get("text") == text_hash}
    return [wave.number for wave in waves.listed(session, incident) if wave.number not in opened]


def held_back(session: Session, incident: str, text_hash: str) -> bool:
    """Whether a text went to chosen people only so far, so that the others wait for somebody who asks for them."""
    begun = ledger.listed(session, incident, event_type=EventType.SENDING_STARTED)
    entries = [entry.data for entry in begun if entry.data.get("text") == text_hash]
    return bool(entries) and not any("wave" in entry for entry in entries)


def open_sending(
    session: Session, incident: str, text_hash: str, choice: Choice | None, *, by: str, now: DateTime
) -> None:
    """Open the sending of a text once for each wave; its people become due, and nobody of an earlier wave again.

    With a choice only the chosen ones become due, and the waves stay as they are.
    """
    if choice is None and by == BY_ITSELF and held_back(session, incident, text_hash):
        return
    left = unopened(session, incident, text_hash)
    if choice is not None:
        _open_to_chosen(session, incident, text_hash, choice, left, by=by, now=now)
        return
    for number in left:
        total = people.mark_all_due(session, incident, number, now)
        entry = {"text": text_hash, "wave": number, "people": total}
        ledger.append(session, incident, EventType.SENDING_STARTED, actor=by, data=entry, at=now)


def _open_to_chosen(
    session: Session, incident: str, text_hash: str, choice: Choice, left: Sequence[int], *, by: str, now: DateTime
) -> None:
    if not left:
        return
    total = chosen.mark_due(session, incident, left, now, people=choice.people, most=choice.most, text_hash=text_hash)
    entry = {"text": text_hash, "chosen": total}
    ledger.append(session, incident, EventType.SENDING_STARTED, actor=by, data=entry, at=now)
