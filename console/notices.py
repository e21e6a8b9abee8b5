"""`tocsin notice`: the text that individuals get, from draft to sending."""

from pathlib import Path
from typing import Annotated

import typer

from console import choosing, show
from console.options import By, IncidentId, Json, examples, group

notice_app = group("The notice to the affected people, from draft to sending.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(notice_app, name="notice")


@notice_app.command(epilog=examples("tocsin notice draft -", "tocsin notice put - notice/zh.yaml notice/en.yaml"))
def draft(
    incident: IncidentId,
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where the files to edit are written")] = Path(
        "notice"
    ),
    by: By = None,
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Write a fresh draft from the facts as they stand now")
    ] = False,
) -> None:
    """Draft the notice in each language of the roster, as files to edit.

    A draft leaves gaps in [[double brackets]] where only a person knows the words. Fill them, then put the files.
    """
    from flows import wiring
    from flows.steps import drafting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    languages = drafting.draft_notice(house, found, by=wiring.acting(by), again=again, now=house.now())
    for path in drafting.write_files(house, found, folder):
        typer.echo(f"{path}")
    typer.echo(
        f"Drafted {', '.join(languages)}." if languages else "Every language has a text already (--again drafts anew)."
    )


@notice_app.command(epilog=examples("tocsin notice put - notice/zh.yaml notice/en.yaml"))
def put(
    incident: IncidentId,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Edited YAML files, one a language")],
    by: By = None,
) -> None:
    """Take edited files in as new versions. Approvals of the old ones no longer count."""
    from flows import wiring
    from flows.steps import drafting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    for language, version, changed in drafting.put_files(house, found, files, by=wiring.acting(by), now=house.now()):
        typer.echo(f"{language}: version {version}" + ("" if changed else " (unchanged)"))


@notice_app.command("show", epilog=examples("tocsin notice show -", "tocsin notice show - -l zh --channel sms"))
def show_(
    incident: IncidentId,
    language: Annotated[
        str | None, typer.Option("--language", "-l", metavar="LANGUAGE", help="One language; all by default")
    ] = None,
    channel: Annotated[str, typer.Option("--channel", metavar="CHANNEL", help="push, email, sms or phone")] = "email",
) -> None:
    """Print the notice as a person reads it on a channel."""
    from flows import wiring
    from flows.steps import drafting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    for preview in drafting.previews(house, found, language=language, channel=channel):
        typer.echo(f"--- {preview.language} · {channel} · version {preview.version} by {preview.author}")
        typer.echo(f"{preview.subject}\n\n{preview.text}")


@notice_app.command(epilog=examples("tocsin notice check -"))
def check(incident: IncidentId, *, json: Json = False) -> None:
    """Check that the notice says what the plan and the law want.

    Exit code 1 while something is missing.
    """
    from flows import wiring
    from flows.steps import subjects

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with house.database.reading() as session:
        subject = subjects.find(house, session, found, "notice")
    if json:
        show.as_json({"hash": subject.hash, "problems": list(subject.problems)})
    else:
        for problem in subject.problems:
            typer.echo(f"- {problem}")
        typer.echo(
            f"{len(subject.problems)} to mend."
            if subject.problems
            else f"Ready for approval (hash {subject.hash[:12]})."
        )
    if subject.problems:
        raise typer.Exit(1)


@notice_app.command(epilog=examples('tocsin notice approve - --as "Zhao Min"'))
def approve(incident: IncidentId, by: By = None) -> None:
    """Approve the notice exactly as it stands.

    The same as `tocsin approve INCIDENT notice`.
    """
    from console import deciding

    deciding.approve(incident, "notice", by)


@notice_app.command(epilog=examples("tocsin notice send -", "tocsin notice send - --canary 20"))
def send(
    incident: IncidentId,
    by: By = None,
    *,
    canary: Annotated[
        int | None, typer.Option("--canary", metavar="N", min=1, help="Send N messages and stop, to look at them first")
    ] = None,
    json: Json = False,
) -> None:
    """Send to everyone whose turn it is.

    Refused (exit code 3) unless exactly this text is approved. Sending twice tells nobody twice.
    """
    from flows import wiring
    from flows.steps import collecting, notifying

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    collecting.collect(house, now=house.now())
    sent = notifying.send(house, found, by=wiring.acting(by), most=canary)
    if json:
        show.as_json({"messages": sent.messages, "outcomes": dict(sent.outcomes), "deferred": sent.deferred})
        return
    typer.echo(
        f"{sent.messages} messages handed to providers, {sent.deferred} put off; `tocsin status` shows who is reached."
    )
