"""`tocsin notice`: the text that individuals get, from draft to sending."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console import choosing, costs, persons, rehearsals, show
from console.options import By, IncidentId, Json, examples, group
from tocsin.errors import Invalid

if TYPE_CHECKING:
    from flows.steps.sending import Sent
    from flows.wiring import House

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
    if channel == "sms":
        typer.echo()
        costs.say_sms(house, found, language)


@notice_app.command(epilog=examples("tocsin notice check -"))
def check(incident: IncidentId, *, json: Json = False) -> None:
    """Check that the notice says what the plan and the law want, and fits each provider.

    Exit code 1 while something is missing.
    """
    from flows import wiring
    from flows.steps import measuring, subjects

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with house.database.reading() as session:
        subject = subjects.find(house, session, found, "notice")
        sms = measuring.sms_costs(house, session, found, now=house.now())
        remarks = measuring.remarks_on(house, session, found)
    if json:
        show.as_json(
            {
                "hash": subject.hash,
                "words": subject.content,
                "problems": list(subject.problems),
                "remarks": list(remarks),
                "sms": [cost.document() for cost in sms],
            }
        )
    else:
        for problem in subject.problems:
            typer.echo(f"- {problem}")
        for sentence in (*remarks, *(cost.sentence for cost in sms)):
            typer.echo(sentence)
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


DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be sent now; claim, send and write nothing")]
Only = Annotated[
    str | None,
    typer.Option("--only", metavar="PERSONS", help="Only these: refs with commas, a file of refs, or - for stdin"),
]
Canary = Annotated[
    int | None, typer.Option("--canary", metavar="N", min=1, help="Send N messages and stop, to look at them first")
]
Processes = Annotated[
    int, typer.Option("--senders", metavar="N", min=1, max=64, help="Send from N processes of this machine")
]


@notice_app.command(
    epilog=examples(
        "tocsin notice send - --dry-run",
        "tocsin notice send - --canary 20",
        "tocsin notice send - --only colleagues.txt",
        "tocsin notice send -",
    )
)
def send(
    incident: IncidentId,
    by: By = None,
    *,
    dry_run: DryRun = False,
    only: Only = None,
    canary: Canary = None,
    processes: Processes = 1,
    json: Json = False,
) -> None:
    """Send to everyone whose turn it is.

    Refused (exit code 3) unless exactly this text is approved. Sending twice tells nobody twice. After --only or
    --canary the others wait until somebody sends to all.
    """
    from flows import wiring
    from flows.steps import opening

    in_part = dry_run or canary is not None or only is not None
    if processes > 1 and in_part:
        raise Invalid("--senders is for sending to everybody: leave out --dry-run, --only and --canary, or --senders.")
    house = wiring.assemble()
    found = choosing.incident(house, incident)
    people = None if only is None else opening.people_of(house, found, persons.refs(only))
    if dry_run:
        rehearsals.tell(house, found, people=people, most=canary, json=json)
        return
    sent = _send(house, found, by=wiring.acting(by), processes=processes, most=canary, only=people)
    if json:
        show.as_json({"messages": sent.messages, "outcomes": dict(sent.outcomes), "deferred": sent.deferred})
        return
    typer.echo(
        f"{sent.messages} messages handed to providers, {sent.deferred} put off; `tocsin status` shows who is reached."
    )
    if in_part:
        typer.echo(f"Look at them; `tocsin notice send {found}` then sends to the others.")


def _send(
    house: "House", incident: str, *, by: str, processes: int, most: int | None, only: tuple[int, ...] | None
) -> "Sent":
    from flows.steps import collecting, notifying, senders

    collecting.collect(house, now=house.now())
    if processes == 1:
        return notifying.send(house, incident, by=by, most=most, only=only)
    crew = senders.together(notifying.prepare(house, incident, by=by), processes)
    for note in crew.notes:
        typer.echo(note, err=True)
    return crew.sent
