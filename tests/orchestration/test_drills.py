"""Drills: the real steps on a simulated clock, alone in their own house, the same every time."""

import json
import socket

import pendulum
import pytest

from db.sessions import Database
from documents import drills
from flows import plans, wiring
from flows.drill import filing, house, replaying, running, scripts
from flows.drill.work import Cast, Job
from flows.steps import declaring, drilling
from notifiers import pager, plugins
from notifiers.fakes.scripted import Scripted
from notifiers.providers import Provider
from tocsin import facts as fact_parser
from tocsin import scenario
from tocsin.errors import Invalid, Misconfigured, NotFound

SHORT = """
id: short
title: A short one
plan: kaiconn
starts: {at: 2026-09-28T16:20:20, zone: Asia/Shanghai}
lasts: PT1H15M
facts:
  title: Account records copied through a stolen key
  organisation: {name: "Shenzhen Kaiconn", role: controller, seat: CN}
  times: {detected: "2026-09-28T15:00:00+08:00", aware: "2026-09-28T16:00:00+08:00"}
  breach: {kinds: [confidentiality], cause: attack, encrypted: false}
  data: {elements: [name, phone, email]}
cast:
  lin: {name: Lin Wei, roles: [security lead, responder, incident lead, platform operations], zone: Asia/Shanghai,
        takes: {answer: PT7M}}
  chen: {name: Chen Yu, roles: [author], zone: Asia/Shanghai, takes: {write: PT5M}}
  zhao: {name: Zhao Min, roles: [privacy officer, filer], zone: Asia/Shanghai,
         takes: {approve: PT5M, duty: PT5M, task: PT5M}}
  wang: {name: Wang Fang, roles: [legal], zone: Asia/Shanghai, place: CN, hours: office}
injects:
  - at: PT4M
    people: [{place: CN, count: 30, language: zh, channels: {email: 70, phone: 80, push: 50}, bounces: 20, dead: 10}]
  - {at: PT12M, outage: phone, lasts: PT20M}
  - {at: PT40M, watch_down: true, lasts: PT16M}
  - {at: PT50M, facts: {breach: {exfiltrated: true}}}
  - {at: PT58M, question: {title: How many, owner: legal, within: PT10M}}
expect:
  - {approved: notice, within: PT30M}
  - {reached: 100, within: PT1H}
"""
REAL = "mailto://user:secret@mail.example.com/{to}"


@pytest.fixture(scope="module")
def short():
    return scenario.read(SHORT, source="short")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """An operator's installation with a real provider, which nothing may read; and no socket may leave the process."""
    home = tmp_path_factory.mktemp("operator")
    provider = {"name": "real", "channel": "email", "url": REAL, "places": "*"}
    (home / wiring.SETTINGS).write_text(
        json.dumps({"database": "postgresql://real.example/db", "providers": [provider]})
    )
    opened = []

    def never(*_args, **_more):
        opened.append(1)
        raise AssertionError("a drill reached outside")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOCSIN_HOME", str(home))
        patch.setenv("TOCSIN_DATABASE_URL", "postgresql://real.example/db")
        patch.setattr(wiring, "_read_settings", never)
        patch.setattr(socket.socket, "connect", never)
        patch.setattr(socket, "create_connection", never)
        patch.setattr(socket, "getaddrinfo", never)
        yield opened


@pytest.fixture(scope="module")
def report(short, alone):
    return running.run(short, plans.get("kaiconn"))


def test_leaving_out_idle_minutes_changes_nothing_and_the_same_drill_is_the_same(short, report, alone):
    every = running.run(short, plans.get("kaiconn"), every_minute=True)

    assert drills.as_json(every) == drills.as_json(report)
    assert not alone


def test_the_report_says_what_was_late_and_who_was_waited_for(report):
    kinds = {moment["kind"] for moment in report["course"]}
    late = [row for row in report["tasks"] if row["late"]]

    assert report["expectations"][0]["met"]
    assert {"sent", "outage", "watch", "question"} <= kinds
    assert report["watch"]["away_minutes"] == 17
    assert [row["task"] for row in late] == ["question-1"]
    assert report["people"]["total"] == 30
    assert report["warnings"]["by_person"]["lin"]["delivered"] > 0
    assert "| question-1 | legal |" in drills.as_markdown(report)
    assert "incident 2026-" not in json.dumps(report)


