"""The command line as a program: help, streams, pipes, colours, speed, and its last door."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from console import main as command_line

ROOT = Path(__file__).parents[2]
TOCSIN = [sys.executable, "-m", "console.main"]
FACTS = "title: \u6cc4\u9732\norganisation: {seat: CN}\n"
HEAVY = ("pydantic", "sqlalchemy", "pendulum", "yaml", "jinja2", "fastapi", "rich.progress", "prefect")


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it."""
    for name, command in get_command(command_line.app).commands.items():  # type: ignore[attr-defined]
        for inner, leaf in getattr(command, "commands", {"": command}).items():
            yield f"{name} {inner}".strip(), leaf


NAMES = [name for name, _ in commands()]


def examples(leaf: Any) -> list[str]:
    return [line.strip() for line in leaf.epilog.splitlines() if line.startswith("  ")]


def process(*words: str, home: Path, stdout: Any = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    settings = {**os.environ, "TOCSIN_HOME": str(home), "TOCSIN_USER": "tester", **environment}
    return subprocess.Popen(
        [*TOCSIN, *words], cwd=ROOT, env=settings, stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_each_command_says_what_it_does_and_how_it_is_called(tocsin: Any, name: str) -> None:
    leaf = dict(commands())[name]

    shown = tocsin.ok(*name.split(), "--help").out

    assert re.match(rf"Usage: tocsin {name} ", shown)
    summary = leaf.help.partition(".")[0]
    assert re.match(r"[A-Z][a-z]+ \S", summary)
    assert examples(leaf)
    assert all(example in shown for example in examples(leaf))
    assert all(parameter.help for parameter in leaf.params), [p.name for p in leaf.params if not p.help]
    assert "\x1b" not in shown


@pytest.mark.parametrize("name", NAMES)
def test_each_example_is_written_as_the_command_wants_it(name: str) -> None:
    known = dict(commands())
    for example in examples(known[name]):
        program, *words = shlex.split(example.partition(" > ")[0])
        called = max((other for other in known if words[: len(other.split())] == other.split()), key=len)

        assert program == "tocsin"
        known[called].make_context(called, words[len(called.split()) :])  # raises where a word is not wanted


def test_the_list_of_commands_names_each_once_and_whole(tocsin: Any) -> None:
    shown = tocsin.ok("--help").out

    listed = re.findall(r"^  ([a-z]+)  ", shown, re.MULTILINE)
    assert sorted(listed) == sorted({name.split()[0] for name in NAMES})
    assert "..." not in shown.partition("Options:")[2]


def test_a_group_without_a_command_shows_its_commands(tocsin: Any) -> None:
    for words in ((), ("notice",)):
        done = tocsin(*words)

        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("Usage: tocsin")


def test_no_slow_library_is_loaded_before_a_command_runs() -> None:
    loaded = f"import sys, console.main; print([name for name in {HEAVY} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("words", [("--help",), ("duties", "-"), ("status",), ("law", "list")], ids=" ".join)
def test_prefect_and_apprise_are_not_loaded_to_answer_a_question(tocsin: Any, words: tuple[str, ...]) -> None:
    script = (
        "import sys; from console import main; main.run(sys.argv[1:]);"
        "print([name for name in ('prefect', 'apprise', 'fastapi') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True, check=True, input=FACTS,
        env={**os.environ, "TOCSIN_HOME": str(tocsin.home)},
    )  # fmt: skip

    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    "words",
    [
        ("status",), ("status", "-"), ("tasks", "-"), ("facts", "show", "-"), ("roster", "show", "-"),
        ("report", "list", "-"), ("ledger", "show", "-"), ("respond", "-"), ("watch", "--once"), ("law", "list"),
        ("law", "show", "eu-gdpr"), ("law", "check"), ("plan", "list"), ("plan", "show", "konzen"),
        ("deadline", "2026-11-20T10:00Z", "--within", "3 days"), ("severity", "--dpc", "3", "--ei", "1"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_json_is_one_pure_document(tocsin: Any, words: tuple[str, ...]) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=FACTS)

    done = tocsin.ok(*words, "--json")

    assert done.json is not None
    assert "\\u" not in done.out  # people's own scripts stay readable


def test_a_table_in_a_pipe_has_no_colour_and_no_blanks_at_the_end(tocsin: Any) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=FACTS)

    shown = process("status", "-", home=tocsin.home, FORCE_COLOR="", TERM="xterm-256color").communicate()[0]

    assert "\u6cc4\u9732" in shown
    assert "\x1b" not in shown
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_for_people_who_want_them(tocsin: Any, environment: dict[str, str], *, coloured: bool) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=FACTS)
    ours, theirs = pty.openpty()

    running = process("status", "-", home=tocsin.home, stdout=theirs, **{"TERM": "xterm-256color", **environment})
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    running.communicate()
    os.close(ours)

    assert running.returncode == 0
    assert "\u6cc4\u9732".encode() in shown
    assert (b"\x1b[" in shown) is coloured


def test_a_reader_who_has_had_enough_is_no_failure(tocsin: Any) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=FACTS)
    for words in (("ledger", "show", "-", "--json"), ("status",), ("--help",), ("plan", "show", "konzen")):
        reading, writing = os.pipe()
        os.close(reading)

        running = process(*words, home=tocsin.home, stdout=writing)
        os.close(writing)
        said = running.communicate()[1]

        assert (running.returncode, said) == (0, ""), words


def test_other_letters_than_ascii_need_no_setting(tocsin: Any) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=FACTS)

    out, err = process("status", "-", "--json", home=tocsin.home, LC_ALL="C", LANG="C", PYTHONUTF8="").communicate()

    assert err == ""
    assert json.loads(out)["title"] == "\u6cc4\u9732"


def test_an_unforeseen_error_is_one_sentence_and_frames_without_values(
    tocsin: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        try:
            {}["user.1@mail.example.cn"]
        except KeyError as error:
            message = f"cannot use {error}"
            raise RuntimeError(message) from error

    (tmp_path / "logs").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "logs"))
    monkeypatch.setattr("db.incidents.listed", fails)

    done = tocsin("status")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("tocsin: an unforeseen RuntimeError stopped this; what was recorded stays.")
    assert done.err.count("\n") == 1
    log = next((tmp_path / "logs").iterdir())
    assert str(log) in done.err
    text = log.read_text()
    assert "builtins.KeyError" in text
    assert "builtins.RuntimeError" in text
    assert "console/incidents.py" in text
    assert "mail.example.cn" not in done.err + text.replace('{}["user.1@mail.example.cn"]', "")
    assert log.stat().st_mode & 0o077 == 0


def test_an_unforeseen_error_is_told_even_where_no_file_can_be_written(
    tocsin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    monkeypatch.setattr("db.incidents.listed", lambda *_, **__: 1 // 0)

    done = tocsin("status")

    assert done.code == 1
    assert done.err == (
        "tocsin: an unforeseen ZeroDivisionError stopped this; what was recorded stays. Please report how it came.\n"
    )


def test_an_interruption_is_quiet(tocsin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("db.incidents.listed", interrupted)

    done = tocsin("status")

    assert (done.code, done.out, done.err) == (130, "", "")


def test_a_sentence_stays_on_its_line_whatever_it_quotes(elsewhere: Callable[[Path], Any], tmp_path: Path) -> None:
    done = elsewhere(tmp_path)("law", "show", "a\nb\x1b[31mc")

    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err
