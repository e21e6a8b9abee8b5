"""Writes docs/commands.md from the command line itself: `python scripts/write_commands.py`.

A test fails while the committed page is not what this makes.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from console.main import app
from tocsin import errors

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
WIDTH = 120

_HEAD = """\
# Commands

Made from the command line by `python scripts/write_commands.py`; change the help there, not here.

Every command has `--help`. Those that act for a person take `--as NAME`. `INCIDENT` may be `-` for the only open one.
What is printed for people may change; `--json` is for programs. Errors are one sentence on standard error.

## Exit codes

"""

_OWN_CODES = {
    0: "Done.",
    1: "Something is missing or not ready, as reported, or the program itself failed.",
    130: "Interrupted.",
}


def page() -> str:
    """The whole page."""
    sections = _sections()
    contents = "\n".join(_contents(title, found) for title, found in sections.items())
    described = "\n".join(_section(path, command) for found in sections.values() for path, command in found)
    return f"{_HEAD}{_exit_codes()}\n## All commands\n\n{contents}\n{described}"


def _sections() -> dict[str, list[tuple[str, Any]]]:
    """Every command that does something, with its path, under the headings of `tocsin --help`."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("tocsin", [], resilient_parsing=True)
    return {
        title: [found for name in names for found in _leaves(name, group.commands[name])]
        for title, names in group.sections(context).items()
    }


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        if command.invoke_without_command:
            yield f"tocsin {name}", command
        yield from ((f"tocsin {name} {inner}", leaf) for inner, leaf in command.commands.items())
    else:
        yield f"tocsin {name}", command


def _contents(title: str, found: list[tuple[str, Any]]) -> str:
    rows = "".join(f"| [`{path}`](#{path.replace(' ', '-')}) | {_first_sentence(one)} |\n" for path, one in found)
    return f"| {title} | |\n|---|---|\n{rows}"


def _exit_codes() -> str:
    meanings = {code: [words] for code, words in _OWN_CODES.items()}
    for error in _tree(errors.TocsinError):
        # A provider that does not take a message is settled in the record and ends no command.
        if error is not errors.TocsinError and not issubclass(error, errors.DeliveryError):
            meanings.setdefault(error.exit_code, []).append(inspect.getdoc(error) or "")
    rows = "".join(f"| {code} | {' '.join(words)} |\n" for code, words in sorted(meanings.items()))
    return f"| code | meaning |\n|---|---|\n{rows}"


def _tree(error: type[errors.TocsinError]) -> Iterator[type[errors.TocsinError]]:
    yield error
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:  # the tree as documented; parts may refine it for themselves
            yield from _tree(child)


def _section(path: str, command: Any) -> str:
    told = [" ".join(paragraph.split()) for paragraph in _plain(command.help).split("\n\n")]
    parts = [f"### {path}\n", f"    {_usage(path, command)}\n", *(f"{_wrapped(words)}\n" for words in told)]
    parameters = [_parameter(one) for one in command.params]
    if parameters:
        parts.append("".join(f"{line}\n" for line in parameters))
    examples = _examples(command)
    if examples:
        parts += ["For example:\n", "".join(f"    {line}\n" for line in examples)]
    return "\n".join(parts)


def _examples(command: Any) -> list[str]:
    """The lines under `Example:` at the end of a help page."""
    lines = [line.strip() for line in (command.epilog or "").splitlines()]
    return [line for line in lines if line and line not in {"\b", "Example:", "Examples:"}]


def _plain(words: str | None) -> str:
    """Help without the signs that tell the terminal how to wrap it."""
    return inspect.cleandoc((words or "").replace("\b", "").replace("\f", "\n\n"))


def _first_sentence(command: Any) -> str:
    return re.split(r"(?<=\.)\s", " ".join(_plain(command.help).split()), maxsplit=1)[0].replace("|", "\\|")


def _usage(path: str, command: Any) -> str:
    names = [
        _metavar(one) if one.required else f"[{_metavar(one)}]"
        for one in command.params
        if one.param_type_name == "argument"
    ]
    must = [f"{one.opts[0]}{_value(one)}" for one in command.params if one.param_type_name == "option" and one.required]
    optional = any(one.param_type_name == "option" and not one.required for one in command.params)
    return " ".join([path, *names, *must, *(["[OPTIONS]"] if optional else [])])


def _parameter(one: Any) -> str:
    """The line about one argument or option."""
    if one.param_type_name == "argument":
        name = f"`{_metavar(one)}`"
    else:
        name = ", ".join(f"`{option}{_value(one)}`" for option in one.opts)
    line = f"- {name}: {_plain(one.help)}{_remark(one)}"
    return textwrap.fill(line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _metavar(one: Any) -> str:
    named = (one.metavar or one.name or "").upper() if one.param_type_name == "argument" else one.metavar
    return str(named).removeprefix("[").removesuffix("...").removesuffix("]") + ("..." if one.nargs == -1 else "")


def _value(one: Any) -> str:
    """` NAME` after an option that takes a value."""
    if getattr(one, "is_flag", False):
        return ""
    return f" {one.metavar or one.name.upper()}"


def _remark(one: Any) -> str:
    remarks = []
    if one.param_type_name == "option" and one.required:
        remarks.append("required")
    if not getattr(one, "is_flag", False) and one.default not in {None, ""} and not callable(one.default):
        remarks.append(f"default `{one.default}`")
    if one.min is not None and one.max is not None:
        remarks.append(f"{one.min} to {one.max}")
    return f" ({', '.join(remarks)})" if remarks else ""


def _wrapped(words: str) -> str:
    return textwrap.fill(words, WIDTH, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
