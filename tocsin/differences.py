"""What a change of facts did to the duties, in sentences: nothing appears, moves or falls away silently."""

from dataclasses import dataclass
from typing import Any

from pendulum import DateTime

from tocsin import moments, unsettled
from tocsin.duties import Assessment, Duty


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference. `kind`: appeared, moved-earlier, moved-later, fell-away, status-changed, overdue-on-creation."""

    kind: str
    duty: str
    sentence: str

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {"kind": self.kind, "duty": self.duty, "sentence": self.sentence}


def compare(before: Assessment | None, after: Assessment) -> tuple[Change, ...]:
    """The changes from one assessment to the next, in the order of the later one; what fell away comes last."""
    old = {duty.id: duty for duty in before.duties} if before else {}
    changes: list[Change] = []
    for duty in after.duties:
        changes.extend(_changes(old.get(duty.id), duty, after))
    present = {duty.id for duty in after.duties}
    changes.extend(_fell_away(duty) for duty in old.values() if duty.id not in present and duty.status != "not-owed")
    return tuple(sorted(changes, key=lambda change: change.kind == "fell-away"))


def _changes(old: Duty | None, new: Duty, after: Assessment) -> list[Change]:
    if old is None or old.status == "not-owed":
        return [] if new.status == "not-owed" else _appeared(new, after)
    if new.status == "not-owed":
        return [_fell_away(new)]
    found = []
    if old.status != new.status:
        sentence = f"{_called(new)}: {old.status} before, {new.status} now{_when(new)}."
        found.append(Change(kind="status-changed", duty=new.id, sentence=sentence))
        if new.status == "owed" and _overdue(new, after):
            found.append(_late(new))
    found.extend(_moved(old, new))
    return found


def _appeared(duty: Duty, after: Assessment) -> list[Change]:
    first = Change(kind="appeared", duty=duty.id, sentence=f"{_called(duty)}: new, {duty.status}{_when(duty)}.")
    return [first, _late(duty)] if duty.status == "owed" and _overdue(duty, after) else [first]


def _moved(old: Duty, new: Duty) -> list[Change]:
    before, now = old.target, new.target
    if _same(before, now) and _same(old.due, new.due):
        return []
    if before is None or now is None:
        kind = "moved-earlier" if before is None else "moved-later"
        return [Change(kind=kind, duty=new.id, sentence=f"{_called(new)}: {_said(old)} before, {_said(new)} now.")]
    kind = "moved-earlier" if (now, new.due or now) < (before, old.due or before) else "moved-later"
    way = "forward" if kind == "moved-earlier" else "back"
    if _same(old.due, new.due):
        sentence = f"{_called(new)}: the day to work to moved {way} from {moments.text(before)} to {moments.text(now)}."
    else:
        sentence = f"{_called(new)}: moved {way} from {_said(old)} to {_said(new)}."
    return [Change(kind=kind, duty=new.id, sentence=sentence)]


def _same(one: DateTime | None, other: DateTime | None) -> bool:
    """Whether they are one instant; in an hour that comes twice, equality of date-times is not that."""
    return (one and one.timestamp()) == (other and other.timestamp())


def _fell_away(duty: Duty) -> Change:
    if duty.regime == unsettled.REGIME:
        sentence = f"{duty.recipient}: settled, each is in the list now or does not apply."
        return Change(kind="fell-away", duty=duty.id, sentence=sentence)
    why = f" {duty.explained[0]}" if duty.status == "not-owed" and duty.explained else ""
    return Change(kind="fell-away", duty=duty.id, sentence=f"{_called(duty)}: no longer owed.{why}")


def _late(duty: Duty) -> Change:
    return Change(
        kind="overdue-on-creation",
        duty=duty.id,
        sentence=f"{_called(duty)}: was already past {_said(duty)} when it arose.",
    )


def _overdue(duty: Duty, after: Assessment) -> bool:
    return duty.due is not None and duty.due < after.as_of


def _called(duty: Duty) -> str:
    return f"{duty.id} ({duty.recipient})"


def _said(duty: Duty) -> str:
    return moments.text(duty.due) if duty.due is not None else (duty.undated or "no date")


def _when(duty: Duty) -> str:
    return f", {_said(duty)}" if duty.due is not None or duty.undated else ""
