"""Checks of people and plans: who is warned, who can approve, and whether people's data may be kept and sent here."""

from collections.abc import Iterator

from db import accounts
from db.account_tables import Account
from flows import contacts
from flows.steps import guarding
from flows.steps.checkups.findings import Finding, Visit, fail, ok, warn
from notifiers import pager
from notifiers.providers import Refused, allowed
from tocsin.plan import Plan
from tocsin.roles import may, named_by_plan

DRILL_DAYS = 366
_KINDS = ("notice", "announcement", "report")


def staff(visit: Visit) -> Iterator[Finding]:
    """The company's people can be reached."""
    people = visit.house.settings.people
    if not people:
        yield warn("no people are in the settings, so warnings reach nobody", "add `people`: docs/watch.md")
    for name, person in people.items():
        bad = sum(1 for url in contacts.urls(visit.house.settings, name) if not pager.usable(url))
        if bad:
            yield fail(f"{bad} of {len(person.urls)} urls of {name} cannot be read", "correct them under `people`")
        elif not person.urls:
            yield warn(f"{name} has no url, so no warning reaches them", "add one under `people`")
        else:
            yield ok(f"{name} can be warned")


def plan_roles(visit: Visit) -> Iterator[Finding]:
    """Somebody stands behind each name in the plans."""
    for plan in visit.plans:
        wanted = dict.fromkeys(_names(plan))
        vacant = [name for name in wanted if not contacts.named(visit.house.settings, name)]
        if vacant:
            yield warn(
                f"{plan.id}: nobody stands behind {', '.join(vacant)}",
                "add them under `on_call`, or as a person's `groups` under `people`",
            )
        else:
            yield ok(f"{plan.id}: somebody stands behind each of its {len(wanted)} names")
    if not visit.plans:
        yield ok("no plan is in use; --plan names one")


def approvers(visit: Visit) -> Iterator[Finding]:
    """There are people who can approve what the plans want approved."""
    with visit.house.database.reading() as session:
        everybody = [one for one in accounts.listed(session) if one.ended_at is None]
    if not everybody:
        yield warn("nobody has an account, so whoever is at this machine decides by name", "tocsin people add")
        return
    short = 0
    for plan in visit.plans:
        for kind in _KINDS:
            rule = plan.approval(kind)
            able = [one for one in everybody if _approves(one) and named_by_plan(one.plan_roles, rule.roles)]
            if len(able) < rule.count:
                short += 1
                yield fail(
                    f"{plan.id}: {kind} takes {rule.count} of {', '.join(rule.roles)}, and {len(able)} can approve",
                    "give people an approver's role and that role of the plan: `tocsin people roles`",
                )
    if not short:
        yield ok(f"{len(everybody)} people have accounts, and there are enough to approve")


def residency(visit: Visit) -> Iterator[Finding]:
    """Data of people in a plan's places may be kept here, and somebody may send to them."""
    settings = visit.house.settings
    for plan in visit.plans:
        missing = plan.stores_missing(settings.stores_marked)
        if missing:
            yield fail(
                f"{plan.id}: data of people in {', '.join(missing)} may not be kept in this database",
                "if it stands there, add the place to `stores_marked`; else use one that does",
            )
        yield from _unsent(visit, plan)
    if not visit.plans:
        yield ok("no plan is in use; --plan names one")


def drills(visit: Visit) -> Iterator[Finding]:
    """Each plan was tried out within a year."""
    from flows.drill import filing

    for plan in visit.plans:
        held = filing.last(visit.house.folder, plan.id)
        todo = f"tocsin drill {plan.id}"
        if held is None:
            yield warn(f"{plan.id}: no drill was ever held here", todo)
            continue
        days = int((visit.now - held.held_at).total_seconds() // 86400)
        said = f"{plan.id}: the last drill was {days} days ago"
        yield warn(said, todo) if days > DRILL_DAYS else ok(said)
    if not visit.plans:
        yield ok("no plan is in use; --plan names one")


def _unsent(visit: Visit, plan: Plan) -> Iterator[Finding]:
    places = dict.fromkeys(place for rule in plan.text.residency for place in rule.places)
    for place in places:
        rungs = plan.ladder_for(place=place, language="")
        chosen = {
            rung.channel: allowed(
                visit.house.settings.providers,
                rung.channel,
                place,
                contract_required=plan.processors.contract_required,
                deletion_required=plan.processors.deletion_required,
            )
            for rung in rungs
        }
        refused = [one.sentence.rstrip(".") for one in chosen.values() if isinstance(one, Refused)]
        if len(refused) == len(chosen):
            yield fail(f"{plan.id}: nobody in {place} can be told", "; ".join(refused))
        elif refused:
            yield warn(f"{plan.id}: {len(refused)} of {len(chosen)} channels are shut for {place}", "; ".join(refused))
        else:
            yield ok(f"{plan.id}: every channel is open for {place}")
    if not places:
        yield ok(f"{plan.id}: it ties nobody's data to a place")


def _names(plan: Plan) -> Iterator[str]:
    watch = plan.text.watch
    yield from watch.people
    for owner in watch.owners:
        yield from owner.people
    for task in plan.every_task:
        yield task.owner


def _approves(account: Account) -> bool:
    return may(guarding.roles_of(account, None), "approve")
