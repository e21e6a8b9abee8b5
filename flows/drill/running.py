"""Running one drill from its files to its report."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pendulum import DateTime

from flows.drill import house as houses
from flows.drill import scoring
from flows.drill.playing import Play, Tell
from flows.drill.work import Cast
from notifiers.fakes.scripted import Scripted, Spell
from tocsin import scenario as scenarios
from tocsin.plan import Plan
from tocsin.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Pace:
    """So many simulated seconds a second for an audience; None: as fast as it goes."""

    speed: float | None = None
    sleep: Callable[[float], None] = time.sleep


def run(
    found: Scenario,
    plan: Plan,
    *,
    source: str = "the scenario",
    folder: Path | None = None,
    database: str | None = None,
    tell: Tell = lambda _at, _kind, _said: None,
    pace: Pace | None = None,
    every_minute: bool = False,
) -> dict[str, Any]:
    """Play a drill in a fresh home and return its report; with `folder` the home is kept there.

    Raises Invalid where scenario and plan do not fit, Misconfigured where `database` is somebody's.
    """
    scenarios.must_fit(found, plan, source=source)
    clock = houses.Clock(found.starts.in_timezone("UTC"))
    stage = Scripted(lambda: clock.at, spells=_spells(found))
    told = _paced(tell, pace, clock.at)
    with _home(folder) as home, houses.opened(home, found, plan, stage=stage, clock=clock, database=database) as house:
        play = Play(house, stage, Cast(found), tell=told, every_minute=every_minute)
        play.run()
        if folder is not None:
            houses.leave(house)
        return scoring.report(play)


@contextmanager
def _home(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="tocsin-drill-") as made:
        yield Path(made) / "home"


def _spells(found: Scenario) -> tuple[Spell, ...]:
    begins = found.starts.in_timezone("UTC")
    spells = []
    for one in found.injects:
        if one.lasts is None:
            continue
        first = begins + one.at
        last = first + one.lasts
        if one.outage is not None:
            spells.append(Spell(channel=one.outage, begins=first, ends=last))
        if one.bounces is not None:
            spells.append(Spell(channel=one.bounces.channel, begins=first, ends=last, percent=one.bounces.percent))
    return tuple(spells)


def _paced(tell: Tell, pace: Pace | None, begins: DateTime) -> Tell:
    if pace is None or pace.speed is None:
        return tell
    speed, sleep, started = pace.speed, pace.sleep, time.monotonic()

    def told(at: DateTime, kind: str, said: str) -> None:
        due = (at - begins).total_seconds() / speed
        ahead = due - (time.monotonic() - started)
        if ahead > 0:
            sleep(ahead)
        tell(at, kind, said)

    return told
