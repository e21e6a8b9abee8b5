"""The documentation holds: names, numbers, commands, paths and links in it are those of the program."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import typer
import typer.main
import yaml

from console.main import app
from flows import settings
from notifiers import plugins, providers
from tocsin import errors

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {str(path.relative_to(ROOT)): path for path in (*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")))}
SOURCES = ("tocsin", "db", "notifiers", "documents", "flows", "console", "playbooks", "scripts")
GROUP = typer.main.get_command(app)


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def without_fences(text):
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)


def fenced(text, label):
    """The code block that stands behind `<!-- label -->`."""
    return re.search(rf"<!-- {label} -->\n```\w+\n(.*?)```", text, re.DOTALL)[1]


def section(text, heading):
    return re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)[1]


def tables(text):
    """Every table as rows of cells, without its heading."""
    found = re.findall(r"^\|.*\n\|[-|]+\|\n((?:\|.*\n?)+)", text, re.MULTILINE)
    return [[[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()] for table in found]


def words(text):
    return re.findall(r"`([^`]+)`", text)


def first_words(table):
    return {word for row in table for word in words(row[0])}


def test_every_path_that_the_product_mentions_exists():
    mentioned = re.compile(r"(?<![\w/.-])(?:docs|playbooks|tests|scripts)/(?:[\w.-]+/)*[\w-]+(?:\.\w+)*/?")
    texts = [*PAGES.values(), *(path for name in SOURCES for path in (ROOT / name).rglob("*.*"))]
    missing = {
        f"{path.relative_to(ROOT)}: {found}"
        for path in texts
        if path.suffix in {".py", ".md", ".yaml", ".html", ".typ", ".toml"}
        for found in mentioned.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / found).exists()
    }

    assert missing == set()


def anchors(path):
    headings = re.findall(r"^#+ (.*)$", without_fences(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_relative_link_leads_somewhere(name):
    path = PAGES[name]
    broken = []
    for target in re.findall(
        r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]+`", "", without_fences(path.read_text(encoding="utf-8")))
    ):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)

    assert broken == []


def leaf(line):
    """The command that a line calls, its path, and the words behind it; None for a group called by its bare name."""
    command, path = GROUP, []
    rest = [word for word in shlex.split(line, comments=True)[1:] if word != "OPTIONS"]
    while rest and hasattr(command, "commands") and not (rest[0].startswith("-") and command.invoke_without_command):
        assert rest[0] in command.commands, f"no command `{rest[0]}`"
        command, path, rest = command.commands[rest[0]], [*path, rest[0]], rest[1:]
    return command, " ".join(path), rest


def told_off(line, *, whole):
    """What is wrong with a command line. A `whole` one must parse; in running text arguments may be left out."""
    line = re.split(r"\s[>|]\s", line.replace("[", "").replace("]", ""))[0]
    if line.split()[1:] == ["--help"]:
        return None
    try:
        command, path, rest = leaf(line)
    except AssertionError as error:
        return f"{line}: {error}"
    rest = [word for word in rest if word != "--help"]
    if not whole:
        known = {option for one in command.params for option in one.opts if option.startswith("-")}
        strange = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
        return f"{line}: {strange}" if strange else None
    if hasattr(command, "commands") and not (rest and command.invoke_without_command):
        return f"{line}: a command is missing"
    try:
        command.make_context(path, rest)
    except typer.TyperException as error:
        return f"{line}: {error.format_message()}"
    return None


def command_lines(text):
    """Lines of code blocks, fenced and indented, that call `tocsin`."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^    (tocsin .*)$", without_fences(text), re.MULTILINE)
    return [*re.findall(r"^(?:\$ )?(tocsin .*)$", "\n".join(blocks), re.MULTILINE), *indented]


@pytest.mark.parametrize("name", PAGES)
def test_every_command_line_that_is_shown_parses(name):
    text = PAGES[name].read_text(encoding="utf-8")
    usage = re.compile(r"\[OPTIONS\]|\b[A-Z]{4,}\b")  # a synopsis, not a command to type
    lines = command_lines(text)
    inline = [line for line in words(without_fences(text)) if re.match(r"tocsin [a-z-]", line)]
    wrong = [told_off(line, whole=not usage.search(line)) for line in lines]
    wrong += [told_off(line, whole=False) for line in inline]

    assert [told for told in wrong if told] == []


