"""Report: each regulator's form filled from the same facts, versioned, handed in by a person or by e-mail."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import facts as facts_store
from db import incidents, ledger, people
from db import reports as store
from db.tables import Duty, Report
from documents import forms, reports
from flows import papers
from flows.steps import answering, approving, assessing, subjects
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.steps.progress import Progress
from flows.wiring import House
from tocsin import moments
from tocsin.errors import Invalid, NotAllowed, NotFound
from tocsin.ledger import EventType

PHASE = "report"


def run(house: House, incident: str) -> Progress:
    """Bring every report that is owed up to date with the facts; say which wait for a person to hand them in."""
    now = house.now()
    did, waiting = [], []
    with house.database.transaction() as session:
        sending = people.counts(session, incident).pending > 0
        facts = facts_store.latest(session, incident)
        for form in owed_forms(house, session, incident):
            row = store.latest(session, incident, form.id, form.stages[0])
            # While people are being told the counts change every minute: a new version waits for new facts or the end.
            if row is not None and sending and facts is not None and row.at >= facts.at:
                waiting.append(f"someone to hand in {form.id} ({row.stage})")
                continue
            row, new = draft(house, session, incident, form.id, by="tocsin", now=now)
            if new:
                did.append(f"{form.id} drafted, version {row.version}, {len(row.missing)} fields missing")
            if row.filed_at is None:
                waiting.append(f"someone to hand in {form.id} ({row.stage})")
    written = [write(house, incident, form.id) for form in _all_forms(house, incident)]
    if did:
        did.append(f"papers in {written[0].parent}")
    return Progress(phase=PHASE, did=tuple(did), waiting=tuple(waiting))


def owed_forms(house: House, session: Session, incident: str) -> list[forms.Form]:
    """The plan's forms of which at least one duty is owed or undetermined now."""
    plan = house.plan(incidents.get(session, incident).plan)
    return [
        form
        for form in forms.load()
        if form.id in plan.regulators.reports and served(form, assessing.live(session, incident))
    ]


def served(form: forms.Form, live: list[Duty]) -> list[str]:
    """The duties that handing in this form fulfils: `eu-gdpr/authority` stands for each authority's own row, too."""
    return [
        duty.id
        for duty in live
        if duty.status in {"owed", "undetermined", "done"}
        and any(duty.id == name or duty.id.startswith(f"{name}-") for name in form.duties)
    ]


def _all_forms(house: House, incident: str) -> list[forms.Form]:
    with house.database.reading() as session:
        return owed_forms(house, session, incident)


def draft(
    house: House, session: Session, incident: str, identifier: str, *, by: str, now: DateTime, stage: str | None = None
) -> tuple[Report, bool]:
    """Fill the form from the facts; a new version only where something differs. Returns it and whether it is new."""
    must_be_open(session, incident)
    must_be_allowed(session, "report.draft", by=by, now=now, incident=incident)
    chosen = forms.find(identifier)
    filled = _fill(house, session, incident, chosen, stage or chosen.stages[0], now=now)
    before = store.latest(session, incident, chosen.id, filled.stage)
    if before is not None and (before.hash == filled.hash or before.filed_at):
        return before, False
    row = store.put(
        session,
        incident,
        form=chosen.id,
        stage=filled.stage,
        document=filled.document,
        missing=[asdict(gap) for gap in filled.missing],
        duties=sorted(set(served(chosen, assessing.live(session, incident)))),
        content_hash=filled.hash,
        by=by,
        at=now,
    )
    entry = {
        "form": chosen.id,
        "stage": row.stage,
        "version": row.version,
        "hash": row.hash,
        "missing": len(row.missing),
    }
    ledger.append(session, incident, EventType.REPORT_DRAFTED, actor=by, data=entry, at=now)
    return row, True


