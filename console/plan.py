"""`tocsin plan`: the emergency plans that ship, and a check for plan files of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import show
from console.options import Json, examples, group

if TYPE_CHECKING:
    from tocsin.plan import Plan, Task

plan_app = group("Emergency plans: what each organisation promises, and how it acts.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(plan_app, name="plan")


@plan_app.command("list", epilog=examples("tocsin plan list"))
def list_(*, json: Json = False) -> None:
    """List the plans there are."""
    from flows import plans

    rows = [_line(plan) for plan in plans.listed()]
    if json:
        show.as_json(rows)
        return
    shown = [{**row, **{name: ", ".join(row[name]) for name in ("places", "channels", "promises")}} for row in rows]
    show.table("Plans", shown, empty="no plans")


@plan_app.command("show", epilog=examples("tocsin plan show conex-easykey"))
def show_(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `tocsin plan list` names it")],
    *,
    json: Json = False,
) -> None:
    """Show one plan whole.

    Its promises with their clauses, its tasks, channels and approvals, and where its policy is silent.
    """
    from flows import plans

    plan = plans.get(identifier)
    if json:
        show.as_json({**plan.document, "hash": plan.hash})
        return
    _tell(plan)


@plan_app.command("check", epilog=examples("tocsin plan check our-plan.yaml"))
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan in YAML")]) -> None:
    """Check a plan file. What is wrong, where, and what to do is said in one sentence."""
    from flows import plans

    plan = plans.read(file)
    promised = ", ".join(rule.key for rule in plan.promises.duties)
    typer.echo(f"{file} is a plan that holds together: {plan.id}, promises {promised}, {len(plan.every_task)} tasks.")
    for task in plan.every_task:
        if task.action is not None:
            typer.echo(f"  {task.key}: action {task.action}, {_would_run(task.action)}{_approved(task)}")


def _would_run(action: str) -> str:
    """What an action would do in this installation; nothing is run."""
    from flows import wiring
    from flows.steps import performing

    house = wiring.assemble()
    if not house.settings_path.exists():
        return "which the settings must know under `actions`"
    known = house.settings.actions.get(action)
    return f"here {performing.told(known)}" if known else "which the settings here do not know: nothing would run"


def _approved(task: "Task") -> str:
    return ", once somebody has approved it" if task.needs_approval else ""


def _line(plan: "Plan") -> dict[str, Any]:
    return {
        "id": plan.id,
        "organisation": next(iter(plan.organisation.name.values()), "(the policy names none)"),
        "places": list(plan.text.places),
        "channels": [rung.channel.value for rung in plan.text.ladder.default],
        "promises": [rule.key for rule in plan.promises.duties],
    }


def _tell(plan: "Plan") -> None:
    from rich.markup import escape

    policy = plan.text.policy
    show.rich(f"[bold]{plan.id}[/]: {escape(_line(plan)['organisation'])}")
    typer.echo(f"After its {policy.title} ({policy.place}), read on {policy.read_on}.\n")
    show.table("Promises", [_promise(plan, rule.key) for rule in plan.promises.duties], empty="none")
    show.table("Clauses", [_clause(clause) for clause in policy.clauses.values()], empty="none")
    tasks = [{"phase": t.phase, "task": t.title, "owner": t.owner, "within": t.within or ""} for t in plan.every_task]
    show.table("Tasks", tasks, empty="none")
    rungs = [_rung(number, rung) for number, rung in enumerate(plan.text.ladder.default, start=1)]
    show.table("Channels, in this order", rungs, empty="none")
    show.table("Where the policy is silent", [_silence(silent) for silent in plan.text.silent], empty="nowhere")


def _promise(plan: "Plan", key: str) -> dict[str, str]:
    duty = next(rule for rule in plan.promises.duties if rule.key == key).versions[-1].text
    when = duty.undated or "; ".join(str(clock) for clock in duty.clocks)
    return {"promise": key, "to": duty.recipient, "when": when, "citation": duty.citation}


def _clause(clause: Any) -> dict[str, str]:
    says = f"{clause.says} ({clause.note})" if clause.note else clause.says
    return {"clause": clause.at, "about": clause.about, "says, in our words": says}


def _rung(number: int, rung: Any) -> dict[str, str]:
    from tocsin import durations

    return {
        "": str(number),
        "channel": rung.channel.value,
        "waits": durations.text_of(rung.wait),
        "ends on": rung.settles_on.value,
        "tries": str(rung.tries),
    }


def _silence(silent: Any) -> dict[str, str]:
    return {"topic": silent.topic, "filled by": silent.filled_by, "because": silent.note}
