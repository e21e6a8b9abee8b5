"""Bounces that lie in a mailbox: fetched each minute, stored as events before the mailbox's cursor moves."""

import json
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import events, watch
from flows.wiring import House
from notifiers import bounces
from notifiers.bounces import mailbox
from notifiers.providers import Provider
from tocsin.delivery import Channel, Event
from tocsin.errors import Misconfigured, Unavailable

NAME = "bounce-mailbox"
_EVERY_SECONDS = 45  # the watch looks each minute, and so do others
_MOST_BATCHES = 40  # a thousand messages; the rest a minute later
_UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What was read of the mailbox so far: its cursor, and how many messages nobody could read."""

    cursor: str | None = None
    unreadable: int = 0


def fetch(house: House, *, now: DateTime) -> tuple[str, ...]:
    """Store what is new in the bounce mailbox, where the settings name one; one sentence for each trouble.

    Two that fetch at once store the same events, each of which counts once.
    """
    where = house.settings.bounce_mailbox
    if where is None:
        return ()
    with house.database.reading() as session:
        last = watch.last_beat(session, NAME)
    if last is not None and 0 <= (now - last.at).total_seconds() < _EVERY_SECONDS:
        return ()
    before = _Read(**json.loads(last.detail)) if last is not None and last.detail else _Read()
    read = before
    try:
        new = mailbox.batches(mailbox.parsed(where.get_secret_value()), before.cursor)
        for batch in islice(new, _MOST_BATCHES):
            found, counts = _events(house, batch, now)
            unreadable = read.unreadable + counts[_UNREADABLE] + batch.passed_over
            read = _Read(cursor=batch.cursor, unreadable=unreadable)
            _keep(house, found, read, now)
    except (Unavailable, Misconfigured) as error:
        _keep(house, [], read, now)
        return (str(error),)
    if read == before:
        _keep(house, [], read, now)
    news = read.unreadable - before.unreadable
    return (f"{news} messages in the bounce mailbox cannot be read: look at them yourself.",) if news else ()


def _events(house: House, batch: mailbox.Batch, now: DateTime) -> tuple[list[Event], Counter[str]]:
    """What the messages say about letters of ours; what is about nobody's is passed over."""
    counts: Counter[str] = Counter()
    found: list[Event] = []
    for raw in batch.messages:
        try:
            provider = _provider(house, raw)
            found += [one for one in bounces.events(raw, provider=provider, received=now) if one.key is not None]
        except Exception:  # noqa: BLE001 - one message that nobody can read must not hide the ones behind it
            counts[_UNREADABLE] += 1
    return found, counts


def _provider(house: House, raw: bytes) -> str:
    """The provider whose bounce domain the message was sent to; else the first that sends letters."""
    letters: list[Provider] = [one for one in house.settings.providers if one.channel is Channel.EMAIL]
    domains = {one.bounce_domain.lower(): one.name for one in letters if one.bounce_domain}
    for domain in bounces.domains(raw):
        if domain in domains:
            return domains[domain]
    return letters[0].name


def _keep(house: House, found: list[Event], read: _Read, now: DateTime) -> None:
    detail = json.dumps({"cursor": read.cursor, "unreadable": read.unreadable})

    def write(session: Session) -> None:
        if found:
            events.store(session, events=found, now=now)
        watch.beat(session, NAME, now, detail=detail)

    house.database.transact(write)
