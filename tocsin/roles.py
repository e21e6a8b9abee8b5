"""Who may do what: the roles of people, and one table of the acts that change something.

Roles are our own words; the roles that a plan names ("privacy officer", "legal") are held beside them and say whose
approval counts. Nothing here reads a database: `flows/steps/guarding.py` asks.
"""

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MACHINE: Final = "tocsin"  # the name under which flows act; nobody's account


class Role(StrEnum):
    """What a person is here for; several may be held, everywhere or in one incident."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    APPROVER = "approver"
    OFFICER = "officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, kw_only=True)
class Act:
    """Which roles an act takes; whether it decides, and so wants proof of who acts; whether flows may do it alone."""

    roles: frozenset[Role]
    decides: bool = False
    machine: bool = False
    own: bool = False  # everybody may do it to themselves
    lent: bool = False  # may be done for somebody who delegated it


_HANDS = frozenset({Role.RESPONDER, Role.OFFICER})
_VOICES = frozenset({Role.APPROVER, Role.OFFICER})
_OFFICER = frozenset({Role.OFFICER})
_ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
_WITNESSES = frozenset({Role.AUDITOR, Role.OFFICER, Role.ADMINISTRATOR})
EVERYBODY: Final = frozenset(Role)

ACTS: Final[dict[str, Act]] = {
    "see": Act(roles=EVERYBODY, machine=True),
    "declare": Act(roles=_HANDS),
    "facts.change": Act(roles=_HANDS),
    "roster.import": Act(roles=_HANDS),
    "notice.draft": Act(roles=_HANDS, machine=True),
    "text.put": Act(roles=_HANDS),
    "notice.send": Act(roles=_HANDS, machine=True),
    "sending.pause": Act(roles=_HANDS | _VOICES),
    "sending.resume": Act(roles=_HANDS),
    "announcement.draft": Act(roles=_HANDS, machine=True),
    "announcement.publish": Act(roles=_HANDS, machine=True),
    "report.draft": Act(roles=_HANDS, machine=True),
    "report.file": Act(roles=_HANDS),
    "task.done": Act(roles=_HANDS | _VOICES),
    "task.change": Act(roles=_HANDS | _VOICES),
    "evidence.add": Act(roles=_HANDS | _VOICES),
    "evidence.export": Act(roles=_HANDS),
    "action.approve": Act(roles=_VOICES, decides=True, lent=True),
    "action.decide": Act(roles=_OFFICER, decides=True),
    "duty.done": Act(roles=_HANDS),
    "call.record": Act(roles=_HANDS),
    "call.export": Act(roles=_HANDS),
    "person.decide": Act(roles=_HANDS),
    "person.unmask": Act(roles=_HANDS),
    "warning.acknowledge": Act(roles=_HANDS | _VOICES),
    "approve": Act(roles=_VOICES, decides=True, lent=True),
    "refuse": Act(roles=_VOICES, decides=True, lent=True),
    "do-not-notify": Act(roles=_OFFICER, decides=True),
    "hold.place": Act(roles=_OFFICER, decides=True),
    "hold.lift": Act(roles=_OFFICER, decides=True),
    "hold.review": Act(roles=_OFFICER, decides=True),
    "close": Act(roles=_OFFICER, decides=True),
    "ledger.export": Act(roles=_WITNESSES),
    "people.add": Act(roles=_ADMINISTRATOR, decides=True),
    "people.roles": Act(roles=_ADMINISTRATOR, decides=True),
    "people.end": Act(roles=_ADMINISTRATOR, decides=True),
    "people.token": Act(roles=_ADMINISTRATOR, decides=True, own=True),
    "people.password": Act(roles=_ADMINISTRATOR, decides=True, own=True),
    "people.delegate": Act(roles=_ADMINISTRATOR, decides=True, own=True),
    "calendar.add": Act(roles=_HANDS | _VOICES),
    "calendar.revoke": Act(roles=_HANDS | _VOICES),
    "people.ask": Act(roles=_HANDS | _VOICES, machine=True),
}


def may(held: Iterable[Role], act: str) -> bool:
    """Whether somebody with these roles may do an act of the table."""
    return not ACTS[act].roles.isdisjoint(held)


def wanted(act: str) -> str:
    """The roles that an act takes, in words."""
    return " or ".join(role for role in Role if role in ACTS[act].roles)


def same_name(one: str, other: str) -> bool:
    """Whether two written names mean one person: case, width and spaces make no other person (Unicode NFKC)."""
    return plain(one) == plain(other)


def plain(name: str) -> str:
    """A name in the one form in which names are compared."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def named_by_plan(held: Collection[str], wanted_roles: Collection[str]) -> bool:
    """Whether somebody holds one of the roles that a plan names."""
    return not {plain(role) for role in held}.isdisjoint({plain(role) for role in wanted_roles})
