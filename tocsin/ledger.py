"""The ledger's chain: what an entry is, how it is hashed, and what makes a ledger true.

`docs/ledger.md` specifies the same for strangers. Nothing here reads a database, a file or the clock. Entries carry no
personal data: affected people appear as keyed hashes, and `refuse_personal` guards the way in.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pendulum import DateTime

from tocsin.errors import Invalid, Unverified

FORMAT = "tocsin-ledger/1"
LARGEST_INTEGER = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it JSON readers disagree


class EventType(StrEnum):
    """Everything that can stand on a ledger; readers filter on these words, never on prose."""

    INCIDENT_DECLARED = "incident.declared"
    INCIDENT_CLOSED = "incident.closed"
    FACTS_CHANGED = "facts.changed"
    DUTY_APPEARED = "duty.appeared"
    DUTY_MOVED = "duty.moved"
    DUTY_FELL_AWAY = "duty.fell-away"
    DUTY_DONE = "duty.done"
    DUTY_OVERDUE = "duty.overdue"
    PHASE_ENTERED = "phase.entered"
    PHASE_FINISHED = "phase.finished"
    TASK_OPENED = "task.opened"
    TASK_DONE = "task.done"
    TASK_SKIPPED = "task.skipped"
    TASK_ASSIGNED = "task.assigned"
    TASK_TICKED = "task.ticked"
    TASK_NOTED = "task.noted"
    ROSTER_IMPORTED = "roster.imported"
    NOTICE_DRAFTED = "notice.drafted"
    NOTICE_APPROVED = "notice.approved"
    NOTICE_REFUSED = "notice.refused"
    SENDING_STARTED = "sending.started"
    SENDING_BATCH = "sending.batch"
    SENDING_FINISHED = "sending.finished"
    SENDING_PAUSED = "sending.paused"
    SENDING_RESUMED = "sending.resumed"
    DELIVERY_DOUBT = "delivery.doubt"
    RECEIPT_BATCH = "receipt.batch"
    PERSON_VERDICTS = "person.verdicts"
    PERSON_WISHES = "person.wishes"
    PERSON_DECIDED = "person.decided"
    PERSON_UNMASKED = "person.unmasked"
    CALLS_EXPORTED = "calls.exported"
    CALLS_RECORDED = "calls.recorded"
    PROVIDER_REFUSED = "provider.refused"
    ANNOUNCEMENT_PROPOSED = "announcement.proposed"
    ANNOUNCEMENT_APPROVED = "announcement.approved"
    ANNOUNCEMENT_PUBLISHED = "announcement.published"
    REPORT_DRAFTED = "report.drafted"
    REPORT_FILED = "report.filed"
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_REFUSED = "approval.refused"
    APPROVAL_DENIED = "approval.denied"
    ACT_DENIED = "act.denied"
    DECISION_ASKED = "decision.asked"
    WARNING_SENT = "warning.sent"
    WARNING_UNDELIVERED = "warning.undelivered"
    WARNING_ACKNOWLEDGED = "warning.acknowledged"
    WARNING_SNOOZED = "warning.snoozed"
    WATCH_MISSED = "watch.missed"
    WATCH_CLOCK = "watch.clock"
    TASK_OVERDUE = "task.overdue"
    DUTY_DELAY_EXPLAINED = "duty.delay-explained"
    HOLD_PLACED = "hold.placed"
    HOLD_LIFTED = "hold.lifted"
    HOLD_REVIEWED = "hold.reviewed"
    ACTION_APPROVED = "action.approved"
    ACTION_STARTED = "action.started"
    ACTION_ENDED = "action.ended"
    ACTION_DECIDED = "action.decided"
    EVIDENCE_ADDED = "evidence.added"
    EVIDENCE_VERIFIED = "evidence.verified"
    EVIDENCE_EXPORTED = "evidence.exported"
    KEY_DESTROYED = "key.destroyed"
    LEDGER_EXPORTED = "ledger.exported"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One entry. `prev` and `hash` are SHA-256 in lower-case hexadecimal; `seq` counts from 1."""

    incident_id: str
    seq: int
    at: DateTime
    type: str
    actor: str
    data: Mapping[str, Any]
    prev: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A signature over the chain up to and including `seq`."""

    incident_id: str
    seq: int
    hash: str
    at: DateTime
    key_id: str
    signature: str


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A ledger that holds: how many entries, the hash of the last, and how many signatures were checked."""

    incident_id: str
    count: int
    head: str
    checkpoints: int


