"""The yearly drill is a duty of the plan: when one was held last, and when the next is due.

The reports of drills are the record. A plan counts from the first incident declared under it, or its last drill.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pendulum import DateTime

from db import incidents
from flows import plans
from flows.drill import filing
from flows.wiring import House
from tocsin.errors import TocsinError
from tocsin.plan import Plan

_EVERY = re.compile(r"P(?P<number>\d+)(?P<unit>[YM])")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One plan's drills: the last, when the next is due, and what asks for it."""

    plan: str
    last: DateTime | None
    due: DateTime
    overdue: bool
    citation: str
    confidence: str

    @property
    def sentence(self) -> str:
        """What there is to say."""
        when = f"its last was on {self.last.to_date_string()}" if self.last else "none was held yet"
        word = "is overdue since" if self.overdue else "is due by"
        rule = f"{self.citation}; confidence: {self.confidence}"
        said = f"The drill of plan {self.plan} {word} {self.due.to_date_string()} ({when}; {rule})"
        return f"{said}: `tocsin drill {self.plan}`."

    def row(self) -> dict[str, object]:
        """As JSON."""
        return {
            "plan": self.plan,
            "last": self.last.isoformat() if self.last else None,
            "due": self.due.isoformat(),
            "overdue": self.overdue,
            "citation": self.citation,
            "confidence": self.confidence,
        }


def standings(home: Path, *, now: DateTime, used: Mapping[str, DateTime]) -> list[Standing]:
    """Where each plan stands that is in use here (`used`: since when) or was drilled, and that wants drills."""
    held = {one.plan: one.held_at for one in filing.listed(home)}
    found = []
    for name in sorted({*used, *held}):
        plan = _plan(name)
        since = held.get(name) or used.get(name)
        if plan is not None and plan.text.drills is not None and since is not None:
            found.append(_standing(plan, held.get(name), since, now))
    return found


def in_use(house: House) -> dict[str, DateTime]:
    """The plans of this installation's incidents, and when each was first used."""
    first: dict[str, DateTime] = {}
    with house.database.reading() as session:
        for incident in incidents.listed(session):
            first[incident.plan] = min(first.get(incident.plan, incident.declared_at), incident.declared_at)
    return first


def _standing(plan: Plan, last: DateTime | None, since: DateTime, now: DateTime) -> Standing:
    assert plan.text.drills is not None
    due = _after(since, plan.text.drills.every)
    rule = plan.text.drills
    return Standing(
        plan=plan.id, last=last, due=due, overdue=due < now, citation=rule.citation, confidence=rule.confidence
    )


def _after(since: DateTime, every: str) -> DateTime:
    match = _EVERY.fullmatch(every)
    assert match is not None  # the plan was checked when it was read
    number = int(match["number"])
    return since.add(years=number) if match["unit"] == "Y" else since.add(months=number)


def _plan(name: str) -> Plan | None:
    try:
        return plans.get(name)
    except TocsinError:
        return None  # a plan that is gone wants no drills
