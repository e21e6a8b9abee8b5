"""What processes tell each other about an account in trouble: the newest word, and one who tries."""

import threading

import pendulum

from db import circuits
from db.sessions import Database

AT = pendulum.datetime(2026, 11, 22, 12)


def tell(database, knew, rests=None, health=0.5, rest=30.0):
    word = {"health": health, "rest_seconds": rest, "open_for_seconds": rests}
    return database.transact(lambda session: circuits.tell(session, "sms", knew=knew, at=AT, **word)[0])


def read(database):
    with database.reading() as session:
        return circuits.read(session, ["sms", "other"])


def try_out(database, owner):
    return database.transact(lambda session: circuits.try_out(session, "sms", owner, at=AT))


def test_new_trouble_always_counts_and_other_news_only_from_who_knows_the_latest(database: Database) -> None:
    assert read(database) == ({}, 0.0)
    assert tell(database, 0, rests=30).version == 1
    assert tell(database, 0, rests=5).version == 2  # of one that had not heard yet
    found, now = read(database)
    assert 25 < found["sms"].rests(now) <= 30
    assert tell(database, 1) == found["sms"]  # it is closed for one that knows only the first
    assert tell(database, 2).until is None
    assert tell(database, 3, health=0.9).health == 0.9
    assert read(database)[0]["sms"].version == 4


def test_nobody_tries_before_the_rest_is_over_and_then_one(database: Database) -> None:
    tell(database, 0, rests=30)
    assert not try_out(database, "one")
    tell(database, 1)
    tell(database, 2, rests=0)
    found = []
    threads = [threading.Thread(target=lambda name=name: found.append(try_out(database, name))) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False, False, False, True]
    (mine,) = [name for name in "abcd" if read(database)[0]["sms"].prober == name]
    assert try_out(database, mine)  # its time begins anew
    assert not try_out(database, "another")
