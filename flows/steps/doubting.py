"""People of whom nobody knows whether they were told: a person decides, for a machine must not guess.

`told` is believed like a receipt. `send-again` lets the message in doubt go once more under the same key, by which its
provider can drop it if the first one came through after all.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import incidents, ledger, outcomes, people, verdicts
from db.outcomes import Word
from db.people import Settle
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin.delivery import DECIDED, Outcome, Verdict
from tocsin.errors import Invalid, NotAllowed, NotFound
from tocsin.ledger import EventType

NAMED = 100  # so many people are named on the ledger; of more, one hash of the list


class Decision(StrEnum):
    """What somebody decided of people in doubt."""

    TOLD = "told"
    SEND_AGAIN = "send-again"


def decide(
    house: House, incident: str, decision: Decision, refs: Sequence[str] | None, *, why: str, by: str, now: DateTime
) -> int:
    """Settle or reopen people in doubt, all of them where `refs` is None; returns how many.

    All are done or none: raises NotFound for a ref that nobody has, NotAllowed for somebody who is not in doubt.
    """
    if not why.strip():
        raise Invalid("Say how you know: --reason TEXT.")
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "person.decide", by=by, now=now, incident=incident)
        incidents.lock(session, incident)
        wanted = sorted(set(verdicts.refs_with(session, incident, Verdict.UNCERTAIN) if refs is None else refs))
        numbers = _in_doubt(session, incident, wanted)
        if not numbers:
            return 0
        if decision is Decision.TOLD:
            _believe(session, incident, numbers, now)
        else:
            verdicts.release_doubts(session, incident, numbers, now)
            people.give_new_chance(session, incident, numbers, {Verdict.UNCERTAIN}, now)
        entry = {
            "decision": decision.value,
            "people": len(numbers),
            "refs_sha256": hashlib.sha256("\n".join(wanted).encode()).hexdigest(),
            "refs": wanted[:NAMED] if len(wanted) <= NAMED else [],
            "why": why.strip(),
        }
        ledger.append(session, incident, EventType.PERSON_DECIDED, actor=by, data=entry, at=now)
    return len(numbers)


def _in_doubt(session: Session, incident: str, refs: Sequence[str]) -> list[int]:
    found = verdicts.of_refs(session, incident, refs)
    missing = [ref for ref in refs if ref not in found]
    if missing:
        raise NotFound(
            f"{len(missing)} of {len(refs)} refs are nobody's in incident {incident}, first {missing[0][:40]!r}: "
            "`tocsin roster list` shows them."
        )
    others = [ref for ref, (_, verdict) in found.items() if verdict is not Verdict.UNCERTAIN]
    if others:
        raise NotAllowed(
            f"{len(others)} of {len(refs)} people are not in doubt, first {min(others)}: "
            "only those with the verdict `uncertain` can be decided."
        )
    return [number for number, _ in found.values()]


def _believe(session: Session, incident: str, numbers: Sequence[int], now: DateTime) -> None:
    """Note that the message in doubt arrived; a later bounce of it would still count."""
    latest = {attempt.person_id: attempt for attempt in verdicts.doubts(session, incident, numbers)}
    words = [Word(key=one.key, outcome=Outcome.DELIVERED, at=now, reason=DECIDED) for one in latest.values()]
    outcomes.advance(session, words)
    told = [
        Settle(number, Verdict.DELIVERED, latest[number].channel if number in latest else None, now, DECIDED)
        for number in numbers
    ]
    people.settle_many(session, incident, told)
