"""What people answer to the watch: acknowledged, later, and why it was late. Each by name and on the ledger."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import alarms as outbox
from db import duties as duty_store
from db import ledger, watch
from db.tables import Duty
from db.watch_tables import DutyWatch, WarningMessage
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin.alarms import DUE
from tocsin.errors import Invalid, NotAllowed
from tocsin.ledger import EventType

LONGEST_SNOOZE = timedelta(days=7)
MOST_LETTERS = 4000


@dataclass(frozen=True, kw_only=True)
class Late:
    """A duty that is, or was, done late: since when, by how much, and why as far as somebody said."""

    incident: str
    duty: str
    to: str
    due: DateTime
    late_seconds: int
    done_at: DateTime | None
    reason: str | None


def acknowledge(house: House, incident: str, subject: str, *, by: str, now: DateTime) -> int:
    """Say that somebody has it in hand; returns how many messages will not be sent or passed on.

    Nobody else is asked, and an overdue duty is not repeated. A later step of the same duty is a new warning, and so is
    the same step once the deadline has moved.
    """

    def answer(session: Session) -> int:
        _guard(session, "warning.acknowledge", incident, by=by, now=now)
        step = _last_step(session, incident, subject)
        stopped = outbox.answered(session, incident, subject, now=now)
        if not subject.startswith(outbox.OTHERS):
            duty = duty_store.get(session, incident, subject)
            memory = {"acked_at": now, "acked_by": by, "acked_step": step, "acked_target": duty.target}
            outbox.remember(session, incident, subject, **memory)
            _look_again(session, duty, now)
        entry = {**_named(subject), "step": step}
        ledger.append(session, incident, EventType.WARNING_ACKNOWLEDGED, actor=by, data=entry, at=now)
        return stopped

    return house.database.transact(answer)


def snooze(
    house: House, incident: str, duty: str, *, length: timedelta, reason: str, by: str, now: DateTime
) -> DateTime:
    """Warn nobody of a duty for so long; returns until when. The warning at the due time itself is never put off."""
    if not timedelta() < length <= LONGEST_SNOOZE:
        raise Invalid("A snooze is longer than nothing and at most seven days: write --for PT1H or --for P1D.")
    until = now + length

    def answer(session: Session) -> DateTime:
        _guard(session, "warning.acknowledge", incident, by=by, now=now)
        found = duty_store.get(session, incident, duty)
        _must_press(found)
        why = _text(reason)
        outbox.remember(session, incident, duty, snoozed_until=until, snoozed_by=by, snooze_reason=why)
        outbox.put_off(session, incident, duty, until, but=DUE)
        _look_again(session, found, now)
        entry = {"duty": duty, "until": until.isoformat(), "reason_sha256": _digest(why)}
        ledger.append(session, incident, EventType.WARNING_SNOOZED, actor=by, data=entry, at=now)
        return until

    return house.database.transact(answer)


def explain_delay(house: House, incident: str, duty: str, *, reason: str, by: str, now: DateTime) -> Late:
    """Keep why a duty is late, as laws want it said with a late filing; reports that ask for it take it up.

    The latest words count. The ledger holds their hash, for they may name people.
    """

    def answer(session: Session) -> Late:
        _guard(session, "duty.done", incident, by=by, now=now)
        found = duty_store.get(session, incident, duty)
        if found.overdue_at is None and not (found.status == "owed" and found.due is not None and found.due < now):
            raise NotAllowed(f"Duty {duty!r} of incident {incident} is not late: there is no delay to explain.")
        why = _text(reason)
        outbox.remember(session, incident, duty, late_reason=why, late_by=by, late_at=now)
        late = _late(found, why, now)
        entry = {"duty": duty, "late_seconds": late.late_seconds, "reason_sha256": _digest(why)}
        ledger.append(session, incident, EventType.DUTY_DELAY_EXPLAINED, actor=by, data=entry, at=now)
        return late

    return house.database.transact(answer)


def delays(session: Session, incident: str, duties: set[str]) -> str | None:
    """The reasons given for duties that were late, as one text for a report; None where nobody gave one."""
    keys = {duty.key: duty for duty in duty_store.listed(session, incident) if duty.id in duties}
    given = {key: why for key, why in outbox.late_reasons(session, incident).items() if key in keys}
    return "\n\n".join(dict.fromkeys(given[key] for key in sorted(given))) or None


def late(house: House, incidents: list[str]) -> list[Late]:
    """Every duty that was frozen as overdue, with what was said about it."""
    now, found = house.now(), []
    with house.database.reading() as session:
        for incident in incidents:
            reasons = outbox.late_reasons(session, incident)
            missed = [duty for duty in duty_store.listed(session, incident) if duty.overdue_at is not None]
            found += [_late(duty, reasons.get(duty.key), now) for duty in missed]
    return found


def open_warnings(house: House, incident: str | None) -> list[dict[str, Any]]:
    """The last warning of each matter that nobody has acknowledged or settled: of what, to whom, what became of it."""
    now = house.now()
    with house.database.reading() as session:
        messages = [one for one in outbox.listed(session, incident) if one.state != outbox.STOPPED]
        live = outbox.still_open(session, messages)
        opened = set(watch.open_incidents(session))
        last: dict[tuple[str | None, str], WarningMessage] = {}
        for one in messages:
            if one.key in live and one.incident_id in opened:
                last[one.incident_id, one.subject] = one
        duties = [(name, key) for name, key in last if name is not None and "/" in key]
        memories = outbox.standings(session, duties)
    return [_row(one, memories.get(pair), now) for pair, one in last.items() if not _acked(one, memories.get(pair))]  # type: ignore[arg-type]


def _acked(one: WarningMessage, memory: DutyWatch | None) -> bool:
    answered_at = memory.acked_at if memory else None
    return answered_at is not None and answered_at >= one.made_at


def _row(one: WarningMessage, memory: DutyWatch | None, now: DateTime) -> dict[str, Any]:
    until = memory.snoozed_until if memory else None
    return {
        "incident": one.incident_id,
        "about": one.subject,
        "step": one.step,
        "by": one.target.replace(microsecond=0).isoformat(),
        "person": one.person or "nobody",
        "state": one.state,
        "at": one.made_at.replace(microsecond=0).isoformat(),
        "snoozed_until": until.replace(microsecond=0).isoformat() if until and until > now else None,
    }


def _guard(session: Session, act: str, incident: str, *, by: str, now: DateTime) -> None:
    must_be_open(session, incident)
    must_be_allowed(session, act, by=by, now=now, incident=incident)


def _last_step(session: Session, incident: str, subject: str) -> str:
    said = outbox.listed(session, incident, subject=subject)
    if not said:
        if not subject.startswith(outbox.OTHERS):
            duty_store.get(session, incident, subject)  # raises NotFound, which says more
        raise NotAllowed(f"Nobody was warned of {subject!r} in incident {incident}: there is nothing to acknowledge.")
    return said[-1].step


def _must_press(duty: Duty) -> None:
    if duty.done_at is not None or duty.fell_away_at is not None or duty.target is None:
        raise NotAllowed(f"Nobody is warned of duty {duty.key!r}: it is settled, or has no date.")


def _look_again(session: Session, duty: Duty, now: DateTime) -> None:
    if duty.look_at is not None:
        duty_store.schedule_looks(session, [(duty.incident_id, duty.key, now)])


def _late(duty: Duty, reason: str | None, now: DateTime) -> Late:
    due = duty.overdue_at or duty.due
    assert due is not None
    until = duty.done_at or now
    return Late(
        incident=duty.incident_id,
        duty=duty.key,
        to=duty.recipient,
        due=due,
        late_seconds=max(0, int((until - due).total_seconds())),
        done_at=duty.done_at,
        reason=reason,
    )


def _named(subject: str) -> dict[str, str]:
    if subject.startswith(outbox.TASK):
        return {"task": subject.removeprefix(outbox.TASK)}
    return {"duty": subject}


def _text(written: str) -> str:
    cleaned = written.strip()
    if not cleaned or len(cleaned) > MOST_LETTERS or any(not (one.isprintable() or one == "\n") for one in cleaned):
        raise Invalid(f"A reason is plain text of at most {MOST_LETTERS:,} letters: say it in a sentence.")
    return cleaned


def _digest(written: str) -> str:
    return hashlib.sha256(written.encode()).hexdigest()
