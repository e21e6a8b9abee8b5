"""Declaring an incident, changing its facts, closing it."""

import secrets
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import facts as facts_store
from db import incidents, ledger, signing
from flows.steps import assessing, containing
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin import differences
from tocsin.errors import NotAllowed
from tocsin.facts import Facts
from tocsin.ledger import EventType
from tocsin.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A new incident and what it brought."""

    incident: str
    changes: tuple[differences.Change, ...]


def declare(house: House, facts: Facts, *, plan: str, by: str, now: DateTime, drill: bool = False) -> Declared:
    """Open an incident under a plan: its key, its ledger, its first facts, its duties, its containment tasks."""
    chosen = house.plan(plan)
    _store_must_be_fit(house, chosen)
    identifier = f"{now.in_tz('UTC').to_date_string()}-{chosen.id}-{secrets.token_hex(2)}"
    _, sealed_key = house.master_key.new_incident_key(identifier)
    with house.database.transaction() as session:
        must_be_allowed(session, "declare", by=by, now=now)
        # A master key that is not this installation's is found out now, and not when the people are to be told.
        signing.signer(session, house.master_key, now)
        incidents.create(
            session,
            identifier,
            title=facts.title,
            plan=chosen.id,
            phase="contain",
            sealed_key=sealed_key,
            declared_at=now,
            declared_by=by,
        )
        opening = {"plan": chosen.id, "plan_hash": chosen.hash, "drill": drill}
        ledger.append(session, identifier, EventType.INCIDENT_DECLARED, actor=by, data=opening, at=now)
        changes = _record_facts(house, session, identifier, facts, by=by, now=now)
        containing.open_tasks(session, identifier, chosen, facts, phase="contain", by=by, now=now)
        containing.open_tasks(session, identifier, chosen, facts, phase="assess", by=by, now=now)
    return Declared(incident=identifier, changes=changes)


def _store_must_be_fit(house: House, plan: Plan) -> None:
    """Refuse a plan whose people's data may not be kept where this installation keeps them."""
    missing = plan.stores_missing(house.settings.stores_marked)
    if missing:
        raise NotAllowed(
            f"The plan {plan.id} keeps data of people in {', '.join(missing)} only in stores marked for it, and this "
            f"installation is not: if its database is there, add the place to `stores_marked` in {house.settings_path}."
        )


def change_facts(
    house: House, incident: str, facts: Facts, *, by: str, now: DateTime
) -> tuple[differences.Change, ...]:
    """Put a new version of the facts and assess again; returns what changed in the duties."""
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "facts.change", by=by, now=now, incident=incident)
        return _record_facts(house, session, incident, facts, by=by, now=now)


def _record_facts(
    house: House, session: Session, incident: str, facts: Facts, *, by: str, now: DateTime
) -> tuple[differences.Change, ...]:
    before = facts_store.latest(session, incident)
    version = facts_store.put(session, incident, facts.document(), by=by, at=now)
    if before is not None and version == before.version:
        return ()
    stored = facts_store.get(session, incident, version)
    ledger.append(
        session, incident, EventType.FACTS_CHANGED, actor=by, data={"version": version, "hash": stored.hash}, at=now
    )
    return assessing.reassess(house, session, incident, by=by, now=now)


def close(house: House, incident: str, *, by: str, reason: str, destroy_data: bool, now: DateTime) -> None:
    """Close an incident, and destroy its personal data for good if asked; raises NotAllowed while something is owed."""
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "close", by=by, now=now, incident=incident, house=house)
        left = assessing.still_owed(session, incident)
        if left and not reason:
            raise NotAllowed(
                f"Incident {incident} still owes {len(left)} duties (first: {left[0]}): do them, or give a --reason."
            )
        incidents.close(session, incident, at=now)
        closing = {"owed": len(left), "reason": reason or None}
        ledger.append(session, incident, EventType.INCIDENT_CLOSED, actor=by, data=closing, at=now)
        if destroy_data:
            incidents.destroy_key(session, incident, by=by, at=now)
        ledger.checkpoint(session, incident, signing.signer(session, house.master_key, now), now)
