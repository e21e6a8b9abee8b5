"""Notify: the approved text goes to every person on the ladder."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from db import attempts, holds, incidents, people, texts, waves
from documents import notices
from flows.steps import approving, collecting, forecasting, opening, senders, sending, subjects
from flows.steps.climbing import Climber
from flows.steps.errands import Approved, Errand
from flows.steps.guarding import must_be_allowed
from flows.steps.progress import Progress
from flows.wiring import House
from notifiers.providers import Provider
from tocsin.errors import Misconfigured, NotAllowed, NotFound
from tocsin.plan import Plan

PHASE = "notify"
ACTOR = opening.BY_ITSELF


def run(
    house: House,
    incident: str,
    *,
    progress: Callable[[int], None] = lambda _: None,
    crew: senders.Sending = senders.here,
) -> Progress:
    """Have the text sent to everyone whose turn it is, if it may go out; otherwise say what is missing.

    `crew` is who sends: by default as many processes of this machine as the settings say.
    """
    collected = collecting.collect(house, now=house.now())
    waiting = missing(house, incident) or unusable(house)
    if waiting:
        return Progress(phase=PHASE, did=collected.troubles, waiting=waiting)
    errand = prepare(house, incident, by=ACTOR)
    done = crew(errand, progress=progress)
    with house.database.transaction() as session:
        open_people = people.counts(session, incident).pending
        put_off = attempts.put_off(session, incident)
        held_back = opening.held_back(session, incident, errand.approved.hash)
        held = holds.people_held(session, incident)
    did = (f"{done.sent.messages} messages handed to providers",) if done.sent.messages else ()
    troubles = tuple(
        f"look at provider {provider}: {code}, {n} messages put off" for (provider, code), n in put_off.items()
    )
    wait = (f"receipts, or the next rung, for {open_people} people",) if open_people else ()
    if held:
        wait = (*wait, f"the end of a legal hold, for {held} people")
    if held_back:
        wait = (f"somebody who sends to the others too (`tocsin notice send {incident}`)",)
    return Progress(phase=PHASE, did=(*collected.troubles, *troubles, *done.notes, *did), waiting=wait)


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
    only: tuple[int, ...] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> sending.Sent:
    """Send now, to everyone, to the people of these numbers `only`, or the first `most` messages.

    Whom a choice leaves out waits until somebody sends to all. Raises NotAllowed, recorded, where this text is not
    approved.
    """
    choice = None if most is None and only is None else opening.Choice(people=only, most=most)
    return sending.send_due(prepare(house, incident, by=by, choice=choice), most=most, progress=progress)


def prepare(house: House, incident: str, *, by: str, choice: opening.Choice | None = None) -> Errand:
    """Open the sending, to everyone or to chosen people only.

    Raises NotAllowed, recorded, where this text is not approved or the sending is paused.
    """
    now = house.now()
    with house.database.transaction() as session:
        must_be_allowed(session, "notice.send", by=by, now=now, incident=incident)
        incidents.lock(session, incident)
        record = incidents.get(session, incident)
        plan = house.plan(record.plan)
        subject = subjects.find(house, session, incident, "notice")
        approving.must_be_granted(house, session, incident, subject, by=by, now=now)
        if record.sending_paused_at is not None:
            raise NotAllowed(f"The sending of {incident} is paused: `tocsin resume {incident}` goes on.")
        key = house.master_key.incident_key(record.sealed_key, incident)
        approved = approved_texts(session, incident, plan)
        climber = climber_for(session, incident, plan, house.providers)
        opening.open_sending(session, incident, approved.hash, choice, by=by, now=now)
        hold = holds.last_number(session, incident)
    only = choice.people if choice else None
    return Errand(house=house, incident=incident, climber=climber, approved=approved, key=key, only=only, hold=hold)


def climber_for(session: Session, incident: str, plan: Plan, providers: Sequence[Provider]) -> Climber:
    """The ladder of a plan for the people of an incident, as its deadline and its waves stand now."""
    until = forecasting.deadline(session, incident)
    late = {wave.number for wave in waves.listed(session, incident) if until and wave.imported_at > until}
    return Climber(plan=plan, providers=providers, deadline=until, found_late=frozenset(late))


def approved_texts(session: Session, incident: str, plan: Plan) -> Approved:
    """The texts as stored, which are the texts whose hash was approved."""
    written = [notices.from_fields(row.fields) for row in texts.all_latest(session, incident, "notice").values()]
    by_language = {text.language: text for text in written}
    fallback = next((language for language in plan.notice.languages if language in by_language), written[0].language)
    return Approved(texts=by_language, hash=notices.text_hash(written), fallback=fallback)
