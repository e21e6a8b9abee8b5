"""After a crash: what a dead process had claimed is settled, sent again, or kept as a doubt.

The journal of each claim says what had left. Untouched messages are free to be sent; answered ones are recorded; of
those on the wire nobody knows, so they are sent again only through a provider that drops repetitions of a key.

Whoever writes a journal holds its lock, so here death is seen at once and a live process is left alone, however its
clock was moved. Where the journal is out of reach (on another machine), where its lock says nothing (a folder shared
between machines), or where its writer lives but has fallen silent, the claim must run out first. No message of it
leaves after that: the sender asks once more when the key stands in the journal (`sending`).

A machine that is gone for good leaves no journal: each of its claimed messages may have left, and is a doubt. Should it
come back, its journals still say which were answered, and those doubts end.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import attempts, incidents, ledger, people
from db.attempts import Attempt, Retry
from flows import wiring
from flows.steps import leasing
from flows.wiring import House
from notifiers import journal
from notifiers.journal import Grip, Journal, Recovered
from tocsin.delivery import Channel, Outcome, Settled
from tocsin.errors import Invalid, Misconfigured
from tocsin.ledger import EventType

JOURNALS = "journals"
LOST = "process-lost"  # the reason of an attempt whose message may have left when its process died
SILENT_MINUTES = 10
ROUND_SECONDS = 60


def begin_journal(house: House, owner: str) -> Journal:
    """A journal for a claim about to be made."""
    try:
        return Journal(journal_path(house, owner))
    except OSError as error:
        raise unwritable(house, error.strerror) from error


def unwritable(house: House, reason: str | None = None) -> Misconfigured:
    """What to say when a journal cannot be written."""
    said = (reason or "no space is left").lower()
    return Misconfigured(
        f"The crash journals in {house.folder / JOURNALS} cannot be written ({said}), so nothing is sent: "
        "make room there or mend the folder; the next run goes on."
    )


def end_journal(house: House, owner: str, begun: Journal) -> None:
    """Remove the journal of a claim of which everything is recorded."""
    journal_path(house, owner).unlink(missing_ok=True)  # before its lock goes, so that nobody finds it lying there
    begun.close()


def recover(house: House, incident: str, *, now: DateTime) -> int:
    """Settle every claim of this incident whose owner is dead or out of time; returns how many claims were freed."""
    with house.database.reading() as session:
        owners = attempts.claim_owners(session, incident)
    freed = sum(_recover_owner(house, incident, owner, until, now=now) for owner, until in owners)
    _sweep(house, now=now)
    return freed


@dataclass
class Rounds:
    """Recovering again and again during a long run: what dies meanwhile is not left until its end."""

    house: House
    incident: str
    _next: DateTime | None = None

    def make(self, *, at_once: bool = False) -> None:
        """Recover, if the last time is long enough ago or it must be `at_once`."""
        now = self.house.now()
        if at_once or (self._next is not None and now >= self._next):
            recover(self.house, self.incident, now=now)
        if at_once or self._next is None or now >= self._next:  # a run has just recovered when it begins
            self._next = now.add(seconds=ROUND_SECONDS)


def journal_path(house: House, owner: str) -> Path:
    """Where the crash journal of one claim lives."""
    return _folder(house) / f"{owner.replace(':', '-')}.journal"


def _folder(house: House) -> Path:
    folder = house.folder / JOURNALS
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def _recover_owner(house: House, incident: str, owner: str, until: DateTime, *, now: DateTime) -> int:
    path = journal_path(house, owner)
    with journal.grip(path) as grip:
        dead = grip is Grip.OURS and leasing.is_of_this_machine(owner)
        if not dead and until > now:
            return 0
        if grip is Grip.ALIVE and not _silent(path):
            return 0
        freed = house.database.transact(
            lambda session: _take_over(house, session, incident, owner, grip=grip, dead=dead, path=path, now=now)
        )
        if grip is Grip.OURS:
            path.unlink(missing_ok=True)
    return freed


def _silent(path: Path) -> bool:
    """Whether nothing was written for long, by the real clock: the house's may have been moved."""
    try:
        return wiring.now().subtract(minutes=SILENT_MINUTES).timestamp() > path.stat().st_mtime
    except FileNotFoundError:
        return False  # done with just now


