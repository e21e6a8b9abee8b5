"""`tocsin people`: who may act here, in which roles, and how they prove who they are."""

import sys
from typing import Annotated, Any

import typer

from console import choosing, show
from console.options import By, IncidentId, Json, examples, group
from tocsin.roles import Role

people_app = group("The people who act here: roles, tokens, passwords, and who decides for whom.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The person, by the name they act under")]
_KNOWN = ", ".join(Role)
PlanRole = Annotated[
    list[str] | None,
    typer.Option("--plan-role", metavar="ROLE", help='A role that plans name, such as "legal"; may be repeated'),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(people_app, name="people")


@people_app.command(
    epilog=examples(
        'tocsin people add "Lin Wei" --role administrator --role responder',
        'tocsin people add "Zhao Min" --role approver --plan-role "privacy officer" --as "Lin Wei"',
    )
)
def add(
    name: Name,
    role: Annotated[list[str], typer.Option("--role", metavar="ROLE", help=f"{_KNOWN}; may be repeated")],
    plan_role: PlanRole = None,
    display_name: Annotated[
        str | None, typer.Option("--display-name", metavar="TEXT", help="How pages call them; the name by default")
    ] = None,
    by: By = None,
) -> None:
    """Give a person an account. From the first one on, only people with an account may act.

    The first account must be an administrator's; its token is printed once.
    """
    from flows import wiring
    from flows.steps import accounts

    house = wiring.assemble()
    token = accounts.add(
        house,
        name,
        roles=role,
        plan_roles=plan_role or (),
        display_name=display_name,
        by=wiring.acting(by),
        now=house.now(),
    )
    typer.echo(f"{name} may act here.")
    if token is not None:
        _say_token(token)


@people_app.command("list", epilog=examples("tocsin people list", "tocsin people list --all"))
def list_(
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Those whose account has ended, too")] = False,
    json: Json = False,
) -> None:
    """List the people who may act, their roles, and who decides for whom."""
    from db import accounts as store
    from flows import wiring

    house = wiring.assemble()
    with house.database.reading() as session:
        found = [one for one in store.listed(session) if everybody or one.ended_at is None]
        lent = store.delegations(session, house.now())
    names = {one.key: one.name for one in found}
    rows = [
        {
            "name": one.name,
            "display_name": one.display_name,
            "roles": one.roles,
            "in_incidents": one.incident_roles,
            "plan_roles": one.plan_roles,
            "decides_for": {
                names.get(word.giver, word.giver): word.until.isoformat() for word in lent if word.taker == one.key
            },
            "ended": one.ended_at.isoformat() if one.ended_at else None,
        }
        for one in found
    ]
    if json:
        show.as_json(rows)
        return
    shown = [{name: _in_words(value) for name, value in row.items() if name != "display_name"} for row in rows]
    show.table("People", shown, empty="nobody has an account, so everybody at this machine acts by name")


def _in_words(value: Any) -> Any:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_in_words(inner)}" for name, inner in value.items())
    return ", ".join(value) if isinstance(value, list) else value


@people_app.command(
    epilog=examples(
        'tocsin people roles "Lin Wei" --role officer --as admin',
        'tocsin people roles "Chen Yu" --role responder --incident 2026-11 --as admin',
    )
)
def roles(
    name: Name,
    role: Annotated[
        list[str] | None, typer.Option("--role", metavar="ROLE", help=f"{_KNOWN}; all that they are to have")
    ] = None,
    plan_role: PlanRole = None,
    incident: Annotated[
        str | None, typer.Option("--incident", metavar="INCIDENT", help="Only in this incident, beside their others")
    ] = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="Take every role away (with --incident: those there)")] = False,
    by: By = None,
) -> None:
    """Give a person other roles than they have. What is not named stays: roles, or plan roles."""
    from flows import wiring
    from flows.steps import accounts

    house = wiring.assemble()
    found = choosing.incident(house, incident) if incident else None
    changed = accounts.change_roles(
        house,
        name,
        roles=[] if none else role,
        plan_roles=plan_role,
        incident=found,
        by=wiring.acting(by),
        now=house.now(),
    )
    held = changed.incident_roles.get(found, []) if found else changed.roles
    shown = ", ".join(held) or "no role"
    typer.echo(f"{changed.name} has {shown}{f' in {found}' if found else ''}; {_plan_roles(changed.plan_roles)}.")


def _plan_roles(held: list[str]) -> str:
    return f"in plans: {', '.join(held)}" if held else "no role of a plan"


@people_app.command(epilog=examples('tocsin people token "Zhao Min" --days 90 --as "Zhao Min"'))
def token(
    name: Name,
    days: Annotated[
        int | None,
        typer.Option("--days", metavar="N", min=1, max=3660, help="How long it is good; without end if not said"),
    ] = None,
    by: By = None,
) -> None:
    """Make a new token for a person, print it once, and end the one they had."""
    from flows import wiring
    from flows.steps import accounts

    house = wiring.assemble()
    _say_token(accounts.make_token(house, name, by=wiring.acting(by), now=house.now(), days=days))


