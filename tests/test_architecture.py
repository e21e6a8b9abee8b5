"""Promises about the whole house: import names, documented commands and events, no personal data in plain sight."""

import importlib
import importlib.metadata
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("tocsin", "db", "notifiers", "documents", "flows", "console", "playbooks")


@pytest.mark.parametrize("name", FOLDERS)
def test_each_folder_imports_from_this_tree(name: str) -> None:
    module = importlib.import_module(name)

    assert module.__file__ is not None
    assert Path(module.__file__).parent == ROOT / name


def test_no_other_distribution_provides_one_of_our_names() -> None:
    providers = importlib.metadata.packages_distributions()

    assert {name: set(providers.get(name, ["tocsin"])) for name in FOLDERS} == {name: {"tocsin"} for name in FOLDERS}


def test_every_command_is_in_the_documentation() -> None:
    import typer.main

    from console.main import app

    text = (ROOT / "docs" / "commands.md").read_text()
    group = typer.main.get_command(app)
    paths = [
        f"tocsin {name} {inner}" if inner else f"tocsin {name}"
        for name, command in group.commands.items()  # type: ignore[attr-defined]
        for inner in getattr(command, "commands", {None: None})
    ]

    assert [path for path in paths if path not in text] == []


def test_every_command_has_help_of_a_whole_sentence() -> None:
    import typer.main

    from console.main import app

    group = typer.main.get_command(app)
    commands = [
        leaf
        for command in group.commands.values()  # type: ignore[attr-defined]
        for leaf in getattr(command, "commands", {None: command}).values()
    ]

    assert [command.name for command in commands if not re.match(r"[A-Z].{15,}\.", command.help or "", re.DOTALL)] == []


def test_every_ledger_event_is_in_the_documentation() -> None:
    from tocsin.ledger import EventType

    text = (ROOT / "docs" / "ledger.md").read_text()

    assert [event.value for event in EventType if f"`{event.value}`" not in text] == []


def test_files_and_functions_stay_small() -> None:
    import ast

    long_files, long_functions = [], []
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            if "migrations" in path.parts:
                continue
            text = path.read_text()
            if text.count("\n") > 400:
                long_files.append(str(path.relative_to(ROOT)))
            long_functions += [
                f"{path.relative_to(ROOT)}:{node.name}"
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 50
            ]

    assert (long_files, long_functions) == ([], [])