def canonical(value: Any) -> bytes:
    """A JSON value as RFC 8785 bytes: equal values have equal bytes. Raises Invalid for what JSON cannot say."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        raise Invalid(
            "A record holds a value that JSON cannot say exactly: use text, whole numbers up to 2^53-1, lists, maps."
        ) from None


def fingerprint(value: Any) -> str:
    """The SHA-256 of a value's canonical form, in hexadecimal: the hash that facts, texts and reports go by."""
    return hashlib.sha256(canonical(value)).hexdigest()


def timestamp(at: DateTime) -> str:
    """An instant as the ledger writes it: UTC, six decimals, `Z`."""
    return at.in_timezone("UTC").strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def genesis(incident_id: str) -> str:
    """What the first entry has for `prev`: the hash of the format and the incident's id."""
    return fingerprint({"format": FORMAT, "incident": incident_id})


def link(prev: str, event: Event) -> str:
    """The hash of an entry that follows the entry with hash `prev`."""
    return fingerprint({**_unlinked(event), "prev": prev})


def event_line(event: Event) -> dict[str, Any]:
    """An entry as the export writes it."""
    return {**_unlinked(event), "prev": event.prev, "hash": event.hash}


def _unlinked(event: Event) -> dict[str, Any]:
    return {
        "kind": "event",
        "incident": event.incident_id,
        "seq": event.seq,
        "at": timestamp(event.at),
        "type": str(event.type),
        "actor": event.actor,
        "data": dict(event.data),
    }


def checkpoint_statement(*, incident_id: str, seq: int, head: str, at: DateTime, key_id: str) -> dict[str, Any]:
    """What a checkpoint signs, before it has its signature."""
    return {
        "kind": "checkpoint",
        "incident": incident_id,
        "seq": seq,
        "hash": head,
        "at": timestamp(at),
        "key_id": key_id,
    }


