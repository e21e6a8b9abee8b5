"""The people who act: given an account, roles, a token or a password; their word lent to others; their account ended.

Every act stands in `account_act`, which refuses changes. The first account is an administrator's, and one is left.
"""

from collections.abc import Sequence
from typing import Final

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import accounts, incidents, signing
from db.account_tables import Account, Delegation
from flows.steps import proving
from flows.steps.guarding import must_be_allowed
from flows.wiring import House
from tocsin import vocabulary
from tocsin.errors import Invalid, NotAllowed
from tocsin.roles import MACHINE, Role, plain

NAME_MOST: Final = 80  # characters
DELEGATION_DAYS: Final = 92


def add(
    house: House,
    name: str,
    *,
    roles: Sequence[str],
    plan_roles: Sequence[str] = (),
    display_name: str | None = None,
    by: str,
    now: DateTime,
) -> str | None:
    """Make an account. The first one, which must be an administrator's, gets a token, which is returned once."""
    checked = _name(name)
    held = _roles(roles)
    with house.database.transaction() as session:
        first = accounts.none(session)
        must_be_allowed(session, "people.add", by=by, now=now, house=house)
        if first:
            if Role.ADMINISTRATOR not in held:
                raise Invalid("The first account must be an administrator's, who can add the next: give that role.")
            signing.signer(session, house.master_key, now)  # from now on `recover` knows the right master key
        wanted = [_name(role) for role in plan_roles]
        shown = _name(display_name) if display_name else checked
        made = accounts.add(session, checked, display_name=shown, roles=held, plan_roles=wanted, by=by, at=now)
        data = {"roles": held, "plan_roles": wanted}
        accounts.record(session, "people.add", by=by, account=made.name, data=data, at=now)
        return _new_token(session, made, by=by, now=now, expires_at=None) if first else None


def change_roles(
    house: House,
    name: str,
    *,
    roles: Sequence[str] | None = None,
    plan_roles: Sequence[str] | None = None,
    incident: str | None = None,
    by: str,
    now: DateTime,
) -> Account:
    """Give somebody these roles instead of those they have, everywhere or in one incident; None leaves them."""
    held = None if roles is None else _roles(roles)
    with house.database.transaction() as session:
        must_be_allowed(session, "people.roles", by=by, now=now, house=house)
        account = _living(session, name)
        if held is not None and incident is not None:
            incidents.get(session, incident)
            if Role.ADMINISTRATOR in held:
                raise Invalid("An administrator is one everywhere: give that role without --incident.")
            accounts.change(session, account.key, incident_roles={**account.incident_roles, incident: held})
        elif held is not None:
            if Role.ADMINISTRATOR not in held:
                _must_not_be_last(session, account)
            accounts.change(session, account.key, roles=held)
        if plan_roles is not None:
            accounts.change(session, account.key, plan_roles=[_name(role) for role in plan_roles])
        data = {"roles": held, "incident": incident, "plan_roles": None if plan_roles is None else list(plan_roles)}
        accounts.record(session, "people.roles", by=by, account=account.name, data=data, at=now)
        return accounts.get(session, name)


def make_token(house: House, name: str, *, by: str, now: DateTime, days: int | None = None) -> str:
    """A new token of an account, shown once; the one of before ends."""
    with house.database.transaction() as session:
        account = _living(session, name)
        must_be_allowed(session, "people.token", by=by, now=now, house=house, own=account.name)
        expires_at = now.add(days=days) if days is not None else None
        return _new_token(session, account, by=by, now=now, expires_at=expires_at)


def recover(house: House, name: str, *, operator: str, now: DateTime) -> str:
    """A new token for an administrator who has lost theirs, for whoever has the master key: with it all can be read.

    `operator` is the login name on this machine. Raises Misconfigured where the master key is not this database's.
    """
    with house.database.transaction() as session:
        account = _living(session, name)
        if Role.ADMINISTRATOR not in account.roles:
            raise NotAllowed(
                f"{account.name} is no administrator: one of them makes a token with `tocsin people token`."
            )
        signing.signer(session, house.master_key, now)  # opens a key that only the right master key opens
        accounts.record(session, "people.recovered", by=MACHINE, account=account.name, data={"login": operator}, at=now)
        return _new_token(session, account, by=MACHINE, now=now, expires_at=None)


