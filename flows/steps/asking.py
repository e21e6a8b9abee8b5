"""Asking people to decide: a message with a link into the console, where the answer is given after signing in.

The link proves nothing. It names what is asked and of whom, serves once, and only to that person.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import accounts, incidents, ledger, links
from db.account_tables import Account, DecisionLink
from flows.steps import approving, guarding, proving, subjects
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.steps.subjects import Subject
from flows.wiring import House
from notifiers import pager
from tocsin.errors import Doubtful, Invalid, Misconfigured, NotAllowed, NotFound, Unavailable
from tocsin.ledger import EventType
from tocsin.roles import plain, same_name

LINK_HOURS: Final = 24
Tell = Callable[..., None]  # as `notifiers.pager.tell`


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Somebody who was asked: `told` is yes, no (surely not) or unknown."""

    name: str
    told: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a link asks: the subject as it stands, and how far its approvals have come."""

    link: DecisionLink
    subject: Subject
    standing: approving.Standing

    @property
    def changed(self) -> bool:
        """Whether it is no longer what was asked."""
        return self.link.subject_hash != self.subject.hash


def ask(
    house: House,
    incident: str,
    name: str,
    people: Sequence[str] = (),
    *,
    by: str,
    now: DateTime,
    tell: Tell = pager.tell,
) -> list[Asked]:
    """Ask people to decide on a subject; by default everybody whose approval would count.

    A message that was not taken leaves a link that nobody knows: asking again ends it and makes another.
    """
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "people.ask", by=by, now=now, incident=incident)
        console = house.settings.console_url
        if console is None:
            raise Misconfigured("Nobody can be asked by a link before `console_url` stands in the settings: add it.")
        subject = subjects.find(house, session, incident, name)
        chosen = _chosen(house, session, incident, subject, people)
        secrets = {account.name: _link(session, incident, subject, account, now=now) for account in chosen}
    asked = [
        Asked(name=who, told=_tell(house, tell, who, incident, subject, f"{console.rstrip('/')}/decide/{secret}"))
        for who, secret in secrets.items()
    ]
    with house.database.transaction() as session:
        for one in asked:
            entry = {"subject": subject.name, "hash": subject.hash, "asked": one.name, "told": one.told}
            ledger.append(session, incident, EventType.DECISION_ASKED, actor=by, data=entry, at=now)
    return asked


def _chosen(house: House, session: Session, incident: str, subject: Subject, people: Sequence[str]) -> list[Account]:
    if people:
        return [guarding.active(session, name) for name in people]
    rule = house.plan(incidents.get(session, incident).plan).approval(subject.kind)
    found = [
        account
        for account in accounts.listed(session)
        if approving.has_a_say(account, incident, rule)
        and not (rule.four_eyes and any(same_name(account.name, author) for author in subject.authors))
    ]
    if not found:
        raise NotFound(f"Nobody with an account may approve the {subject.kind}: `tocsin people add` or `roles` helps.")
    return found


def _link(session: Session, incident: str, subject: Subject, account: Account, *, now: DateTime) -> str:
    secret = proving.new_secret("link")
    links.put(
        session,
        proving.digest(secret),
        incident_id=incident,
        subject=subject.name,
        subject_hash=subject.hash,
        account=account.key,
        at=now,
        expires_at=now.add(hours=LINK_HOURS),
    )
    return secret


def _tell(house: House, tell: Tell, who: str, incident: str, subject: Subject, url: str) -> str:
    """Hand the message to the person's own channels, outside any transaction."""
    urls = [
        written.get_secret_value()
        for short, staff in house.settings.people.items()
        if plain(who) in {plain(short), plain(staff.name)}
        for written in staff.urls
    ]
    body = f"{incident}: the {subject.kind} waits for your decision. It is given in the console, signed in:\n{url}"
    try:
        tell(who, urls, title=f"Tocsin asks you to decide: {subject.kind}", body=body, now=house.now)
    except Doubtful:
        return "unknown"
    except Unavailable:
        return "no"
    return "yes"


def question(house: House, secret: str, account: Account, *, now: DateTime) -> Question:
    """What a link asks of somebody who has signed in; raises NotAllowed in the same words whatever is wrong with it."""
    with house.database.reading() as session:
        link = links.find(session, proving.digest(secret))
        if link is None or link.account != account.key or link.used_at is not None or link.expires_at <= now:
            raise NotAllowed("This link asks nothing of you: it was used, has run out, or was meant for somebody else.")
        subject = subjects.find(house, session, link.incident_id, link.subject)
        state = approving.standing(house, session, link.incident_id, subject)
    return Question(link=link, subject=subject, standing=state)


def answer(
    house: House, secret: str, account: Account, *, approve: bool, reason: str | None, now: DateTime
) -> approving.Standing | None:
    """Give the answer of somebody who has signed in, to exactly what was asked; the link is used up by it."""
    asked = question(house, secret, account, now=now)
    if not approve and not reason:
        raise Invalid("A refusal needs a reason, in words: write one.")
    incident, name, expected = asked.link.incident_id, asked.link.subject, asked.link.subject_hash
    with guarding.at_the_door(account.name):
        if approve:
            state = approving.approve(house, incident, name, by=account.name, now=now, expected=expected)
        else:
            state = None
            approving.refuse(house, incident, name, by=account.name, reason=str(reason), now=now, expected=expected)
    # A kill in between leaves the link usable, to the same person for the same answer, which changes nothing more.
    with house.database.transaction() as session:
        links.use(session, asked.link.hash, now)
    return state