def checkpoint_line(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint as the export writes it."""
    return {**_statement_of(checkpoint), "signature": checkpoint.signature}


def _statement_of(checkpoint: Checkpoint) -> dict[str, Any]:
    return checkpoint_statement(
        incident_id=checkpoint.incident_id,
        seq=checkpoint.seq,
        head=checkpoint.hash,
        at=checkpoint.at,
        key_id=checkpoint.key_id,
    )


def verify(
    incident_id: str,
    events: Iterable[Event],
    checkpoints: Sequence[Checkpoint],
    public_keys: Mapping[str, bytes],
) -> Verified:
    """Prove a ledger: every link, every number, every signature.

    `public_keys` are raw Ed25519 keys by their id. Raises Unverified naming the first entry that does not hold. Entries
    cut off the end are found if a checkpoint signed them; an export's signed head finds every cut.
    """
    signed = _by_seq(checkpoints)
    prev, count = genesis(incident_id), 0
    for event in events:
        count += 1
        _check_event(incident_id, event, seq=count, prev=prev)
        prev = event.hash
        for checkpoint in signed.pop(count, ()):
            _check_checkpoint(checkpoint, incident_id=incident_id, head=prev, public_keys=public_keys)
    if signed:
        raise Unverified(
            f"The ledger of {incident_id} ends at entry {count}, but entry {min(signed)} was signed: some were cut off."
        )
    return Verified(incident_id=incident_id, count=count, head=prev, checkpoints=len(checkpoints))


def verify_some(
    incident_id: str, events: Sequence[Event], last: Checkpoint | None, public_keys: Mapping[str, bytes]
) -> None:
    """Prove some entries by themselves, which is quick: that each follows the one before, and a signature of one.

    Raises Unverified. What was changed before them is not found: `verify` proves all.
    """
    if last is not None and all(event.seq != last.seq for event in events):
        raise Unverified(f"The ledger of {incident_id} has lost entry {last.seq}, which was signed: some were cut off.")
    for before, event in pairwise(events):
        _check_event(incident_id, event, seq=before.seq + 1, prev=before.hash)
    for event in events:
        if link(event.prev, event) != event.hash:
            raise Unverified(f"Entry {event.seq} of the ledger of {incident_id} was changed after it was written.")
        if last is not None and event.seq == last.seq:
            _check_checkpoint(last, incident_id=incident_id, head=event.hash, public_keys=public_keys)


def _by_seq(checkpoints: Iterable[Checkpoint]) -> dict[int, list[Checkpoint]]:
    signed: dict[int, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        signed.setdefault(checkpoint.seq, []).append(checkpoint)
    return signed


def _check_event(incident_id: str, event: Event, *, seq: int, prev: str) -> None:
    if event.incident_id != incident_id or event.seq != seq:
        raise Unverified(f"The ledger of {incident_id} has something else in the place of entry {seq}.")
    if event.prev != prev:
        raise Unverified(f"Entry {seq} of the ledger of {incident_id} does not follow the entry before it.")
    if link(prev, event) != event.hash:
        raise Unverified(f"Entry {seq} of the ledger of {incident_id} was changed after it was written.")


def _check_checkpoint(checkpoint: Checkpoint, *, incident_id: str, head: str, public_keys: Mapping[str, bytes]) -> None:
    where = f"The signature at entry {checkpoint.seq} of the ledger of {incident_id}"
    raw = public_keys.get(checkpoint.key_id)
    if raw is None:
        raise Unverified(f"{where} was made with a key that is not known here.")
    if checkpoint.incident_id != incident_id or checkpoint.hash != head:
        raise Unverified(f"{where} signs another history.")
    try:
        signature = bytes.fromhex(checkpoint.signature)
        if signature.hex() != checkpoint.signature:
            raise Unverified(f"{where} is not in lower-case hexadecimal.")
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, canonical(_statement_of(checkpoint)))
    except (InvalidSignature, ValueError):
        raise Unverified(f"{where} does not match.") from None


# Keys that name a person or an address; a count of them may stand, a text may not.
_PERSONAL_NAMES = {"name", "names", "full_name", "first_name", "last_name", "given_name", "family_name", "surname"}
_PERSONAL_ADDRESSES = {"email", "emails", "e_mail", "mail", "phone", "phones", "mobile", "telephone", "sms", "push"}
_PERSONAL_OTHERS = {"address", "addresses", "to", "token", "tokens", "device_token", "date_of_birth", "birthday"}
_PERSONAL_KEYS = _PERSONAL_NAMES | _PERSONAL_ADDRESSES | _PERSONAL_OTHERS
_EMAIL = re.compile(r"[^\s@<>\"',;:]+@[^\s@<>\"',;:]+\.[^\s@<>\"',;:.]{2,}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?")  # RFC 3339
_PHONE = re.compile(
    r"""(?<!\w)(?:
        (?:\+|00)[1-9](?:[ ()./-]{0,2}\d){6,14}           # E.164, written with or without spaces
      | (?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}          # mainland China, mobile
      | \(?[2-9]\d{2}\)?[ .-]{1,2}[2-9]\d{2}[ .-]\d{4}    # North America
      | 0[1-9](?:[ ()./-]?\d){8,10}                       # national form with trunk 0
    )(?![\w])""",
    re.VERBOSE,
)


def refuse_personal(data: Mapping[str, Any]) -> None:
    """Raise Invalid if an entry's data look like personal data, or hold what a stranger's verifier cannot repeat.

    Refused: text under a key that names a person or an address (`email: 12`, a count, may stand), text that looks like
    an e-mail address or a phone number, numbers with a fraction, keys that are not ASCII. The value is never quoted.
    """
    for path, value in _leaves(data, ""):
        key = path.rpartition(".")[2].partition("[")[0]
        if isinstance(value, str):
            _refuse_text(path, key, value)
        elif isinstance(value, float) or not (value is None or isinstance(value, int)):
            raise Invalid(f"The ledger takes text and whole numbers only: write `{path}` as one of them.")


def _refuse_text(path: str, key: str, value: str) -> None:
    if key.lower().replace("-", "_") in _PERSONAL_KEYS:
        raise Invalid(f"The ledger takes no personal data: leave `{path}` out, or name the person by its keyed hash.")
    if _EMAIL.search(value) or _PHONE.search(_INSTANT.sub(" ", value)):
        raise Invalid(f"The ledger takes no personal data: `{path}` looks like an address or a phone number.")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value that is no container, with its path; a key is a value too, for it may hold an address."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise Invalid(f"The ledger takes ASCII keys only: look below `{path or 'data'}`.")
            yield f"{path or 'data'}.(key)", key
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, value
