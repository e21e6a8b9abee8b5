"""Notify: the approved text goes to every person on the ladder."""

from collections.abc import Callable

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import attempts, incidents, ledger, people, texts, waves
from documents import notices
from flows.steps import approving, collecting, forecasting, sending, subjects
from flows.steps.climbing import Climber
from flows.steps.errands import Approved, Errand
from flows.steps.progress import Progress
from flows.wiring import House
from tocsin.errors import Misconfigured, NotAllowed, NotFound
from tocsin.ledger import EventType
from tocsin.plan import Plan

PHASE = "notify"


def run(house: House, incident: str, *, progress: Callable[[int], None] = lambda _: None) -> Progress:
    """Send to everyone whose turn it is, if it may go out; otherwise say what is missing."""
    collected = collecting.collect(house, now=house.now())
    waiting = missing(house, incident) or unusable(house)
    if waiting:
        return Progress(phase=PHASE, did=collected.troubles, waiting=waiting)
    sent = send(house, incident, by="tocsin", progress=progress)
    with house.database.transaction() as session:
        open_people = people.counts(session, incident).pending
        put_off = attempts.put_off(session, incident)
    did = (f"{sent.messages} messages handed to providers",) if sent.messages else ()
    troubles = tuple(
        f"look at provider {provider}: {code}, {n} messages put off" for (provider, code), n in put_off.items()
    )
    wait = (f"receipts, or the next rung, for {open_people} people",) if open_people else ()
    return Progress(phase=PHASE, did=(*collected.troubles, *troubles, *did), waiting=wait)


def missing(house: House, incident: str) -> tuple[str, ...]:
    """What stands between the roster and the providers; empty when the notice may go out."""
    with house.database.transaction() as session:
        plan = house.plan(incidents.get(session, incident).plan)
        wanted = []
        if not waves.listed(session, incident):
            wanted.append("a roster of the affected people (`tocsin roster import`)")
        try:
            subject = subjects.find(house, session, incident, "notice")
        except NotFound:
            wanted.append("a notice text (`tocsin notice draft`)")
        else:
            wanted.extend(_missing_languages(session, incident, plan))
            state = approving.standing(house, session, incident, subject)
            if not state.granted:
                wanted.append(state.missing)
        if incidents.get(session, incident).sending_paused_at is not None:
            wanted.append(f"somebody to go on with the sending, which is paused (`tocsin resume {incident}`)")
        return tuple(wanted)


def unusable(house: House) -> tuple[str, ...]:
    """What is wrong with the providers, so that the other phases go on meanwhile."""
    try:
        house.providers  # noqa: B018 - asking proves them
    except Misconfigured as error:
        return (str(error),)
    return ()


def _missing_languages(session: Session, incident: str, plan: Plan) -> list[str]:
    written = texts.all_latest(session, incident, "notice").keys()
    wanted = {
        language for language in people.counts(session, incident).by_language if language in plan.notice.languages
    }
    return [f"a notice text in {language}" for language in sorted(wanted - written)]


def send(
    house: House,
    incident: str,
    *,
    by: str,
    most: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> sending.Sent:
    """Send now, to everyone or `most` messages; raises NotAllowed, recorded, where this text is not approved."""
    now = house.now()
    with approving.denials_recorded(house, incident, by=by, now=now), house.database.transaction() as session:
        incidents.lock(session, incident)
        record = incidents.get(session, incident)
        plan = house.plan(record.plan)
        subject = subjects.find(house, session, incident, "notice")
        approving.must_be_granted(house, session, incident, subject)
        if record.sending_paused_at is not None:
            raise NotAllowed(f"The sending of {incident} is paused: `tocsin resume {incident}` goes on.")
        key = house.master_key.incident_key(record.sealed_key, incident)
        approved = approved_texts(session, incident, plan)
        climber = Climber(plan=plan, providers=house.providers, deadline=forecasting.deadline(session, incident))
        _begin(session, incident, subject.hash, by=by, now=now)
    errand = Errand(house=house, incident=incident, climber=climber, approved=approved, key=key)
    return sending.send_due(errand, most=most, progress=progress)


def _begin(session: Session, incident: str, text_hash: str, *, by: str, now: DateTime) -> None:
    """Open the sending of a text once for each wave; its people become due, and nobody of an earlier wave again."""
    for wave in waves.listed(session, incident):
        opened = {"text": text_hash, "wave": wave.number}
        if not ledger.has(session, incident, EventType.SENDING_STARTED, opened):
            total = people.mark_all_due(session, incident, wave.number, now)
            entry = {**opened, "people": total}
            ledger.append(session, incident, EventType.SENDING_STARTED, actor=by, data=entry, at=now)


def approved_texts(session: Session, incident: str, plan: Plan) -> Approved:
    """The texts as stored, which are the texts whose hash was approved."""
    written = [notices.from_fields(row.fields) for row in texts.all_latest(session, incident, "notice").values()]
    by_language = {text.language: text for text in written}
    fallback = next((language for language in plan.notice.languages if language in by_language), written[0].language)
    return Approved(texts=by_language, hash=notices.text_hash(written), fallback=fallback)
