"""The after-action report of a drill: Markdown and JSON from the same data, byte for byte the same each time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SHOWN = 60  # rows of the course of events; the JSON has more


def as_json(report: Mapping[str, Any]) -> bytes:
    """The report as JSON."""
    return (json.dumps(report, ensure_ascii=False, indent=1) + "\n").encode()


def as_markdown(report: Mapping[str, Any], compared: Mapping[str, Any] | None = None) -> str:
    """The report for people; with `compared` also what differs from the last drill (`compare`)."""
    return "\n".join([*_head(report), *_duties(report), *_people(report), *_work(report), *_watch(report),
                      *(_compared(compared) if compared else ()), *_course(report)]) + "\n"  # fmt: skip


def _head(report: Mapping[str, Any]) -> Iterator[str]:
    drill, score = report["drill"], report["score"]
    yield f"# Drill {drill['scenario']}: {drill['title']}"
    yield ""
    yield f"Plan {drill['plan']}, from {_when(drill['begins'])} to {_when(drill['ends'])}, seed {drill['seed']}."
    yield "Everybody in it is made up, and nothing left the machine."
    yield ""
    percent = "nothing to score" if score["percent"] is None else f"{score['percent']} %"
    yield f"**Score: {percent}** – {score['duties_in_time']} duties in time, {score['duties_late']} late,"
    yield f"{score['duties_late_and_open']} late and still open, {score['duties_unsettled']} unsettled;"
    yield f"{score['expectations_met']} of {score['expectations']} expectations met."
    yield ""
    rows = [(one["expected"], "yes" if one["met"] else "**no**", one["found"]) for one in report["expectations"]]
    yield from _table("Expectations", ("expected", "met", "found"), rows)


def _duties(report: Mapping[str, Any]) -> Iterator[str]:
    bad = [row for row in report["duties"] if row.get("because")]
    rows = [
        (row["duty"], row["state"], _when(row["due"]), _when(row["done"]), row["late_by"] or "", row["because"])
        for row in bad
    ]
    yield from _table("Late or unsettled, and why", ("duty", "state", "due", "done", "late by", "because"), rows)
    others = [
        (row["duty"], row["to"], row["state"], _when(row["due"]), _when(row["done"]))
        for row in report["duties"]
        if not row.get("because")
    ]
    yield from _table("Other duties", ("duty", "to", "state", "due", "done"), others)


def _people(report: Mapping[str, Any]) -> Iterator[str]:
    people = report["people"]
    said = ", ".join(f"{name} {number}" for name, number in people["by_verdict"].items()) or "no verdicts"
    yield "## People"
    yield ""
    yield f"{people['total']} people: {said}; {people['open']} open at the end."
    yield ""
    rows = [(row["place"], row["verdict"], row["reason"], row["people"]) for row in people["not_reached"]]
    yield from _table("Not reached one by one", ("place", "verdict", "reason", "people"), rows)


def _work(report: Mapping[str, Any]) -> Iterator[str]:
    rows = [(row["who"], row["because"], row["waited"], row["times"]) for row in report["bottlenecks"]]
    yield from _table("Where work lay", ("who", "because", "in all", "times"), rows)
    decided = [
        (row["what"], row["by"], _when(row["asked"]), row["waited"], row["refused"] or row["because"])
        for row in report["decisions"]
    ]
    yield from _table("Decisions", ("what", "by", "asked", "waited", "because"), decided)
    late = [
        (row["task"], row["owner"], _when(row["due"]), _when(row["done"])) for row in report["tasks"] if row["late"]
    ]
    yield from _table("Tasks that were late", ("task", "owner", "due", "done"), late)
    left = [(row["who"], row["what"]) for row in report["left"]]
    yield from _table("Left on the desks", ("who", "what"), left)


def _watch(report: Mapping[str, Any]) -> Iterator[str]:
    told, watch = report["warnings"], report["watch"]
    yield "## Warnings and the watch"
    yield ""
    answered = f"; the longest answer took {told['longest_to_answer']}" if told["longest_to_answer"] else ""
    yield f"{told['warnings']} warnings, {told['answered']} answered{answered}."
    for name, states in told["by_person"].items():
        yield f"- {name}: " + ", ".join(f"{state} {number}" for state, number in states.items())
    yield ""
    yield f"The watch was away for {watch['away_minutes']} minutes."
    yield ""
    unsaid = [(row["duty"], ", ".join(row["steps"]), _when(row["seen"])) for row in watch["passed_unsaid"]]
    yield from _table("Passed unsaid", ("duty", "steps", "seen"), unsaid)
    seen = [(row["duty"], row["seen_after"]) for row in watch["seen_late"]]
    yield from _table("Overdue, and seen late", ("duty", "seen after"), seen)


def _compared(compared: Mapping[str, Any]) -> Iterator[str]:
    yield "## Beside the last drill of this plan"
    yield ""
    yield f"{compared['before']}: score {compared['score'][0]} → {compared['score'][1]}."
    rows = [(row["duty"], row["before"], row["now"]) for row in compared["duties"]]
    yield ""
    yield from _table("Duties that went otherwise", ("duty", "before", "now"), rows)


def _course(report: Mapping[str, Any]) -> Iterator[str]:
    rows = [(_when(row["at"]), row["kind"], row["said"]) for row in report["course"] if row["kind"] != "warning"]
    yield from _table("Course of events", ("at", "kind", "what"), rows[:_SHOWN])
    if len(rows) > _SHOWN:
        yield f"And {len(rows) - _SHOWN} more in the JSON."


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    if not rows:
        return
    yield f"## {title}"
    yield ""
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row)} |"
    yield ""


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())


def _when(at: str | None) -> str:
    """An instant to the minute."""
    return "" if at is None else f"{at[:16].replace('T', ' ')}{at[19:]}"


def compare(before: Mapping[str, Any], now: Mapping[str, Any], *, name: str) -> dict[str, Any]:
    """What differs between two drills: scores, people, and each duty whose state is another."""
    then = {row["duty"]: row for row in before["duties"]}
    here = {row["duty"]: row for row in now["duties"]}
    duties = [
        {"duty": key, "before": _said(then.get(key)), "now": _said(here.get(key))}
        for key in sorted(then.keys() | here.keys())
        if _said(then.get(key)) != _said(here.get(key))
    ]
    return {
        "before": name,
        "same_scenario": before["drill"]["scenario"] == now["drill"]["scenario"],
        "same_plan_text": before["drill"]["plan_hash"] == now["drill"]["plan_hash"],
        "score": [before["score"]["percent"], now["score"]["percent"]],
        "people": [before["people"]["by_verdict"], now["people"]["by_verdict"]],
        "duties": duties,
    }


def _said(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "no such duty"
    return f"{row['state']} by {row['late_by']}" if row["late_by"] else str(row["state"])
