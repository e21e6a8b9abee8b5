"""Why something was late: which part of its way took longest, who it waited for, and what kept them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import ledger, people, reports, texts, waves
from db.tables import Duty
from flows.drill import doing
from flows.drill.playing import Play
from flows.drill.work import Done
from tocsin import durations
from tocsin.ledger import EventType


@dataclass(frozen=True, kw_only=True)
class Leg:
    """A part of the way to a duty's being done."""

    what: str
    begins: DateTime
    ends: DateTime
    job: Done | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ends - self.begins).total_seconds()


class Trace:
    """The ways of one drill."""

    def __init__(self, play: Play, session: Session) -> None:
        self._play, self._session = play, session

    def why(self, duty: Duty) -> str:
        """The longest part of the way of a duty that was late, in a sentence."""
        until = duty.done_at or self._play.ends
        legs = [leg for leg in self._legs(duty, until) if leg.seconds > 0]
        if not legs:
            return "nobody did anything about it"
        longest = max(legs, key=lambda leg: (leg.seconds, leg.what))
        said = f"{longest.what} took {_length(longest.seconds)} of {_length(sum(leg.seconds for leg in legs))}"
        return f"{said}{self._kept(longest.job)}" if longest.job else said

    def _legs(self, duty: Duty, until: DateTime) -> list[Leg]:
        starts = max(self._play.begins, duty.first_seen_at)
        if duty.audience in {"individuals", "public", "media"}:
            return self._of_people(until)
        filed = [row for row in reports.listed(self._session, self._play.incident) if duty.id in row.duties]
        if filed:
            return self._of_report(filed[-1].form, until)
        mine = [one for one in self._history("duty") if one.job.of == duty.key]
        return (
            self._of_jobs([(f"the duty itself, with {mine[0].by},", mine[0])], starts)
            if mine
            else self._waiting(duty, until)
        )

    def _of_people(self, until: DateTime) -> list[Leg]:
        session, incident = self._session, self._play.incident
        marks: list[tuple[str, DateTime, Done | None]] = []
        imported = waves.listed(session, incident)
        if imported:
            marks.append(("finding out who the people are", imported[0].imported_at, None))
        written = texts.all_latest(session, incident, "notice").values()
        writers = [one for one in self._history("write") if one.job.of.startswith("notice")]
        if written and writers:
            marks.append((f"writing the notice, by {writers[0].by},", max(row.at for row in written), writers[0]))
        decided = [one for one in self._history("approve") if one.job.of.startswith("notice ")]
        if decided:
            marks.append((f"approving the notice, by {decided[0].by},", decided[0].done, decided[0]))
        counts = people.counts(session, incident)
        if counts.total and decided:
            sent = until if counts.pending else self._last_verdict() or until
            marks.append(("the sending, until everybody had a verdict,", min(sent, until), None))
            marks.append(("what was left to do after the sending", until, None))
        else:
            marks.append(("waiting for an approved notice" if written else "waiting for a notice", until, None))
        return self._chain(marks, self._play.begins)

    def _last_verdict(self) -> DateTime | None:
        settled = people.by_place_settled(self._session, self._play.incident)
        return max((one.settled_at for one in settled if one.settled_at), default=None)

    def _of_report(self, form: str, until: DateTime) -> list[Leg]:
        drafts = ledger.listed(self._session, self._play.incident, event_type=EventType.REPORT_DRAFTED)
        drafted = min((one.at for one in drafts if one.data.get("form") == form), default=until)
        marks: list[tuple[str, DateTime, Done | None]] = [("drafting the report", drafted, None)]
        for kind, what in (("approve", f"report:{form}:"), ("file", f"{form} ")):
            mine = [one for one in self._history(kind) if one.job.of.startswith(what)]
            if mine:
                word = "approving" if kind == "approve" else "handing in"
                marks.append((f"{word} the report, by {mine[0].by},", mine[0].done, mine[0]))
        marks.append(("waiting for whoever approves or hands in the report", until, None))
        return self._chain(marks, self._play.begins)

    def _waiting(self, duty: Duty, until: DateTime) -> list[Leg]:
        desks = [who for who, some in self._play.cast.left().items() if any(job.of == duty.key for job in some)]
        who = f" on the desk of {desks[0]}" if desks else ""
        return [Leg(what=f"waiting{who}", begins=max(self._play.begins, duty.first_seen_at), ends=until)]

    def _of_jobs(self, jobs: Sequence[tuple[str, Done]], starts: DateTime) -> list[Leg]:
        return self._chain([(what, job.done, job) for what, job in jobs], starts)

    @staticmethod
    def _chain(marks: Sequence[tuple[str, DateTime, Done | None]], starts: DateTime) -> list[Leg]:
        legs, at = [], starts
        for what, ends, job in marks:
            legs.append(Leg(what=what, begins=at, ends=max(at, ends), job=job))
            at = max(at, ends)
        return legs

    def _history(self, kind: str) -> list[Done]:
        return [one for one in self._play.cast.history if one.job.kind == kind and not one.refused]

    def _kept(self, done: Done) -> str:
        waited, because = self._wait_of(done)
        return f": {_length(waited)} before it was begun, {because}" if because else ""

    def _wait_of(self, done: Done) -> tuple[float, str]:
        """How long a job lay before it was begun, and what kept whoever did it."""
        waited = (done.begun - done.job.asked).total_seconds()
        if waited < 60:
            return 0.0, ""
        cast = self._play.cast
        if cast.was_away(done.by, done.job.asked, done.begun):
            return waited, f"{done.by} was away"
        if cast.was_off(done.by, done.job.asked, done.begun):
            return waited, f"{done.by} was asked after hours"
        return waited, f"{done.by} had other things to do"

    def decisions(self) -> list[dict[str, Any]]:
        """Every approval asked for: by whom, how long it waited and why."""
        found = []
        for done in self._play.cast.history:
            if done.job.kind != "approve" or done.refused == doing.MOOT:
                continue
            _, because = self._wait_of(done)
            found.append(
                {
                    "what": done.job.of.partition(" ")[0],
                    "by": done.by,
                    "asked": self._shown(done.job.asked),
                    "decided": self._shown(done.done),
                    "waited": _length((done.done - done.job.asked).total_seconds()),
                    "because": because,
                    "refused": self._play.plain(done.refused) if done.refused else None,
                }
            )
        return found

    def bottlenecks(self) -> list[dict[str, Any]]:
        """Where work lay before it was begun, the most first: who, why, how much, how often."""
        seconds: dict[tuple[str, str], float] = defaultdict(float)
        times: dict[tuple[str, str], int] = defaultdict(int)
        for done in self._play.cast.history:
            waited, because = self._wait_of(done)
            if because and done.job.kind != "answer":
                seconds[done.by, because] += waited
                times[done.by, because] += 1
        ranked = sorted(seconds, key=lambda key: (-seconds[key], key))
        return [
            {"who": who, "because": because, "waited": _length(seconds[who, because]), "times": times[who, because]}
            for who, because in ranked
        ]

    def _shown(self, at: DateTime) -> str:
        return at.in_timezone(self._play.house.scenario.starts.timezone_name or "UTC").isoformat()


def _length(seconds: float) -> str:
    from datetime import timedelta

    return durations.text_of(timedelta(minutes=round(seconds / 60)))
