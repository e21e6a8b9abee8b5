"""Review: what is left when everyone is told and every report handed in."""

from db import announcements, incidents, ledger, people, signing, tasks
from db import facts as facts_store
from flows.steps import acting, assessing, containing
from flows.steps.progress import Progress
from flows.wiring import House
from tocsin import facts as fact_parser
from tocsin.ledger import EventType

PHASE = "review"


def contain(house: House, incident: str) -> Progress:
    """Run the containment tasks' actions; which tasks are still open."""
    acted = acting.run_due(house, incident, phase="contain")
    left = _tasks_of(house, incident, "contain").waiting
    return Progress(phase="contain", did=acted.did, waiting=(*acted.waiting, *left))


def _tasks_of(house: House, incident: str, phase: str) -> Progress:
    with house.database.reading() as session:
        open_tasks = [task for task in tasks.listed(session, incident) if task.phase == phase and task.state == "open"]
    return Progress(phase=phase, waiting=tuple(f"{task.title} ({task.owner})" for task in open_tasks))


def assess(house: House, incident: str) -> Progress:
    """Assess again with what was done since; say which duties an unknown fact leaves open."""
    now = house.now()
    acted = acting.run_due(house, incident, phase="assess")
    with house.database.transaction() as session:
        changes = assessing.reassess(house, session, incident, by="tocsin", now=now)
        undecided = sorted(
            {
                fact
                for duty in assessing.live(session, incident)
                if duty.status == "undetermined"
                for fact in duty.unknown
            }
        )
    waiting = (f"facts: {', '.join(undecided)}",) if undecided else ()
    tasks_left = _tasks_of(house, incident, "assess").waiting
    did = (*acted.did, *(change.sentence for change in changes))
    return Progress(phase="assess", did=did, waiting=(*waiting, *acted.waiting, *tasks_left))


def run(house: House, incident: str) -> Progress:
    """Open the review once people are told and nothing is being sent; put the verdicts on the ledger once.

    However far the incident is, the ledger as it stands is signed.
    """
    now = house.now()
    with house.database.transaction() as session:
        ledger.checkpoint(session, incident, signing.signer(session, house.master_key, now), now)
        counts = people.counts(session, incident)
        if not counts.total or counts.pending:
            return Progress(phase=PHASE, waiting=("the end of sending",))
        root = people.verdict_hash(session, incident)
        entry = {
            "people": counts.total,
            "root": root,
            **{f"verdict:{name}": n for name, n in sorted(counts.by_verdict.items())},
        }
        if not ledger.has(session, incident, EventType.PERSON_VERDICTS, {"root": root}):
            ledger.append(session, incident, EventType.PERSON_VERDICTS, actor="tocsin", data=entry, at=now)
        assessing.reassess(house, session, incident, by="tocsin", now=now)
        plan = house.plan(incidents.get(session, incident).plan)
        stored = facts_store.latest(session, incident)
        assert stored is not None
        facts = fact_parser.parse(stored.document, source=f"incident {incident}")
        containing.open_tasks(session, incident, plan, facts, phase=PHASE, by="tocsin", now=now)
        ledger.checkpoint(session, incident, signing.signer(session, house.master_key, now), now)
        owed = assessing.still_owed(session, incident)
        posted = announcements.listed(session, incident)
    waiting = (*_tasks_of(house, incident, PHASE).waiting, *(f"duty {key}" for key in owed))
    did = ("announcement is up",) if posted else ()
    return Progress(phase=PHASE, did=did, waiting=waiting)