def _take_over(
    house: House, session: Session, incident: str, owner: str, *, grip: Grip, dead: bool, path: Path, now: DateTime
) -> int:
    incidents.lock(session, incident)
    claimed = attempts.claimed_by(session, incident, owner)
    if not dead:  # it may have been prolonged while we waited
        claimed = [row for row in claimed if row.claim_until is not None and row.claim_until <= now]
    if not claimed:
        return 0
    known = _known(path, grip, claimed)
    answered = [known.settled[row.key] for row in claimed if row.key in known.settled]
    unanswered = [row for row in claimed if row.key not in known.settled]
    doubtful = [row for row in unanswered if row.key in known.in_doubt or row.reason == LOST]
    ways = _resendable(house, session, incident)
    held = [row for row in doubtful if row.provider not in ways]
    attempts.settle_many(session, incident, [*answered, *(doubt(row, at=now) for row in held)])
    attempts.retry_later(session, incident, _again(unanswered, doubtful, held, now=now), owner=owner)
    people.schedule_many(session, incident, [(row.person_id, now) for row in claimed])
    _say_answered(
        session, incident, [(row.channel, known.settled[row.key]) for row in claimed if row.key in known.settled], now
    )
    if doubtful:
        entry = {
            "in_doubt": len(doubtful),
            "held": len(held),
            "sent_again_with_same_key": len(doubtful) - len(held),
        }
        ledger.append(session, incident, EventType.DELIVERY_DOUBT, actor="tocsin", data=entry, at=now)
    return len(claimed)


def doubt(row: Attempt, *, at: DateTime) -> Settled:
    """The word that nobody knows whether this message left."""
    return Settled(key=row.key, outcome=Outcome.UNKNOWN, provider=row.provider, at=at, reason=LOST)


def _again(unanswered: list[Attempt], doubtful: list[Attempt], held: list[Attempt], *, now: DateTime) -> list[Retry]:
    """What is given back. Our death is no try of the provider's."""
    gone, unsure = {row.key for row in held}, {row.key for row in doubtful}
    return [
        Retry(key=row.key, not_before=now, tried=False, reason=LOST if row.key in unsure else None)
        for row in unanswered
        if row.key not in gone
    ]


def _known(path: Path, grip: Grip, claimed: list[Attempt]) -> Recovered:
    """What the journal says; without one, or with one that cannot be read, each message may have left."""
    everything = {row.key for row in claimed}
    if grip is Grip.MISSING:
        return Recovered(in_doubt=everything)
    try:
        known = journal.recover(path)
    except (Invalid, OSError):
        return Recovered(in_doubt=everything)
    if known.rebooted:  # the journal's last lines may be lost with the machine's memory
        known.in_doubt.update(everything - known.settled.keys() - known.not_sent)
    return known


def _resendable(house: House, session: Session, incident: str) -> set[str]:
    """Providers through which a message in doubt may go again with its key, where the plan does not hold doubts."""
    if house.plan(incidents.get(session, incident).plan).doubt != "resend-if-idempotent":
        return {provider.name for provider in house.settings.providers if provider.is_call_list}  # nothing leaves there
    return {provider.name for provider in house.settings.providers if provider.idempotent}


def sweep(house: House, *, now: DateTime) -> None:
    """Remove journals that dead processes left without a claim; where there is no journal, nothing is asked."""
    if any((house.folder / JOURNALS).glob("*.journal")):
        _sweep(house, now=now)


def _sweep(house: House, *, now: DateTime) -> None:
    """Remove the journals of the dead that nobody's claim needs: their last words are on record, or are now."""
    with house.database.reading() as session:
        needed = {journal_path(house, owner) for owner, _ in attempts.claim_owners(session)}
    for path in _folder(house).glob("*.journal"):
        owner = ":".join(path.stem.rsplit("-", 3))
        if path in needed or not leasing.is_of_this_machine(owner):
            continue
        with journal.grip(path) as grip:
            if grip is Grip.OURS and (leasing.surely_dead(owner) or _silent(path)):
                _end_doubts(house, path, now=now)
                path.unlink(missing_ok=True)


def _end_doubts(house: House, path: Path, *, now: DateTime) -> None:
    """Believe a journal that was out of reach when its claim ran out: what a provider answered is no doubt any more."""
    try:
        answered = journal.recover(path).settled
    except (Invalid, OSError):
        return
    with house.database.reading() as session:
        found = attempts.by_keys(session, list(answered))
    doubts = [(incident, row) for incident, row in found if row.outcome is Outcome.UNKNOWN and row.reason == LOST]
    for incident in sorted({incident for incident, _row in doubts}):
        rows = [row for its, row in doubts if its == incident]
        house.database.transact(partial(_settle_late, incident=incident, rows=rows, answered=answered, now=now))


def _settle_late(
    session: Session, *, incident: str, rows: Sequence[Attempt], answered: Mapping[str, Settled], now: DateTime
) -> None:
    incidents.lock(session, incident)
    changed = set(attempts.settle_many(session, incident, [answered[row.key] for row in rows]))
    ended = [row for row in rows if row.key in changed]
    people.schedule_many(session, incident, [(row.person_id, now) for row in ended])
    _say_answered(session, incident, [(row.channel, answered[row.key]) for row in ended], now)


def _say_answered(session: Session, incident: str, answers: Sequence[tuple[Channel, Settled]], now: DateTime) -> None:
    """Put on the ledger what a dead process had heard and could not record."""
    if answers:
        counts = Counter(f"{channel}:{answer.outcome}" for channel, answer in answers)
        entry = {"attempts": len(answers), "recovered": len(answers), **dict(sorted(counts.items()))}
        ledger.append(session, incident, EventType.SENDING_BATCH, actor="tocsin", data=entry, at=now)
