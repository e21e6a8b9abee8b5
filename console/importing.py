"""`tocsin facts from-veris`, `from-csv`: facts out of records that others keep, without an installation."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console import show
from console.incidents import facts_app
from console.options import Json, Out, examples
from tocsin.errors import Invalid

if TYPE_CHECKING:
    from flows.records import Records
    from tocsin.facts import Facts
    from tocsin.importing.draft import Imported
    from tocsin.importing.records import Refused

Zone = Annotated[
    str | None,
    typer.Option("--zone", metavar="ZONE", help="Where days begin and end, such as Europe/Berlin; else a day is asked"),
]


def register(app: typer.Typer) -> None:  # noqa: ARG001 - the group stands on the command line already
    """Add the commands to the group `facts`."""
    veris = "tocsin facts from-veris incident.json --zone America/New_York --out facts.yaml"
    facts_app.command("from-veris", epilog=examples(veris, "tocsin facts from-veris - --json"))(from_veris)
    table = "tocsin facts from-csv breaches.csv --column times.aware=Discovered --dates Discovered=MDY --out-dir DIR"
    facts_app.command("from-csv", epilog=examples(table))(from_csv)


def from_veris(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A VERIS incident, JSON; `-` reads standard input")],
    zone: Zone = None,
    out: Out = None,
    *,
    json: Json = False,
) -> None:
    """Make facts of a VERIS incident (1.3, 1.4).

    What has no place among the facts, and what to ask, stands on standard error, or with `--json` beside the facts.
    """
    from flows import wiring
    from tocsin import reading
    from tocsin.importing import veris

    source = "standard input" if file == "-" else file
    document = reading.document(wiring.read_text(file, what="The VERIS incident"), source=source)
    made = veris.incident(document, source=source, zone=zone)
    if json:
        show.as_json(made.document())
        return
    _write(made.facts, out)
    for line in _remarks(made):
        typer.echo(line, err=True)


def from_csv(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a heading row, one incident a row")],
    column: Annotated[
        list[str],
        typer.Option("--column", metavar="PATH=HEADING", help="Which column is which fact; once for each"),
    ],
    dates: Annotated[
        list[str] | None,
        typer.Option(
            "--dates",
            metavar="HEADING=ORDER",
            help="How a column writes its dates: DMY, MDY, YMD, ISO, text (a month's name), or several, by comma",
        ),
    ] = None,
    zone: Zone = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out-dir", metavar="DIR", help="A file for each row; else all on standard output")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="Of the file, where it cannot be proven")
    ] = None,
) -> None:
    """Make facts of each row of a table.

    What cannot be read for certain refuses its row, with number, column and reason on standard error. A column of acts
    is `events.filed:us-wa/authority`, one of the parts of a country `organisation.seat:US`.
    """
    from flows import records
    from tocsin.importing.draft import Imported

    headings = [given.partition("=")[2] for given in column]
    table = records.open_records(file, encoding=encoding, wanted=headings)
    results = _read(table, column, dates or [], zone)
    folder = None if out_dir is None else _folder(out_dir)
    for number, result in results:
        if not isinstance(result, Imported):
            typer.echo(str(result), err=True)
            continue
        _write(result.facts, None if folder is None else folder / f"{file.stem}-{number:05}.yaml", apart=True)
        for line in _remarks(result):
            typer.echo(f"row {number}: {line}", err=True)
    made = sum(isinstance(result, Imported) for _, result in results)
    typer.echo(f"{made} rows made facts, {len(results) - made} were refused.", err=True)
    if made < len(results):
        raise typer.Exit(1)


def _read(
    table: "Records", columns: list[str], dates: list[str], zone: str | None
) -> "list[tuple[int, Imported | Refused]]":
    from tocsin.importing import days, mapping, records

    matched = mapping.match(table.header, mapped=columns, dates=dates, source=str(table.path))
    where = days.checked(zone)
    return [
        (number, records.read(row, number=number, table=matched, source=table.path.name, zone=where))
        for number, row in table.rows()
    ]


def _folder(path: Path) -> Path:
    """A folder for facts, with none in it yet: those of an earlier import may have been worked on."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"{path} cannot be made ({error.strerror}): choose another folder.") from None
    if any(path.glob("*.yaml")):
        raise Invalid(f"{path} holds facts documents already: choose another folder.")
    return path


def _write(facts: "Facts", out: Path | None, *, apart: bool = False) -> None:
    import yaml

    class Dumper(yaml.SafeDumper):
        """YAML that YAML 1.2 reads alike: a name such as 1e5 stays a name."""

    Dumper.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9.]+[eE][-+]?[0-9]+$"), list("-+.0123456789")
    )
    text = yaml.dump(facts.document(), Dumper=Dumper, sort_keys=False, allow_unicode=True)
    if out is None:
        typer.echo(f"---\n{text}" if apart else text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{out} cannot be written ({error.strerror}): choose another place.") from None


_MOST_SHOWN = 40


def _plain(path: str, value: object) -> str:
    """A value as JSON; free text and notes of the record's own keepers may name persons and are not shown here."""
    import json

    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= _MOST_SHOWN and not path.startswith(("plus.", "notes", "summary")):
        return text
    return f"({len(text)} characters; `--json` shows them)"


def _remarks(made: "Imported") -> "Iterator[str]":
    """What a person must know of an import: what was read into it, what to ask, and what has no place, as JSON."""
    told = [f"assumed: {one}" for one in made.assumed] + [f"ask: {one}" for one in made.questions]
    told += [f"not mapped: {one.path}: {_plain(one.path, one.value)}" for one in made.unmapped]
    for line in told:
        yield "".join(letter if letter.isprintable() else " " for letter in line)