def _fill(
    house: House, session: Session, incident: str, chosen: forms.Form, stage: str, *, now: DateTime
) -> reports.Report:
    stored = facts_store.latest(session, incident)
    assert stored is not None
    return reports.fill(
        chosen,
        stored.document,
        duties=[duty.row for duty in assessing.live(session, incident)],
        plan=house.plan(incidents.get(session, incident).plan).for_documents(),
        stage=stage,
        extra={**told_so_far(session, incident), **_reasons_for_delay(session, incident, chosen)},
        now=now,
    )


def told_so_far(session: Session, incident: str) -> dict[str, Any]:
    """Counts of people by what became of them, for the forms that ask how people were told."""
    counts = people.counts(session, incident)
    return {"people_by_verdict": dict(counts.by_verdict), "people_total": counts.total} if counts.total else {}


def _reasons_for_delay(session: Session, incident: str, form: forms.Form) -> dict[str, Any]:
    """The answer to a form's question for a late report, where somebody has said why (`tocsin watch late`)."""
    fulfilled = set(served(form, assessing.live(session, incident)))
    given = answering.delays(session, incident, fulfilled)
    return {field.key: given for field in form.questions if field.required_when == "late"} if given else {}


def write(house: House, incident: str, identifier: str, *, stage: str | None = None) -> Path:
    """Write the latest version as PDF and JSON into the papers folder; returns the PDF's path."""
    chosen = forms.find(identifier)
    row = latest(house, incident, identifier, stage=stage)
    folder = house.settings.papers / incident
    pdf = folder / f"{identifier}-{row.stage}-v{row.version}.pdf"
    if not pdf.exists():
        report = reports.from_document(row.document)
        papers.put(pdf.with_suffix(".json"), reports.as_json(report), folder_mode=0o700)
        papers.put(pdf, reports.as_pdf(chosen, report, version=row.version, at=row.at), folder_mode=0o700)
    return pdf


def filed(
    house: House,
    incident: str,
    identifier: str,
    *,
    stage: str | None,
    reference: str,
    by: str,
    at: DateTime,
    now: DateTime,
) -> None:
    """Record that the latest version was handed in: its duties are done and the next stage's clock starts.

    Raises NotAllowed where it was handed in before, or lacks the approvals that the plan wants of exactly this version.
    """
    chosen = forms.find(identifier)
    with house.database.transaction() as session:
        must_be_allowed(session, "report.file", by=by, now=now, incident=incident)
        row = _latest(session, incident, chosen, stage)
        if row.filed_at is not None:
            raise NotAllowed(
                f"The {row.stage} report {identifier} was handed in at {row.filed_at}: draft the next stage."
            )
        subject = subjects.find(house, session, incident, f"report:{row.form}:{row.stage}")
        approving.must_be_granted(house, session, incident, subject, by=by, now=now)
        store.mark_filed(session, incident, row.form, row.stage, row.version, at=at, by=by, reference=reference)
        entry = {"form": identifier, "stage": row.stage, "version": row.version, "hash": row.hash, "at": at.isoformat()}
        ledger.append(session, incident, EventType.REPORT_FILED, actor=by, data=entry, at=now)
        assessing.reassess(house, session, incident, by=by, now=now)


def latest(house: House, incident: str, identifier: str, *, stage: str | None) -> Report:
    """The latest version of a report; raises NotFound saying how to make it."""
    with house.database.reading() as session:
        return _latest(session, incident, forms.find(identifier), stage)


def _latest(session: Session, incident: str, chosen: forms.Form, stage: str | None) -> Report:
    row = store.latest(session, incident, chosen.id, stage or chosen.stages[0])
    if row is None:
        raise NotFound(f"There is no report on form {chosen.id} yet: `tocsin report draft {incident}` makes it.")
    return row


def instant(written: str) -> DateTime:
    """The time that a person gave for an act; raises Invalid where it has no offset."""
    try:
        return moments.parse(written)
    except ValueError as error:
        raise Invalid(f"The time {written!r} cannot be used ({error}): write it like 2026-11-23T10:00+01:00.") from None
