"""How things look on the terminal: tables, sentences, JSON. Colours only where a person reads them."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

_COLOUR = {"OVERDUE": "bold red", "owed": "yellow", "done": "green", "undetermined": "cyan", "suspended": "magenta"}
_PIPED_WIDTH = 140  # columns; what is piped is not cut to the width of somebody's terminal


def as_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def as_csv(path: str, rows: Sequence[Mapping[str, Any]], headings: Sequence[str]) -> None:
    """Write rows as CSV, to a file for its owner alone, or for `-` to standard output."""
    from pathlib import Path

    from flows import private_files

    if path == "-":
        typer.echo(private_files.text(headings, rows), nl=False)
        return
    count = private_files.write(Path(path), headings, rows)
    typer.echo(f"Wrote {count} rows to {path}.")


def rich(*parts: Any) -> None:
    """Print Rich markup and tables, in one piece."""
    screen = _screen()
    with screen.capture() as captured:
        for part in parts:
            screen.print(part)
    # Rich fills every line of a table with blanks up to its width: nothing that a pipe needs.
    typer.echo("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()), nl=False)


def _screen() -> "Console":
    """A terminal; plain for pipes, and where NO_COLOR asks for it (https://no-color.org)."""
    import os
    import sys

    from rich.console import Console

    seen = sys.stdout.isatty()
    plain = not seen or bool(os.environ.get("NO_COLOR"))
    width = None if seen or os.environ.get("COLUMNS") else _PIPED_WIDTH
    return Console(highlight=False, color_system=None if plain else "auto", force_terminal=seen, width=width)


def table(title: str, rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Print rows as a table with the keys as headings; `empty` says what no rows mean."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    if not rows:
        rich(f"[bold]{escape(title)}[/]: {escape(empty)}")
        return
    columns = list(dict.fromkeys(key for row in rows for key in row))
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        made.add_row(*(_cell(row.get(column)) for column in columns))
    rich(Text(title, "bold"), made)  # a title inside the table would be broken at the table's width


def _cell(value: Any) -> Any:
    from rich.text import Text

    text = "" if value is None else str(value)
    return Text(text, _COLOUR.get(text, ""))


def changes(found: Sequence[Any]) -> None:
    """Print how the duties changed, one sentence a line."""
    marks = {"appeared": "+", "fell-away": "-", "moved-earlier": "<", "moved-later": ">", "overdue-on-creation": "!"}
    for change in found:
        typer.echo(f"  {marks.get(change.kind, '~')} {change.sentence}")
    if not found:
        typer.echo("  No duty changed.")
