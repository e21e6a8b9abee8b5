"""The duties of laws of which it is open whether they apply at all, as one row: one thing to settle."""

from collections.abc import Sequence
from typing import Final

from tocsin import questions
from tocsin.duty import Duty

REGIME: Final = "unsettled"
ID: Final = f"{REGIME}/laws"
_MOST: Final = 12


def row(apart: Sequence[Duty]) -> Duty:
    """One undetermined row for many; it is due when the earliest of them would be."""
    laws = tuple(dict.fromkeys(duty.regime for duty in apart))
    ranked = questions.ranked(apart)
    dated = [duty for duty in apart if duty.target is not None]
    first = min(dated, key=lambda duty: duty.target.timestamp() if duty.target else 0.0, default=None)
    plural = "laws" if len(laws) > 1 else "law"
    many = "duties" if len(apart) > 1 else "duty"
    told = [
        f"{len(laws)} further {plural} with {len(apart)} {many} may apply: {_few(laws)}.",
        *(f"{question.words} ({question.fact})" for question in ranked[:_MOST]),
    ]
    if first is not None:
        told.append(f"The first of them would be {first.id}.")
    return Duty(
        id=ID,
        regime=REGIME,
        audience="record",
        recipient=f"{len(laws)} further {plural} that may apply",
        status="undetermined",
        due=first.due if first else None,
        target=first.target if first else None,
        undated=None,
        starts=None,
        starts_at=None,
        unknown=tuple(question.fact for question in ranked[:_MOST]),
        advised=None,
        people=None,
        stage=None,
        order=(),
        channels=(),
        content=(),
        citation="the laws named below",
        source="",
        in_force_from=None,
        in_force_until=None,
        confidence="text",
        explained=tuple(told),
    )


def _few(laws: Sequence[str]) -> str:
    more = f" and {len(laws) - _MOST} more" if len(laws) > _MOST else ""
    return f"{', '.join(laws[:_MOST])}{more}"
