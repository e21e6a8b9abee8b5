"""One incident through every phase on each database, with real SMTP and HTTP on loopback."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from db import attempts, ledger, people, reports
from db import duties as duty_store
from flows.steps import approving, exporting, pictures, reporting, responding
from flows.wiring import House
from tocsin.errors import NotAllowed

VERIFIER = Path(__file__).parents[1] / "ledger_verifier.py"


def messages(outbox: Path) -> list[dict]:  # type: ignore[type-arg]
    return [
        entry
        for path in outbox.glob("*.jsonl")
        for entry in map(json.loads, path.read_text().splitlines())
        if entry.get("type") == "message"
    ]


def test_everyone_gets_the_verdict_that_their_addresses_allow(
    installation,
    prepare: Callable[..., str],
    settle: Callable[[House, str], None],
    announced: Callable[[House, str], None],
    secrets: tuple[str, ...],
) -> None:
    house = installation.house
    incident = prepare(house)

    settle(house, incident)

    with house.database.reading() as session:
        counts = people.counts(session, incident)
        funnel = attempts.funnel(session, incident)
    assert {str(verdict): number for verdict, number in counts.by_verdict.items()} == {
        "delivered": 3,  # two by push, one by SMS after a dead token and a bounced mailbox
        "unconfirmed": 2,  # two by e-mail, which gives no receipts
        "unreachable": 1,  # refused mailbox, invalid number
        "no-address": 1,
    }
    assert {(str(c), str(o)): n for c, outcomes in funnel.items() for o, n in outcomes.items()} == {
        ("push", "delivered"): 2,
        ("push", "refused"): 2,
        ("email", "accepted"): 2,
        ("email", "bounced"): 1,
        ("email", "refused"): 1,
        ("sms", "delivered"): 1,
        ("sms", "refused"): 1,
        ("phone", "refused"): 1,
    }
    sent = messages(installation.outbox)
    assert len({entry["key"] for entry in sent}) == len(sent)

    announced(house, incident)
    page = (house.settings.public / incident / "zh.html").read_text()
    assert "王伟" not in page
    assert 'lang="zh' in page
    hand_in(house, incident)
    responding.respond(house, incident)

    with house.database.reading() as session:
        ledger.verify(session, incident)
        duties = {duty.key: duty for duty in duty_store.listed(session, incident)}
    promise = duties["plan-conex-easykey/individuals"]
    assert promise.status == "done"
    assert promise.done_at is not None
    assert promise.overdue_at is None
    assert all(duties[key].done_at is not None for key in duties if key.startswith("eu-gdpr/authority"))
    export = installation.folder / "ledger.jsonl"
    exporting.to_file(house, incident, export, by="auditor")
    checked = subprocess.run([sys.executable, str(VERIFIER), str(export)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    shown = export.read_text() + json.dumps(pictures.summary(house, incident), ensure_ascii=False)
    assert [secret for secret in secrets if secret in shown] == []


def hand_in(house: House, incident: str) -> None:
    with house.database.reading() as session:
        owed = [form.id for form in reporting.owed_forms(house, session, incident)]
    assert set(owed) == {"cn-cac-incident", "eu-gdpr-33"}
    for form in owed:
        now = house.now()
        with pytest.raises(NotAllowed, match="not approved"):
            reporting.filed(house, incident, form, stage=None, reference="R-0", by="Zhao Min", at=now, now=now)
        approving.approve(house, incident, f"report:{form}:initial", by="Wang Fang", now=now)
        reporting.filed(house, incident, form, stage=None, reference="R-1", by="Zhao Min", at=now, now=now)
    with house.database.reading() as session:
        assert all(row.reference == "R-1" for row in reports.listed(session, incident) if row.filed_at)


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_a_second_run_when_all_is_done_changes_nothing(
    installation, prepare: Callable[..., str], settle: Callable[[House, str], None]
) -> None:
    house = installation.house
    incident = prepare(house)
    settle(house, incident)
    responding.respond(house, incident)
    with house.database.reading() as session:
        before = ledger.length(session, incident)
    sent = len(messages(installation.outbox))

    responding.respond(house, incident)

    with house.database.reading() as session:
        assert ledger.length(session, incident) == before
    assert len(messages(installation.outbox)) == sent


def test_addresses_never_stand_readable_in_the_database(
    installation, prepare: Callable[..., str], secrets: tuple[str, ...]
) -> None:
    import sqlalchemy

    house = installation.house
    prepare(house, upto="enrolled")

    found: list[str] = []
    with house.database.engine.connect() as connection:
        for table in sqlalchemy.inspect(connection).get_table_names():
            for row in connection.execute(sqlalchemy.text(f'SELECT * FROM "{table}"')):
                values = [bytes(value) if isinstance(value, memoryview) else value for value in row]
                text = " ".join(v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values)
                found += [f"{table}: {secret}" for secret in secrets if secret in text]
    assert found == []


@pytest.mark.parametrize("installation", ["postgresql"], indirect=True)
def test_a_second_wave_tells_only_the_new_people(
    installation, prepare: Callable[..., str], settle: Callable[[House, str], None], tmp_path: Path
) -> None:
    from flows.steps import enrolling

    house = installation.house
    incident = prepare(house)
    settle(house, incident)
    before = {entry["key"] for entry in messages(installation.outbox)}
    more = tmp_path / "more.csv"
    more.write_text(
        "account,name,place,language,push_token,email,phone\n"
        "a1,王伟,CN,zh,tok-aaaaaaaaaaaa0001,user.1@mail.example.cn,+8613800000001\n"
        "b1,赵磊,CN,zh,tok-bbbbbbbbbbbb0001,,\n",
        encoding="utf-8",
    )

    done = enrolling.enrol(house, incident, more, mapping=[], by="Lin Wei", now=house.now())
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())  # they are more now
    settle(house, incident)

    assert (done.wave, done.people, done.merged) == (2, 1, 1)
    assert len({entry["key"] for entry in messages(installation.outbox)} - before) == 1


def test_people_of_the_mainland_are_held_where_no_provider_is_marked_for_it(
    installation, prepare: Callable[..., str], settle: Callable[[House, str], None]
) -> None:
    import yaml

    path = installation.folder / "settings.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["providers"] = [one for one in settings["providers"] if "CN" not in one["places"]]
    path.write_text(yaml.safe_dump(settings))
    house = installation.house
    incident = prepare(house)

    settle(house, incident)

    with house.database.reading() as session:
        counts = people.counts(session, incident)
        refused = [event.data for event in ledger.listed(session, incident) if event.type == "provider.refused"]
    assert {str(v): n for v, n in counts.by_verdict.items()} == {
        "held": 4,
        "no-address": 1,
        "delivered": 1,
        "unconfirmed": 1,
    }
    assert {entry["reason"] for entry in refused} == {"residency"}
    assert all("13800" not in str(entry) for entry in messages(installation.outbox))