@people_app.command(epilog=examples('tocsin people recover "Lin Wei"'))
def recover(name: Name) -> None:
    """Make a new token for an administrator who has lost theirs; it takes the master key and is on record."""
    import getpass

    from flows import wiring
    from flows.steps import accounts

    house = wiring.assemble()
    _say_token(accounts.recover(house, name, operator=getpass.getuser(), now=house.now()))


def _say_token(secret: str) -> None:
    from flows.steps.proving import TOKEN_FILE

    typer.echo(secret)
    typer.echo(f"This token is shown once. Keep it in TOCSIN_TOKEN, or in ~/{TOKEN_FILE} with mode 600.")


@people_app.command(epilog=examples('tocsin people password "Zhao Min" --as "Zhao Min"'))
def password(name: Name, by: By = None) -> None:
    """Give a person a password to sign in with, typed unseen or read from standard input."""
    from flows import wiring
    from flows.steps import accounts

    house = wiring.assemble()
    accounts.set_password(house, name, _typed(), by=wiring.acting(by), now=house.now())
    typer.echo(f"{name} has a new password; sessions of before have ended.")


def _typed() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


@people_app.command(epilog=examples('tocsin people end "Chen Yu" --as admin'))
def end(name: Name, by: By = None) -> None:
    """End a person's account for good.

    Their tokens and sessions end with it, and approvals of theirs count no more for what has not left yet.
    """
    from flows import wiring
    from flows.steps import accounts

    house = wiring.assemble()
    accounts.end(house, name, by=wiring.acting(by), now=house.now())
    typer.echo(f"The account of {name} has ended.")


@people_app.command(
    epilog=examples(
        'tocsin people delegate "Zhao Min" "Wang Fang" --until 2026-12-01T09:00+08:00 --as "Zhao Min"',
        'tocsin people delegate "Zhao Min" "Wang Fang" --end --as "Zhao Min"',
    )
)
def delegate(
    giver: Annotated[str, typer.Argument(metavar="FROM", help="Who lets somebody decide for them")],
    taker: Annotated[str, typer.Argument(metavar="TO", help="Who decides for them")],
    until: Annotated[
        str | None, typer.Option("--until", metavar="INSTANT", help="When it ends, with offset; at most 92 days on")
    ] = None,
    *,
    end_: Annotated[bool, typer.Option("--end", help="Take it back now")] = False,
    by: By = None,
) -> None:
    """Let one person approve and refuse for another, until a day."""
    from flows import wiring
    from flows.steps import accounts, reporting
    from tocsin.errors import Invalid

    if (until is None) == (not end_):
        raise Invalid("Say either --until INSTANT, when the delegation ends, or --end, to take one back.")
    house = wiring.assemble()
    if until is None:
        accounts.end_delegation(house, giver, taker, by=wiring.acting(by), now=house.now())
        typer.echo(f"{taker} decides for {giver} no more.")
        return
    at = reporting.instant(until)
    accounts.delegate(house, giver, taker, until=at, by=wiring.acting(by), now=house.now())
    typer.echo(f"{taker} approves and refuses for {giver} until {at.isoformat()}.")


@people_app.command(epilog=examples("tocsin people ask - notice", 'tocsin people ask - notice "Zhao Min"'))
def ask(
    incident: IncidentId,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="notice, announcement, or report:FORM:STAGE")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Whom; by default everybody who may approve it")
    ] = None,
    by: By = None,
    *,
    json: Json = False,
) -> None:
    """Ask people to decide, by a message with a link into the console.

    The link works once, for that person, after signing in. Exit code 1 when somebody was surely not told.
    """
    from flows import wiring
    from flows.steps import asking

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    asked = asking.ask(house, found, subject, names or (), by=wiring.acting(by), now=house.now())
    rows = [{"name": one.name, "told": one.told} for one in asked]
    if json:
        show.as_json(rows)
    else:
        show.table("Asked to decide", rows, empty="nobody")
    if any(one.told == "no" for one in asked):
        raise typer.Exit(1)


@people_app.command(epilog=examples("tocsin people acts", "tocsin people acts --json"))
def acts(*, json: Json = False) -> None:
    """List what was done to accounts, and acts that were denied outside any incident."""
    from db import accounts as store
    from flows import wiring

    house = wiring.assemble()
    with house.database.reading() as session:
        rows = [
            {"at": one.at.isoformat(), "by": one.by, "act": one.act, "account": one.account, "data": one.data}
            for one in store.acts(session)
        ]
    if json:
        show.as_json(rows)
    else:
        show.table("Acts", rows, empty="none")
