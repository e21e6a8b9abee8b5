"""Accounts, tokens, sessions and links as both databases keep them; what was done to accounts cannot be changed."""

from collections.abc import Callable

import pendulum
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from db import accounts, approvals, links
from db.sealing import IncidentKey
from db.sessions import Database
from tocsin.errors import Invalid, NotAllowed

NOON = pendulum.datetime(2026, 11, 22, 12)


def add(session: Session, name: str) -> str:
    given = {"display_name": name, "roles": ["approver"], "plan_roles": ["legal"], "by": "anna", "at": NOON}
    return accounts.add(session, name, **given).key  # type: ignore[arg-type]


def test_a_name_is_given_once_and_everything_ends_with_its_account(database: Database) -> None:
    with database.transaction() as session:
        assert accounts.none(session)
        zhao, wang = add(session, "Zhao Min"), add(session, "Wang Fang")
        accounts.put_token(session, "1" * 64, zhao, at=NOON, expires_at=None)
        accounts.put_token(session, "2" * 64, zhao, at=NOON, expires_at=None)
        accounts.open_session(session, "3" * 64, zhao, at=NOON, expires_at=NOON.add(hours=1))
        accounts.delegate(session, giver=zhao, taker=wang, until=NOON.add(days=1), by="anna", at=NOON)
        accounts.delegate(session, giver=zhao, taker=wang, until=NOON.add(days=2), by="anna", at=NOON)
        assert [accounts.token(session, digit * 64).ended_at is None for digit in "12"] == [False, True]  # type: ignore[union-attr]
        assert [one.until for one in accounts.delegations(session, NOON, taker=wang)] == [NOON.add(days=2)]
        assert accounts.delegations(session, NOON.add(days=2)) == []
    with database.transaction() as session, pytest.raises(Invalid, match="not given twice"):
        add(session, "zhao  min")

    with database.transaction() as session:
        accounts.end(session, zhao, NOON)
        assert accounts.delegations(session, NOON) == []
        assert accounts.login(session, "3" * 64).ended_at == NOON  # type: ignore[union-attr]
        assert accounts.token(session, "2" * 64).ended_at == NOON  # type: ignore[union-attr]
        assert accounts.named(session, ["ZHAO MIN", "nobody"]).keys() == {zhao}


@pytest.mark.parametrize("change", ["UPDATE account_act SET by = 'x'", "DELETE FROM account_act"])
def test_what_was_done_to_accounts_stands(database: Database, change: str) -> None:
    with database.transaction() as session:
        accounts.record(session, "people.add", by="anna", account="Zhao Min", data={"roles": []}, at=NOON)

    with pytest.raises(DatabaseError, match="append-only"), database.transaction() as session:
        session.execute(text(change))


def test_failures_are_counted_and_forgotten(database: Database) -> None:
    with database.transaction() as session:
        accounts.count_failure(session, "k", number=1, at=NOON, until=None)
        accounts.count_failure(session, "k", number=2, at=NOON, until=NOON.add(minutes=1))
        assert accounts.throttled_until(session, ["k", "other"]) == NOON.add(minutes=1)
        accounts.forget_failures(session, ["k"])
        assert accounts.throttled_until(session, ["k"]) is None


def test_a_link_is_used_once_and_a_newer_one_ends_it(
    database: Database, an_incident: Callable[..., IncidentKey]
) -> None:
    an_incident()
    with database.transaction() as session:
        key = add(session, "Zhao Min")
        same = {"incident_id": "leak", "subject": "notice", "subject_hash": "h", "account": key}
        links.put(session, "1" * 64, **same, at=NOON, expires_at=NOON.add(days=1))
        links.put(session, "2" * 64, **same, at=NOON.add(hours=1), expires_at=NOON.add(days=1))
        assert links.find(session, "1" * 64).expires_at == NOON.add(hours=1)  # type: ignore[union-attr]
        assert [links.use(session, "2" * 64, NOON) for _ in range(2)] == [True, False]


def test_an_approval_keeps_what_it_was_bound_to(database: Database, an_incident: Callable[..., IncidentKey]) -> None:
    an_incident()
    with database.transaction() as session:
        given = {"subject": "notice", "of_hash": "a", "by": "Zhao Min", "at": NOON}
        approvals.give(session, "leak", **given, binding={"people": 7}, on_behalf_of="Wang Fang")  # type: ignore[arg-type]
        before = approvals.last_of_another(session, "leak", "notice", "b")
        assert before is not None
        assert (before.binding, before.on_behalf_of) == ({"people": 7}, "Wang Fang")
        approvals.refuse(session, "leak", subject="notice", of_hash="b", by="Wu Lei", at=NOON, reason="no")
        assert approvals.standing(session, "leak", "notice", "a") == []


def test_a_refusal_leaves_its_trace_after_the_act_has_rolled_back(database: Database) -> None:
    refusal = NotAllowed("no")
    refusal.trace = lambda session: accounts.record(session, "act.denied", by="eve", account=None, data={}, at=NOON)

    def act() -> None:
        with database.transaction() as session:
            add(session, "Eve")
            raise refusal

    with pytest.raises(NotAllowed):
        act()

    with database.reading() as session:
        assert accounts.none(session)
        assert [one.act for one in accounts.acts(session)] == ["act.denied"]