def test_the_check_of_command_lines_finds_what_is_wrong():
    assert told_off("tocsin declare facts.yaml --plan x", whole=True) is None
    assert told_off("tocsin declare facts.yaml", whole=True)
    assert told_off("tocsin declare facts.yaml --plans x", whole=True)
    assert told_off("tocsin declared facts.yaml", whole=False)
    assert told_off("tocsin roster", whole=True)
    assert told_off("tocsin close --destroy", whole=False)
    assert told_off("tocsin close --destroy-data", whole=False) is None


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_commands_is_what_the_script_makes_now(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")  # of whatever width the terminal is

    assert page("commands.md") == script("write_commands").page(), "run: python scripts/write_commands.py"


def test_the_page_of_coverage_is_what_the_script_makes_now():
    assert page("coverage.md") == script("write_coverage").page(), "run: python scripts/write_coverage.py"


def test_the_page_of_commands_describes_every_argument_and_option():
    text = page("commands.md")
    silent = []
    for name, command in GROUP.commands.items():
        for inner, one in getattr(command, "commands", {"": command}).items():
            told = section(text, f"tocsin {name} {inner}".strip())
            listed = [line for line in re.findall(r"^- (`.*)$", told, re.MULTILINE) if re.search(r"`: \S", line)]
            if len(listed) != len(one.params):
                silent.append(f"{name} {inner}")

    assert silent == []
    assert not re.search(r"\[/|\[bold|\x1b|[\b\f]", text)


def test_every_exit_code_of_an_error_is_explained():
    def tree(error):
        ours = [child for child in error.__subclasses__() if child.__module__ == errors.__name__]
        return [error, *(below for child in ours for below in tree(child))]

    listed = {int(row[0]): row[1] for row in tables(section(page("commands.md"), "Exit codes"))[0]}
    shown = [error for error in tree(errors.TocsinError)[1:] if not issubclass(error, errors.DeliveryError)]

    assert {error.__name__ for error in shown if error.__doc__ not in listed.get(error.exit_code, "")} == set()
    assert set(listed) == {0, 1, 130} | {error.exit_code for error in shown}
    assert {int(code) for code in re.findall(r"[Ee]xit code (\d+)", page("commands.md"))} <= set(listed)


def test_every_setting_is_described():
    assert first_words(tables(page("settings.md"))[0]) == set(settings.Settings.model_fields)


def test_every_way_to_name_the_master_key_is_described():
    row = next(row for row in tables(page("settings.md"))[0] if "master_key" in row[0])

    assert set(settings.KeySource.model_fields) <= set(words(row[1]))


def test_every_field_of_a_provider_is_described():
    text = page("providers.md")

    assert [name for name in providers.Provider.model_fields if not re.search(rf"`{name}`|\b{name}: ", text)] == []


def test_every_environment_variable_is_described():
    used = {
        name
        for folder in ("db", "notifiers", "documents", "flows", "console")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"TOCSIN_[A-Z_]+", path.read_text(encoding="utf-8"))
    }

    assert used | {"PREFECT_API_URL"} == first_words(tables(page("settings.md"))[1])


@pytest.mark.parametrize("name", ["settings.md", "providers.md"])
def test_the_settings_that_are_shown_can_be_used(name):
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", page(name), re.DOTALL) if "providers:" in block]
    for block in blocks:
        read = settings.parse(yaml.safe_load(block), home=ROOT, source=name)
        for provider in read.providers:
            plugins.check(provider)

    assert blocks


def test_the_settings_for_trying_it_out_name_the_ports_of_the_fakes():
    trial = fenced(page("settings.md"), "fakes")
    ports = {one.name: one.default for one in GROUP.commands["fakes"].params}

    assert set(re.findall(r"127\.0\.0\.1:(\d+)", trial)) == {str(ports["smtp"]), str(ports["http"])}
    assert {provider["channel"] for provider in yaml.safe_load(trial)["providers"]} == {"push", "email", "sms", "phone"}
