"""The end of the story: the tables, the proof, and where everything is."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pendulum
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from db import ledger
from flows.steps import exporting, pictures
from flows.wiring import House

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT")


def show(screen: Console, house: House, incident: str, outbox: Path, *, by: str) -> None:
    """Print what became of duties and people, verify the ledger, and name the files."""
    summary = pictures.summary(house, incident)
    screen.print()
    _table(screen, "Duties", [{k: row[k] for k in ("duty", "to", "state", "due")} for row in summary["duties"]])
    _table(screen, f"{summary['people']['total']} people, by verdict", [_share(summary["people"])])
    _table(screen, "Attempts, by channel and what became of them", summary["delivery"])
    _table(screen, "Reports", summary["reports"])
    _told_once(screen, outbox)
    export = house.folder / "ledger.jsonl"
    exporting.to_file(house, incident, export, by=by)
    with house.database.reading() as session:
        verified = ledger.verify(session, incident)
    screen.print(f"[green]Ledger verified[/]: {verified.count} events, {verified.checkpoints} signed checkpoints.")
    _paths(screen, house, incident, export, outbox)


def _share(people: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(people["by_verdict"].items())) or {"open": people["open"]}


def _shown(value: object) -> str:
    """A cell: instants to the minute with their offset, nothing for None."""
    text = "" if value is None else str(value)
    if not _INSTANT.match(text):
        return text
    return pendulum.parse(text).format("ddd D MMM YYYY HH:mm Z")  # type: ignore[union-attr]


def _told_once(screen: Console, outbox: Path) -> None:
    """Count in the providers' own outbox whether any message key was taken twice."""
    taken: Counter[str] = Counter()
    for path in sorted(outbox.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry.get("type") == "message":
                taken[entry["key"]] += 1
    twice = sum(1 for number in taken.values() if number > 1)
    screen.print(f"The fake providers took {len(taken)} messages; {twice} of them more than once.")


def _paths(screen: Console, house: House, incident: str, export: Path, outbox: Path) -> None:
    places = [
        ("announcement", house.settings.public / incident / "index.html"),
        *(("report", path) for path in pictures.papers(house, incident)),
        *(("report", path.with_suffix(".json")) for path in pictures.papers(house, incident)),
        ("ledger export", export),
        ("outbox of the fakes", outbox),
    ]
    for name, path in places:
        if path.exists():
            screen.print(f"  {name:<20} {near(path)}", soft_wrap=True)


def near(path: Path) -> Path:
    """A path as one would type it from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _table(screen: Console, title: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        made.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        made.add_row(*(escape(_shown(row.get(column))) for column in columns))
    screen.print(made)
