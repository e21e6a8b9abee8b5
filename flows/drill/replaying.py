"""A past incident under today's law and plan: what would differ from what was said at the time. Nothing is changed."""

from dataclasses import dataclass
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import duties as duty_store
from db import facts as facts_store
from db import incidents, ledger
from db.tables import FactsVersion
from flows.steps import acts, assessing
from flows.wiring import House
from tocsin import differences, duties
from tocsin import facts as fact_parser
from tocsin.ledger import EventType


@dataclass(frozen=True, kw_only=True)
class Step:
    """One version of the facts, assessed by what is law and plan today; `changes` are against the version before."""

    version: int
    at: DateTime
    duties: int
    changes: tuple[differences.Change, ...]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What would differ: `then` is what is on record, `now` what today's law and plan say of the same facts."""

    incident: str
    plan: str
    plan_changed: bool
    steps: tuple[Step, ...]
    differs: tuple[dict[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        steps = [
            {
                "version": one.version,
                "at": one.at.isoformat(),
                "duties": one.duties,
                "changes": [change.row() for change in one.changes],
            }
            for one in self.steps
        ]
        return {
            "incident": self.incident,
            "plan": self.plan,
            "plan_changed": self.plan_changed,
            "steps": steps,
            "differs": list(self.differs),
        }


def replay(house: House, incident: str) -> Replay:
    """Assess every version of an incident's facts anew, each as of the time at which it was recorded."""
    with house.database.reading() as session:
        record = incidents.get(session, incident)
        versions = facts_store.history(session, incident)
        steps, before, after = [], None, None
        for version in versions:
            after = _assessed(house, session, incident, version, record.plan)
            changes = differences.compare(before, after)
            found = len(assessing.keyed(after))
            steps.append(Step(version=version.version, at=version.at, duties=found, changes=changes))
            before = after
        then = {duty.key: duty.row for duty in assessing.live(session, incident)}
        known = bool(duty_store.listed(session, incident))
        declared = ledger.listed(session, incident, event_type=EventType.INCIDENT_DECLARED)
        plan_hash = declared[0].data.get("plan_hash") if declared else None
    now = assessing.keyed(after) if after is not None else []
    return Replay(
        incident=incident,
        plan=record.plan,
        plan_changed=plan_hash is not None and plan_hash != house.plan(record.plan).hash,
        steps=tuple(steps),
        differs=tuple(_differences(then, {row["key"]: row for row in now}, known=known)),
    )


def _assessed(house: House, session: Session, incident: str, version: FactsVersion, plan: str) -> duties.Assessment:
    """By the facts of that version and what had been done by then; the last one by everything that was done."""
    newest = facts_store.latest_version(session, incident)
    done = acts.events(session, incident)
    if version.version != newest:
        done = []
    document = assessing.with_acts(version.document, done)
    facts = fact_parser.parse(document, source=f"incident {incident}, facts version {version.version}")
    return duties.assess(facts, (house.plan(plan).promises, *house.regimes), as_of=version.at).gathered()


def _differences(then: dict[str, Any], now: dict[str, Any], *, known: bool) -> list[dict[str, Any]]:
    """Duties that appear, fall away, or have another status or date; none are compared where none were recorded."""
    if not known:
        return []
    found = []
    for name in sorted(then.keys() | now.keys()):
        before, after = then.get(name), now.get(name)
        said = _said(before), _said(after)
        if said[0] != said[1]:
            kind = "appears" if before is None else "falls away" if after is None else "differs"
            found.append({"duty": name, "change": kind, "then": said[0], "now": said[1]})
    return found


def _said(row: dict[str, Any] | None) -> str:
    if row is None:
        return "no such duty"
    due = row.get("due") or row.get("target")
    return f"{row['status']}, by {due}" if due else str(row["status"])
