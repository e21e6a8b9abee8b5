"""State and role guard every act: what a closed incident still allows is being looked at.

`must_be_allowed` is the one place that knows who may do what. Where nobody has an account, whoever holds the machine
acts by name. Once there is an account, `by` must be an active one with a role that the act takes; an act that decides
also wants proof that it is they. A refusal leaves a trace: on the incident's ledger, or where the accounts' acts stand.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import accounts, incidents, ledger
from db.account_tables import Account
from db.tables import Incident
from flows.steps import proving
from tocsin.errors import NotAllowed
from tocsin.ledger import EventType
from tocsin.roles import ACTS, MACHINE, Role, may, plain, same_name, wanted

if TYPE_CHECKING:
    from flows.wiring import House

_AT_THE_DOOR: ContextVar[tuple[str | None] | None] = ContextVar("at_the_door", default=None)


def must_be_open(session: Session, incident: str) -> Incident:
    """The incident, if it exists and is open; raises NotFound or NotAllowed."""
    found = incidents.get(session, incident)
    if found.state != "open":
        raise NotAllowed(f"Incident {incident} is closed: declare a new one, or look at it with `tocsin status`.")
    return found


class ActDenied(NotAllowed):
    """Somebody may not do this. `why` is one word: machine, unknown, ended, role, proof."""

    def __init__(self, message: str, *, why: str) -> None:
        super().__init__(message)
        self.why = why


@contextmanager
def at_the_door(name: str | None) -> Iterator[None]:
    """Let only this person, who has signed in, or nobody, act within the block: a server's own token proves nothing."""
    before = _AT_THE_DOOR.set((name,))
    try:
        yield
    finally:
        _AT_THE_DOOR.reset(before)


def must_be_allowed(
    session: Session, act: str, *, by: str, now: DateTime, incident: str | None = None, house: "House | None" = None,
    own: str | None = None,
) -> None:  # fmt: skip
    """Raise ActDenied, recorded once the transaction has rolled back, unless `by` may do this act now.

    `house` is where an act that decides finds the proof; `own` is the account that the act is about.
    """
    try:
        _judge(session, act, by=by, now=now, incident=incident, house=house, own=own)
    except ActDenied as denied:
        denied.trace = _trace(act, by=by, now=now, incident=incident, why=denied.why)
        raise


def _judge(
    session: Session, act: str, *, by: str, now: DateTime, incident: str | None, house: "House | None", own: str | None
) -> None:
    rule = ACTS[act]
    if same_name(by, MACHINE):
        if rule.machine and by == MACHINE:
            return
        raise ActDenied(f"{MACHINE!r} is the machine's own name: say --as NAME, for a person.", why="machine")
    if accounts.none(session):
        if _AT_THE_DOOR.get() is None:
            return
        raise ActDenied("Nobody can act here from afar before there are accounts: `tocsin people add`.", why="proof")
    account = active(session, by)
    own_act = rule.own and own is not None and plain(own) == account.key
    if not own_act and not may(roles_for(session, account, act, incident=incident, now=now), act):
        held = ", ".join(account.roles) or "no role"
        message = f"{account.name} may not do this (`{act}`): it takes {wanted(act)}, and {account.name} has {held}."
        raise ActDenied(message, why="role")
    if rule.decides or _AT_THE_DOOR.get() is not None:
        _must_be_proven(session, account, act, house, now=now)


def active(session: Session, name: str) -> Account:
    """The account of that name, if it may act; raises ActDenied."""
    account = accounts.find(session, name)
    if account is None:
        message = f"{name!r} is nobody who may act here: say --as NAME; `tocsin people list` shows everybody."
        raise ActDenied(message, why="unknown")
    if account.ended_at is not None:
        raise ActDenied(f"The account of {account.name} has ended: somebody else must act.", why="ended")
    return account


def roles_for(session: Session, account: Account, act: str, *, incident: str | None, now: DateTime) -> frozenset[Role]:
    """The roles that somebody holds for an act: their own, here and everywhere, and those lent to them for it."""
    held = roles_of(account, incident)
    if ACTS[act].lent:
        for giver in givers(session, account, now):
            held |= roles_of(giver, incident)
    return held


def roles_of(account: Account, incident: str | None) -> frozenset[Role]:
    """The roles that somebody holds themselves, everywhere or in one incident."""
    here = account.incident_roles.get(incident, []) if incident is not None else []
    return frozenset(Role(role) for role in (*account.roles, *here))


def givers(session: Session, account: Account, now: DateTime) -> list[Account]:
    """The active accounts that let this one decide for them now, the first to do so first. It is not handed on."""
    keys = [delegation.giver for delegation in accounts.delegations(session, now, taker=account.key)]
    found = accounts.named(session, keys)
    return [found[key] for key in keys if key in found and found[key].ended_at is None]


def _must_be_proven(session: Session, account: Account, act: str, house: "House | None", *, now: DateTime) -> None:
    door = _AT_THE_DOOR.get()
    if door is not None:
        proven = door[0]
    else:
        proven = proving.holder(session, house.environment, now=now) if house is not None else None
    if proven is None:
        message = (
            f"This decides (`{act}`) and wants proof that you are {account.name}: set TOCSIN_TOKEN to your token, or "
            f"put it into {proving.TOKEN_FILE} in your home folder; `tocsin people token` makes one."
        )
        raise ActDenied(message, why="proof")
    if plain(proven) != account.key:
        raise ActDenied(f"The proof is another person's, not {account.name}'s: act under your own name.", why="proof")


def _trace(act: str, *, by: str, now: DateTime, incident: str | None, why: str) -> "Callable[[Session], None]":
    data = {"act": act, "why": why}

    def leave(session: Session) -> None:
        if incident is not None and session.get(Incident, incident) is not None:
            ledger.append(session, incident, EventType.ACT_DENIED, actor=by, data=data, at=now)
        else:
            accounts.record(session, str(EventType.ACT_DENIED), by=by, account=None, data=data, at=now)

    return leave
