"""Announce: those who cannot be told one by one are told in public."""

from pathlib import Path

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import announcements as store
from db import facts as facts_store
from db import incidents, ledger, people, texts
from documents import announcements, notices
from flows.steps import approving, holding, subjects
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.steps.progress import Progress
from flows.wiring import House
from tocsin.delivery import NOT_REACHED
from tocsin.ledger import EventType

PHASE = "announce"


def run(house: House, incident: str) -> Progress:
    """Propose when people cannot be reached one by one, publish once approved."""
    with house.database.reading() as session:
        plan = house.plan(incidents.get(session, incident).plan)
        counts = people.counts(session, incident)
        published = store.listed(session, incident)
    if not counts.total or counts.pending:
        return Progress(phase=PHASE, waiting=("the end of sending",))
    unreached = sum(counts.by_verdict.get(verdict, 0) for verdict in NOT_REACHED)
    if published or not plan.announcement.wanted(unreached=unreached, total=counts.total):
        return Progress(phase=PHASE)
    return _propose_and_publish(house, incident, unreached)


def _propose_and_publish(house: House, incident: str, unreached: int) -> Progress:
    now = house.now()
    with house.database.transaction() as session:
        made = draft(house, session, incident, by="tocsin", now=now, unreached=unreached)
        subject = subjects.find(house, session, incident, "announcement")
        state = approving.standing(house, session, incident, subject)
        held = holding.why_not_public(session, incident)
    did = (f"announcement proposed for {unreached} people who could not be told one by one",) if made else ()
    if not state.granted:
        return Progress(phase=PHASE, did=did, waiting=(state.missing,))
    if held is not None:
        return Progress(phase=PHASE, did=did, waiting=(held,))
    at = publish(house, incident, by="tocsin")
    return Progress(phase=PHASE, did=(*did, f"announcement published in {at}"))


def draft(
    house: House, session: Session, incident: str, *, by: str, now: DateTime, unreached: int | None = None
) -> list[str]:
    """Draft the announcement in each of the plan's languages that has none yet; returns the languages drafted."""
    record = must_be_open(session, incident)
    must_be_allowed(session, "announcement.draft", by=by, now=now, incident=incident)
    plan = house.plan(record.plan)
    stored = facts_store.latest(session, incident)
    assert stored is not None
    written = texts.all_latest(session, incident, "announcement").keys()
    made = []
    for language in plan.notice.languages:
        if language in written:
            continue
        text = announcements.draft(stored.document, plan.for_documents(), language)
        text = announcements.fill_from_notice(text, _notice(session, incident, language))
        texts.put(session, incident, kind="announcement", language=language, fields=text.fields(), author=by, at=now)
        made.append(language)
    if made:
        entry = {"languages": made, "unreached": unreached}
        ledger.append(session, incident, EventType.ANNOUNCEMENT_PROPOSED, actor=by, data=entry, at=now)
    return made


def _notice(session: Session, incident: str, language: str) -> notices.NoticeText | None:
    row = texts.latest(session, incident, "notice", language)
    return notices.from_fields(row.fields) if row else None


def publish(house: House, incident: str, *, by: str) -> Path:
    """Publish the announcement to the public folder; raises NotAllowed, recorded, unless exactly it was approved."""
    now = house.now()
    with house.database.transaction() as session:
        must_be_allowed(session, "announcement.publish", by=by, now=now, incident=incident)
        plan = house.plan(incidents.get(session, incident).plan)
        subject = subjects.find(house, session, incident, "announcement")
        approving.must_be_granted(house, session, incident, subject, by=by, now=now)
        holding.must_not_stand(session, incident)
        stored = facts_store.latest(session, incident)
        assert stored is not None
        rows = texts.all_latest(session, incident, "announcement").values()
        written = [notices.from_fields(row.fields) for row in rows]
    files = announcements.page(
        written, plan=plan.for_documents(), incident_ref=incident, published_at=now, facts=stored.document
    )
    # The files are named by their hash and written whole, so a kill between writing and recording repeats harmlessly.
    published = announcements.publish(files, house.settings.public / incident)
    with house.database.transaction() as session:
        languages = [text.language for text in written]
        before = store.latest(session, incident)
        row = store.put(
            session,
            incident,
            of_hash=subject.content,
            languages=languages,
            path=str(published.path),
            published_at=now,
            by=by,
        )
        if before is None or before.number != row.number:
            entry = {"hash": subject.content, "pages_hash": published.hash, "languages": languages}
            ledger.append(session, incident, EventType.ANNOUNCEMENT_PUBLISHED, actor=by, data=entry, at=now)
    return published.path
