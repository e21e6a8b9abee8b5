"""What many commands share: options that mean the same everywhere, examples in help, sections of the command list."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

IncidentId = Annotated[
    str, typer.Argument(metavar="INCIDENT", help="Its id, the start of it, or `-` for the only open one")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs")]
By = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Who acts; by default $TOCSIN_USER or the login name")
]
Csv = Annotated[
    str | None, typer.Option("--csv", metavar="PATH", help="Write CSV for a spreadsheet; `-` is standard output")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in words; kept with the record")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="PATH", help="Where to write; by default standard output")
]

_SECTIONS = {
    "In an incident": (
        "declare", "status", "facts", "tasks", "hold", "roster", "calls", "notice", "announce", "report", "approve",
        "refuse", "done", "respond", "calendar", "close", "ledger",
    ),
    "The law and the plans": ("duties", "deadline", "severity", "law", "plan"),
    "This installation": ("init", "people", "doctor", "serve", "watch", "drill", "migrate", "fakes", "demo"),
}  # fmt: skip


def examples(*lines: str) -> str:
    """The end of a help page: commands that work as they stand, one a line."""
    return "\n".join(("\b", "Examples:" if len(lines) > 1 else "Example:", *(f"  {line}" for line in lines)))


class Commands(TyperGroup):
    """A list of commands whose sentences are not cut short."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list in its sections."""
        width = max(map(len, self.list_commands(ctx)))
        for title, names in self.sections(ctx).items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), self._said(ctx, name)) for name in names])

    def sections(self, ctx: Any) -> dict[str, tuple[str, ...]]:
        """Headings and the names of commands under each."""
        return {"Commands": tuple(self.list_commands(ctx))}

    def _said(self, ctx: Any, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit=200) if command else ""


class Sections(Commands):
    """The commands as someone needs them in the night: the incident first."""

    def sections(self, ctx: Any) -> dict[str, tuple[str, ...]]:
        """As above, in the order of the night; a command that no section names stands under the last."""
        named = {name for names in _SECTIONS.values() for name in names}
        left = tuple(name for name in self.list_commands(ctx) if name not in named)
        *first, (title, names) = _SECTIONS.items()
        return {**dict(first), title: (*names, *left)}


def group(sentence: str) -> typer.Typer:
    """A command with commands of its own."""
    return typer.Typer(cls=Commands, no_args_is_help=True, rich_markup_mode=None, help=sentence)
