"""Whoever can be told in one way only is told first."""

from collections.abc import Callable

import pendulum

from db import people
from db.people import NewPerson
from db.sealing import IncidentKey
from db.sessions import Database

NOON = pendulum.datetime(2026, 11, 22, 12)


def test_people_with_one_way_come_before_those_with_several(
    database: Database, an_incident: Callable[..., IncidentKey]
) -> None:
    an_incident()
    ways = [{"has_push": True, "has_email": True}, {"has_sms": True}, {}, {"has_phone": True}]
    crowd = [
        NewPerson(id=number, wave=1, ref=f"{number:032x}", place="DE", language="en", sealed=b"", **has)
        for number, has in enumerate(ways, start=1)
    ]
    with database.transaction() as session:
        people.insert_many(session, "leak", crowd)
        assert people.mark_all_due(session, "leak", 1, NOON) == 4
    with database.reading() as session:
        assert [person.id for person in people.due(session, "leak", NOON, 10)] == [2, 4, 1, 3]
        assert people.next_look(session, "leak") == NOON.subtract(seconds=1)
