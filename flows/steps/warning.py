"""Warnings in words, and to whom: what the watch puts into the outbox. Nobody affected is named in them."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pendulum import DateTime

from db import alarms as outbox
from db.alarms import Message
from flows import contacts
from flows.contacts import Chain
from flows.wiring import House
from tocsin.alarms import Alarms, Step
from tocsin.errors import TocsinError
from tocsin.plan import Plan
from tocsin.watchtext import WatchText

ALONE = 3  # more warnings than these to the same people in one look become one message
SHOWN = 40  # lines of a message; the rest is counted
PLAIN = Alarms(WatchText())  # for an incident whose plan cannot be read: its deadlines run on


@dataclass(frozen=True, kw_only=True)
class Warned:
    """One warning to be given: of what, at which step, in which words, to whom."""

    incident: str
    subject: str
    step: Step
    target: DateTime
    line: str
    chain: Chain
    alarms: Alarms
    zone: str


class Plans:
    """The plans of the incidents looked at; one that cannot be read is told of, and everything else goes on."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._read: dict[str, Plan | None] = {}
        self.troubles: list[str] = []

    def get(self, identifier: str) -> Plan | None:
        """The plan, or None where it cannot be read."""
        if identifier not in self._read:
            try:
                self._read[identifier] = self._house.plan(identifier)
            except TocsinError as error:
                self._read[identifier] = None
                self.troubles.append(f"{error} Its incidents are watched by the plain rule meanwhile.")
        return self._read[identifier]

    def alarms(self, identifier: str) -> Alarms:
        """The plan's warnings."""
        plan = self.get(identifier)
        return PLAIN if plan is None else plan.watch

    def zone(self, identifier: str) -> str:
        """The organisation's clock."""
        plan = self.get(identifier)
        return "UTC" if plan is None else plan.organisation.zone


def messages(house: House, warned: Sequence[Warned], *, now: DateTime) -> list[Message]:
    """The outbox rows of one look: each warning by itself, many to the same people as one."""
    by_chain: dict[tuple[str, ...], list[Warned]] = defaultdict(list)
    for one in warned:
        by_chain[one.chain.people].append(one)
    found: list[Message] = []
    for people, some in by_chain.items():
        alone = [one for one in some if not one.alarms.gathered(one.step)]
        found += [_gathered(one, now, within=outbox.DIGEST) for one in some if one.alarms.gathered(one.step)]
        if people and len(alone) > ALONE:
            found += _bundle(house, people, alone, now=now)
        else:
            found += [_single(house, one, now=now) for one in alone]
    return found


def _single(house: House, one: Warned, *, now: DateTime) -> Message:
    body = f"{one.line}{_vacancies(one.chain.vacant)}\n{_answers(one)}"
    if not one.chain.people:
        return _message(one, now, person="", state=outbox.NOBODY, look_at=None, body=body)
    first = one.chain.people[0]
    zone = contacts.zone(house.settings, first, one.zone)
    look_at = one.alarms.not_before(one.step, zone=zone, target=one.target, now=now)
    return _message(one, now, person=first, state=outbox.WAITING, look_at=look_at, body=body)


def _bundle(house: House, people: tuple[str, ...], some: Sequence[Warned], *, now: DateTime) -> list[Message]:
    """One message about many things, and a row for each of them that says where it stands."""
    names = "|".join(sorted(f"{one.incident} {one.subject} {one.step.name} {one.target}" for one in some))
    subject = f"{outbox.BUNDLE}{hashlib.sha256(names.encode()).hexdigest()[:20]}"
    urgent = min(some, key=lambda one: one.target)
    zone = contacts.zone(house.settings, people[0], urgent.zone)
    lines = [one.line for one in sorted(some, key=lambda one: one.target)]
    vacant = tuple(dict.fromkeys(name for one in some for name in one.chain.vacant))
    waits = [one.alarms.escalate_seconds for one in some if one.alarms.escalate_seconds is not None]
    whole = Message(
        incident_id=None,
        subject=subject,
        step="summary",
        target=urgent.target,
        person=people[0],
        place=0,
        chain=people,
        escalate_seconds=min(waits, default=None),
        title=f"Tocsin: {len(some)} warnings at once",
        body=f"{listed(lines)}{_vacancies(vacant)}\nSee `tocsin watch list`; acknowledge with `tocsin watch ack`.",
        made_at=now,
        look_at=min(one.alarms.not_before(one.step, zone=zone, target=one.target, now=now) for one in some),
    )
    return [whole, *(_gathered(one, now, within=subject) for one in some)]


def _gathered(one: Warned, now: DateTime, *, within: str) -> Message:
    first = one.chain.people[0] if one.chain.people else ""
    return _message(one, now, person=first, state=outbox.GATHERED, look_at=None, body=one.line, within=within)


def _message(
    one: Warned,
    now: DateTime,
    *,
    person: str,
    state: str,
    look_at: DateTime | None,
    body: str,
    within: str | None = None,
) -> Message:
    return Message(
        incident_id=one.incident,
        subject=one.subject,
        step=one.step.name,
        target=one.target,
        person=person,
        place=0,
        chain=one.chain.people,
        escalate_seconds=one.alarms.escalate_seconds,
        title=f"Tocsin: {one.step.said}: {one.subject}",
        body=body,
        made_at=now,
        look_at=look_at,
        state=state,
        within=within,
    )


def listed(lines: Sequence[str]) -> str:
    """Lines of a message, the first ones only where there are many."""
    more = len(lines) - SHOWN
    return "\n".join([*lines[:SHOWN], *([f"and {more} more"] if more > 0 else [])])


def entry(one: Warned, missed: Sequence[str]) -> Mapping[str, object]:
    """What the ledger says of a warning: which step, to whom first, and which steps passed unsaid before it."""
    told: dict[str, object] = {"duty": one.subject, "level": one.step.level, "step": one.step.name}
    told |= {"person": one.chain.people[0] if one.chain.people else contacts.RESPONDERS}
    if missed:
        told["missed"] = list(missed)
    if one.chain.vacant:
        told["vacant"] = list(one.chain.vacant)
    if one.alarms.gathered(one.step):
        told["in"] = "digest"
    return told


def _vacancies(vacant: Sequence[str]) -> str:
    if not vacant:
        return ""
    return f"\nThe settings name nobody for {', '.join(vacant)}: this went to the responders instead."


def _answers(one: Warned) -> str:
    if one.subject.startswith(outbox.TASK):
        return f"Done: tocsin tasks {one.incident} --done {one.subject.removeprefix(outbox.TASK)}"
    if "/" not in one.subject:
        return f"See: tocsin status {one.incident}"
    return f"Acknowledge: tocsin watch ack {one.incident} {one.subject}"
