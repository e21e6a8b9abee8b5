"""What an operator would look at, one check a line: what was seen, and what to do about it.

Nothing is changed and nothing is sent. A check that cannot be made says so and ends none of the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flows import wiring
from flows.steps.checkups import belongings, people, records, running, services
from flows.steps.checkups.findings import Check, Finding, Level, Visit, fail, warn
from flows.wiring import House
from tocsin.errors import TocsinError

CHECKS = (
    Check("settings", belongings.settings),
    Check("private-files", belongings.private_files, needs=("settings",)),
    Check("folders", belongings.folders, needs=("settings",)),
    Check("disk", belongings.disk, needs=("settings",)),
    Check("database", records.database, needs=("settings",)),
    Check("write", records.write, needs=("database",)),
    Check("keys", records.keys, needs=("database",)),
    Check("ledgers", records.ledgers, needs=("database",)),
    Check("clocks", running.clocks, needs=("database",)),
    Check("watch", running.watch, needs=("database",)),
    Check("prefect", services.prefect, needs=("settings",)),
    Check("providers", services.providers, needs=("settings",)),
    Check("hosts", services.hosts, needs=("settings",)),
    Check("receipts", services.receipts, needs=("settings",)),
    Check("bounces", services.bounces, needs=("settings",)),
    Check("people", people.staff, needs=("settings",)),
    Check("plan-roles", people.plan_roles, needs=("settings", "database")),
    Check("approvers", people.approvers, needs=("settings", "database")),
    Check("residency", people.residency, needs=("settings", "database")),
    Check("drills", people.drills, needs=("settings", "database")),
    Check("assessed", records.assessed, needs=("database",)),
    Check("claims", records.claims, needs=("database",)),
)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A finding, and the check that made it."""

    check: str
    finding: Finding


def run(house: House, *, plans: Sequence[str] = (), offline: bool = False) -> list[Seen]:
    """Make every check. `plans` are looked at beside those on record; raises NotFound for one that there is not."""
    visit = Visit(house=house, clock=wiring.now, named=tuple(house.plan(name) for name in plans), offline=offline)
    to_blame: dict[str, str] = {}  # checks that others cannot rely on, and the one that is the reason
    seen: list[Seen] = []
    for check in CHECKS:
        reason = next((to_blame[name] for name in check.needs if name in to_blame), None)
        if reason is None:
            found = list(_made(check, visit))
            if any(one.level is Level.FAIL for one in found):
                to_blame[check.name] = check.name
        else:
            to_blame[check.name] = reason
            found = [warn("not looked at", f"mend `{reason}` first")]
        seen += [Seen(check=check.name, finding=one) for one in found]
    return seen


def _made(check: Check, visit: Visit) -> Iterator[Finding]:
    """What a check finds; an error is a finding, too, and an unforeseen one is told by its kind only."""
    try:
        yield from check.look(visit)
    except TocsinError as error:
        yield fail(str(error).rstrip("."), "do as it says, and look again")
    except Exception as error:  # noqa: BLE001 - a doctor who falls ill looks at the rest all the same
        yield fail(f"the check itself failed ({type(error).__name__})", "report it as a fault of Tocsin's")