def test_a_stand_in_reaches_nobody_where_no_drill_runs():
    provider = Provider.model_validate(
        {"name": "left-over", "channel": "sms", "url": "drill://gone/{to}", "places": "*"}
    )

    with pytest.raises(Misconfigured, match="no drill runs here"):
        plugins.check(provider)
    with pytest.raises(Exception, match="No URL of ann"):
        pager.tell("ann", ["drill://gone/ann"], title="t", body="b", now=wiring.now)


@pytest.fixture
def opened(short, alone, tmp_path):
    clock = house.Clock(short.starts.in_timezone("UTC"))
    stage = Scripted(lambda: clock.at)
    with house.opened(tmp_path / "drill", short, plans.get("kaiconn"), stage=stage, clock=clock) as made:
        yield made


def test_a_drill_refuses_a_house_with_a_real_provider(opened):
    real = Provider.model_validate({"name": "real", "channel": "email", "url": REAL, "places": "*"})
    vars(opened)["settings"] = opened.settings.model_copy(update={"providers": (real,)})

    with pytest.raises(Misconfigured, match="reaches nobody outside"):
        opened.providers  # noqa: B018 - asking proves them


def test_a_drill_never_enters_somebodys_database(short, alone, tmp_path):
    mine = Database(f"sqlite:///{tmp_path / 'mine.db'}")
    with mine.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE somebodys (id INTEGER)")
    mine.close()

    with pytest.raises(Misconfigured, match="holds tables"):
        running.run(short, plans.get("kaiconn"), database=f"sqlite:///{tmp_path / 'mine.db'}")


def test_a_replay_says_what_another_law_would_change_and_changes_nothing(opened):
    facts = fact_parser.parse(opened.scenario.facts, source="facts")
    made = declaring.declare(opened, facts, plan="kaiconn", by="Lin Wei", now=opened.now())
    before = opened.folder.joinpath("drill.db").stat().st_size

    same = replaying.replay(opened, made.incident)
    vars(opened)["regimes"] = tuple(one for one in opened.regimes if one.id != "cn-cac")
    other = replaying.replay(opened, made.incident)

    assert same.differs == ()
    assert {row["change"] for row in other.differs if row["duty"].startswith("cn-cac/")} == {"falls away"}
    assert opened.folder.joinpath("drill.db").stat().st_size == before


def test_drills_are_filed_compared_and_due_again_after_a_year(report, tmp_path):
    held = pendulum.datetime(2026, 11, 22, 10)
    worse = {**report, "score": {**report["score"], "percent": 1}}
    filing.keep(tmp_path, report, at=held)
    path = filing.keep(tmp_path, worse, at=held.add(days=1))
    (tmp_path / filing.FOLDER / "notes.json").write_text("{}")

    fresh = drilling.standings(tmp_path, now=held.add(months=6), used={})
    old = drilling.standings(tmp_path, now=held.add(days=367), used={})

    assert [one.percent for one in filing.listed(tmp_path)] == [report["score"]["percent"], 1]
    assert "Beside the last drill" in path.with_suffix(".md").read_text()
    assert [one.overdue for one in (*fresh, *old)] == [False, True]
    assert "GB/T 35273-2020" in old[0].sentence
    assert filing.find(tmp_path, "last").percent == 1
    with pytest.raises(NotFound):
        filing.find(tmp_path, "2020")


def test_every_plan_has_a_scenario_that_fits_it():
    for name in scripts.names():
        found = scripts.get(name)
        scenario.must_fit(found, plans.get(found.plan), source=name)
    assert all(scripts.for_plan(plan) for plan in plans.names())
    with pytest.raises(Invalid, match="for plan kaiconn, not for konzen"):
        scenario.must_fit(scripts.get("kaiconn-holiday"), plans.get("konzen"), source="x")


def test_pacing_waits_for_the_audience(short):
    waited = []
    told = running._paced(lambda *_: None, running.Pace(speed=60, sleep=waited.append), short.starts)

    told(short.starts.add(hours=1), "facts", "new facts")

    assert 59 < waited[0] <= 60


def test_the_cast_does_one_thing_at_a_time_and_decides_first(short):
    cast, at = Cast(short), short.starts.in_timezone("UTC")
    for kind, of in (("duty", "a"), ("task", "b"), ("approve", "notice x")):
        assert cast.ask(Job(kind=kind, of=of, who="zhao", asked=at))

    cast.begin(at)

    assert cast.next_at(at) == at.add(minutes=5)
    assert [job.of for _, job, _ in cast.finished(at.add(minutes=5))] == ["notice x"]
    assert not cast.ask(Job(kind="duty", of="a", who="zhao", asked=at))