def set_password(house: House, name: str, password: str, *, by: str, now: DateTime) -> None:
    """Give an account a password to sign in with; every session of before ends."""
    kept = proving.hashed(password)
    with house.database.transaction() as session:
        account = _living(session, name)
        must_be_allowed(session, "people.password", by=by, now=now, house=house, own=account.name)
        accounts.change(session, account.key, password=kept)
        accounts.end_sessions(session, now, key=account.key)
        accounts.record(session, "people.password", by=by, account=account.name, data={}, at=now)


def end(house: House, name: str, *, by: str, now: DateTime) -> None:
    """End an account for good: its tokens, sessions and delegations, and the weight of approvals not yet acted on."""
    with house.database.transaction() as session:
        must_be_allowed(session, "people.end", by=by, now=now, house=house)
        account = _living(session, name)
        _must_not_be_last(session, account)
        accounts.end(session, account.key, now)
        accounts.record(session, "people.end", by=by, account=account.name, data={}, at=now)


def delegate(house: House, giver: str, taker: str, *, until: DateTime, by: str, now: DateTime) -> Delegation:
    """Let `taker` approve and refuse for `giver` until then, in the giver's roles. It cannot be handed on."""
    if not now < until <= now.add(days=DELEGATION_DAYS):
        raise Invalid(f"A delegation ends in the future and within {DELEGATION_DAYS} days: give another --until.")
    with house.database.transaction() as session:
        from_, to = _living(session, giver), _living(session, taker)
        must_be_allowed(session, "people.delegate", by=by, now=now, house=house, own=from_.name)
        if from_.key == to.key:
            raise Invalid(f"{from_.name} cannot delegate to themselves: name somebody else.")
        if plain(by) == to.key:
            raise NotAllowed(f"Nobody takes another's word for themselves: {from_.name} or an administrator gives it.")
        made = accounts.delegate(session, giver=from_.key, taker=to.key, until=until, by=by, at=now)
        data = {"taker": to.name, "until": until.isoformat()}
        accounts.record(session, "people.delegate", by=by, account=from_.name, data=data, at=now)
        return made


def end_delegation(house: House, giver: str, taker: str, *, by: str, now: DateTime) -> None:
    """Take a delegation back before its end."""
    with house.database.transaction() as session:
        from_, to = accounts.get(session, giver), accounts.get(session, taker)
        must_be_allowed(session, "people.delegate", by=by, now=now, house=house, own=from_.name)
        if accounts.end_delegation(session, giver=from_.key, taker=to.key, at=now) == 0:
            raise Invalid(f"{from_.name} has not delegated to {to.name}: `tocsin people list` shows who has.")
        data = {"taker": to.name, "until": None}
        accounts.record(session, "people.delegate", by=by, account=from_.name, data=data, at=now)


def _new_token(session: Session, account: Account, *, by: str, now: DateTime, expires_at: DateTime | None) -> str:
    token = proving.new_secret("token")
    accounts.put_token(session, proving.digest(token), account.key, at=now, expires_at=expires_at)
    data = {"expires": expires_at.isoformat() if expires_at else None}
    accounts.record(session, "people.token", by=by, account=account.name, data=data, at=now)
    return token


def _living(session: Session, name: str) -> Account:
    account = accounts.get(session, name)
    if account.ended_at is not None:
        raise NotAllowed(f"The account of {account.name} has ended: give somebody a new one under another name.")
    return account


def _must_not_be_last(session: Session, account: Account) -> None:
    others = [
        one
        for one in accounts.listed(session)
        if one.key != account.key and one.ended_at is None and Role.ADMINISTRATOR in one.roles
    ]
    if Role.ADMINISTRATOR in account.roles and not others:
        raise NotAllowed(f"{account.name} is the last administrator: make somebody else one first.")


def _name(written: str) -> str:
    name = " ".join(written.split())
    if not name or len(name) > NAME_MOST or not name.isprintable():
        raise Invalid(f"A name has 1 to {NAME_MOST} printable characters: write it otherwise.")
    if plain(name) == MACHINE:
        raise Invalid(f"{MACHINE!r} is the machine's own name: choose another.")
    return name


def _roles(written: Sequence[str]) -> list[str]:
    known = tuple(role.value for role in Role)
    for role in written:
        if role not in known:
            raise Invalid(f"There is no role {role!r}: {vocabulary.suggestion(role, known)}.")
    return [role for role in known if role in written]
