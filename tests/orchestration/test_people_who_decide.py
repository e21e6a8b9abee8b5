"""Nothing leaves on the word of somebody who has no say: every way around is tried, with accounts and without."""

import contextlib
import copy
import importlib
import inspect
import io
import pkgutil
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
import yaml

import flows.steps
from db import accounts as store
from db import calendars, ledger
from flows import plans, wiring
from flows.demo import words
from flows.installing import install
from flows.steps import (
    accounts,
    announcing,
    approving,
    call_sheets,
    declaring,
    drafting,
    enrolling,
    guarding,
    notifying,
    proving,
    reporting,
    responding,
)
from flows.wiring import House
from tocsin import facts as fact_parser
from tocsin import plan as plan_parser
from tocsin.errors import Invalid, NotAllowed

NOON = pendulum.datetime(2026, 11, 21, 12)
ROSTER = "account,place,language,push_token\na1,CN,zh,tok-aaaaaaaaaaaa0001\na2,DE,en,tok-aaaaaaaaaaaa0002\n"
PEOPLE = (
    ("Lin Wei", "responder", None),
    ("Chen Yu", "approver", "legal"),
    ("Zhao Min", "approver", "privacy officer"),
    ("Wang Fang", "officer", "legal"),
    ("Wu Lei", "approver", "helpdesk"),
    ("Sun Li", "auditor", "legal"),
)
PROVIDER = {"name": "extra", "channel": "push", "url": "json://127.0.0.1:9/{to}", "places": "*"}


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An installation with one incident whose notice is written and not approved; made once, and copied."""
    folder = tmp_path_factory.mktemp("written") / "home"
    install(folder, stores_marked=["*", "CN"], simulated_clock=True)
    wiring.set_clock(NOON, folder=folder)
    with wiring.opened(folder) as house:
        now = house.now().replace(microsecond=0)
        facts = fact_parser.parse(words.later_facts(now.subtract(hours=2), {"CN": 1, "DE": 1}), source="a test")
        incident = declaring.declare(house, facts, plan="conex-easykey", by="Lin Wei", now=now).incident
        (folder / "people.csv").write_text(ROSTER)
        enrolling.enrol(house, incident, folder / "people.csv", mapping=[], by="Lin Wei", now=now)
        drafting.draft_notice(house, incident, by="Chen Yu", now=now)
        for path in drafting.write_files(house, incident, folder / "texts"):
            drafting.fill_gaps(path, words.FILLED[path.stem])
        files = sorted((folder / "texts").glob("*.yaml"))
        drafting.put_files(house, incident, files, by="Chen Yu", now=now)
    return folder, incident


@pytest.fixture(scope="session")
def staffed(written: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The same installation once everybody has an account, and the tokens by name."""
    folder = tmp_path_factory.mktemp("staffed") / "home"
    shutil.copytree(written[0], folder)
    with wiring.opened(folder) as house:
        admin = accounts.add(house, "Ada", roles=["administrator"], by="root", now=house.now())
    assert admin is not None
    tokens = {"Ada": admin}
    house = House(folder, {"TOCSIN_TOKEN": admin})
    for name, role, plan_role in PEOPLE:
        now = house.now()
        accounts.add(house, name, roles=[role], plan_roles=[plan_role] if plan_role else [], by="Ada", now=now)
        tokens[name] = accounts.make_token(house, name, by="Ada", now=now)
    house.database.close()
    return folder, tokens


@dataclass
class Desk:
    """A copy of that installation, as one process after another sees it."""

    folder: Path
    incident: str
    opened: dict[tuple[str, str], House]

    def house(self, token: str = "") -> House:
        """The installation for somebody who has this token, or none; another process once the settings are others."""
        key = (token, (self.folder / wiring.SETTINGS).read_text())
        environment = {"TOCSIN_TOKEN": token, "HOME": str(self.folder)}
        return self.opened.setdefault(key, House(self.folder, environment))

    def approve(self, by: str, token: str = "", subject: str = "notice") -> approving.Standing:
        house = self.house(token)
        return approving.approve(house, self.incident, subject, by=by, now=house.now())

    def wanted(self) -> str:
        """What stands between the notice and the people."""
        return "; ".join(notifying.missing(self.house(), self.incident))

    def later(self, **span: int) -> None:
        wiring.set_clock(self.house().now().add(**span), folder=self.folder)

    def more_people(self) -> None:
        house, path = self.house(), self.folder / "more.csv"
        path.write_text("account,place,language,push_token\nb1,CN,zh,tok-bbbbbbbbbbbb0001\n")
        enrolling.enrol(house, self.incident, path, mapping=[], by="Lin Wei", now=house.now())

    def denials(self) -> list[tuple[str, str]]:
        with self.house().database.reading() as session:
            found = ledger.listed(session, self.incident)
            return [(str(one.type), one.data["why"]) for one in found if str(one.type).endswith(".denied")]


@pytest.fixture
def desk(written: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.delenv("TOCSIN_DATABASE_URL", raising=False)
    folder, incident = written
    shutil.copytree(folder, tmp_path / "home")
    made = Desk(tmp_path / "home", incident, {})
    yield made
    for house in made.opened.values():
        if "database" in vars(house):
            house.database.close()


@pytest.fixture
def replan(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Changes a part of the plan, as somebody with an editor would."""

    def changed(part: str, **values: object) -> None:
        document = copy.deepcopy(dict(plans.get("conex-easykey").document))
        document[part] = {**document[part], **values}
        made = plan_parser.parse(document, source="a test")
        monkeypatch.setattr(plans, "get", lambda _: made)

    return changed


@pytest.fixture
def people(staffed: tuple[Path, dict[str, str]], desk: Desk) -> dict[str, str]:
    """Everybody has an account; their tokens by name."""
    folder, tokens = staffed
    for path in folder.glob("tocsin.db*"):
        shutil.copy(path, desk.folder)
    return tokens


# What an approval is bound to


def test_an_approval_ends_with_one_person_more_and_the_refusal_says_so(desk: Desk) -> None:
    desk.approve("Zhao Min")
    assert desk.wanted() == ""

    desk.more_people()

    assert desk.wanted() == "1 approval of the notice (since it was approved: 1 person more)"
    with pytest.raises(NotAllowed, match="1 person more"):
        notifying.send(desk.house(), desk.incident, by="Lin Wei")
    desk.approve("Zhao Min")
    assert desk.wanted() == ""


def test_an_approval_ends_with_new_facts(desk: Desk) -> None:
    desk.approve("Zhao Min")
    house = desk.house()
    facts = fact_parser.parse(words.later_facts(NOON.subtract(hours=2), {"CN": 1, "DE": 2}), source="a test")

    declaring.change_facts(house, desk.incident, facts, by="Lin Wei", now=house.now())

    assert "the facts are version 2, not 1" in desk.wanted()


def test_an_approval_ends_with_another_provider(desk: Desk) -> None:
    desk.approve("Zhao Min")
    path = desk.folder / wiring.SETTINGS

    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "providers": [PROVIDER]}))

    assert "provider extra new" in desk.wanted()


def test_an_approval_ends_with_another_ladder(desk: Desk, replan: Callable[..., None]) -> None:
    desk.approve("Zhao Min")

    replan("ladder", default=[{"channel": "push", "wait": "PT1M"}])

    assert "the plan's channels have changed" in desk.wanted()


def test_a_plan_may_bind_approvals_to_the_words_alone(desk: Desk, replan: Callable[..., None]) -> None:
    replan("approvals", notice={"roles": ["legal"], "rebind": "text"})
    desk.approve("Zhao Min")

    desk.more_people()
    assert desk.wanted() == ""

    house = desk.house()
    path = desk.folder / "texts" / "en.yaml"
    path.write_text(path.read_text().replace("We are sorry", "We regret it"))
    drafting.put_files(house, desk.incident, [path], by="Chen Yu", now=house.now())
    assert "other words in en" in desk.wanted()


def test_an_approval_expires_only_where_the_plan_says_when(desk: Desk, replan: Callable[..., None]) -> None:
    desk.approve("Zhao Min")
    desk.later(days=400)
    assert desk.wanted() == ""

    replan("approvals", notice={"roles": ["legal"], "expires": "P7D"})
    assert desk.wanted() == "1 approval of the notice"
    desk.approve("Zhao Min")
    desk.later(days=6, hours=23)
    assert desk.wanted() == ""
    desk.later(hours=1)
    assert desk.wanted() == "1 approval of the notice"


def test_what_changed_while_somebody_looked_is_not_approved(desk: Desk) -> None:
    house = desk.house()

    with pytest.raises(NotAllowed, match="look at it again"):
        approving.approve(house, desk.incident, "notice", by="Zhao Min", now=house.now(), expected="0" * 64)


def test_words_that_were_refused_stay_refused_when_something_else_changes(desk: Desk) -> None:
    house = desk.house()
    approving.refuse(house, desk.incident, "notice", by="Wang Fang", reason="It is unclear.", now=house.now())
    desk.more_people()

    with pytest.raises(NotAllowed, match="refused exactly this"):
        desk.approve("Zhao Min")
    desk.approve("Wang Fang")  # has thought again

    assert desk.wanted() == ""
    assert desk.approve("Zhao Min").granted


def test_a_refusal_takes_back_approvals_of_what_it_was_before_and_may_be_again(desk: Desk) -> None:
    path = desk.folder / wiring.SETTINGS
    plain = path.read_text()
    desk.approve("Zhao Min")
    path.write_text(yaml.safe_dump({**yaml.safe_load(plain), "providers": [PROVIDER]}))
    house = desk.house()
    approving.refuse(house, desk.incident, "notice", by="Wang Fang", reason="Not through them.", now=house.now())

    path.write_text(plain)

    assert desk.wanted() == "1 approval of the notice"


# Without accounts: by name


def test_another_spelling_is_no_other_person(desk: Desk, replan: Callable[..., None]) -> None:
    replan("approvals", notice={"roles": ["legal"], "count": 2})

    with pytest.raises(NotAllowed, match="someone else"):
        desk.approve("chen  YU")
    desk.approve("Zhao Min")

    assert desk.approve("ＺＨＡＯ min").given_by == ("ＺＨＡＯ min",)
    assert not desk.approve("zhao min").granted
    assert desk.approve("Wang Fang").granted


def test_the_machine_approves_nothing(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="machine's own name"):
        desk.approve("tocsin")

    assert desk.denials() == [("act.denied", "machine")]


def test_nothing_unapproved_is_sent_whoever_calls_and_to_however_few(desk: Desk) -> None:
    choices: tuple[dict[str, Any], ...] = ({}, {"most": 1}, {"only": (1,)})
    for choice in choices:
        with pytest.raises(NotAllowed, match="not approved"):
            notifying.send(desk.house(), desk.incident, by="tocsin", **choice)

    assert desk.denials() == [("approval.denied", "not-approved")] * len(choices)


def test_nothing_unapproved_is_published_filed_or_sent_by_the_plan(desk: Desk) -> None:
    house, incident = desk.house(), desk.incident
    now = house.now()
    with house.database.transaction() as session:
        announcing.draft(house, session, incident, by="Chen Yu", now=now)
        reporting.draft(house, session, incident, "cn-cac-incident", by="Chen Yu", now=now)

    with pytest.raises(NotAllowed, match="not approved"):
        announcing.publish(house, incident, by="tocsin")
    with pytest.raises(NotAllowed, match="not approved"):
        reporting.filed(house, incident, "cn-cac-incident", stage=None, reference="1", by="Lin Wei", at=now, now=now)
    said = [line for progress in responding.respond(house, incident) for line in progress.waiting]

    assert "1 approval of the notice" in said
    assert desk.denials() == [("approval.denied", "not-approved")] * 2


# With accounts


def test_from_the_first_account_on_names_alone_mean_nothing(desk: Desk) -> None:
    desk.approve("Zhao Min")
    assert desk.wanted() == ""
    house = desk.house()

    with pytest.raises(Invalid, match="administrator"):
        accounts.add(house, "Zhao Min", roles=["approver"], plan_roles=["legal"], by="root", now=house.now())
    accounts.add(house, "Ada", roles=["administrator"], by="root", now=house.now())

    assert desk.wanted() == "1 approval of the notice"
    with pytest.raises(NotAllowed, match="nobody who may act here"):
        desk.approve("Zhao Min")
    desk.later(seconds=1)
    assert_an_account_of_that_name_changes_nothing(desk)
    with pytest.raises(NotAllowed, match="nobody who may act here"):
        accounts.add(house, "Eve", roles=["administrator"], by="root", now=house.now())


def assert_an_account_of_that_name_changes_nothing(desk: Desk) -> None:
    house = desk.house()
    with house.database.transaction() as session:
        made = {"display_name": "Zhao Min", "roles": ["approver"], "plan_roles": ["legal"], "by": "Ada"}
        store.add(session, "Zhao Min", at=house.now(), **made)  # type: ignore[arg-type]

    assert desk.wanted() == "1 approval of the notice"


def test_whoever_the_plan_names_approves_with_proof(desk: Desk, people: dict[str, str]) -> None:
    assert desk.approve("Zhao Min", people["Zhao Min"]).granted
    assert desk.wanted() == ""


NO_SAY = (
    ("Zhao Min", None, ("act.denied", "proof")),  # no proof
    ("Zhao Min", "Wang Fang", ("act.denied", "proof")),  # another's proof
    ("Lin Wei", "Lin Wei", ("act.denied", "role")),  # a responder, whom the plan does not name either
    ("Sun Li", "Sun Li", ("act.denied", "role")),  # named by the plan, and may only look
    ("Wu Lei", "Wu Lei", ("approval.denied", "plan-role")),  # may approve, and the plan does not name them
    ("Ada", "Ada", ("act.denied", "role")),
    ("Eve", "Ada", ("act.denied", "unknown")),
    ("Chen Yu", "Chen Yu", ("approval.denied", "own-work")),
    ("CHEN yu", "Chen Yu", ("approval.denied", "own-work")),
    ("tocsin", "Zhao Min", ("act.denied", "machine")),
)


def test_nobody_else_approves_and_each_attempt_is_on_the_ledger(desk: Desk, people: dict[str, str]) -> None:
    for by, token_of, _ in NO_SAY:
        with pytest.raises(NotAllowed):
            desk.approve(by, people[token_of] if token_of else "")

    assert desk.denials() == [why for _, _, why in NO_SAY]
    assert desk.wanted() == "1 approval of the notice"


def test_a_role_in_one_incident_is_none_in_another(desk: Desk, people: dict[str, str], written: object) -> None:
    house = desk.house(people["Ada"])
    now = house.now().replace(microsecond=0)
    facts = fact_parser.parse(words.first_facts(now), source="a test")
    other = declaring.declare(house, facts, plan="conex-easykey", by="Lin Wei", now=now).incident

    accounts.change_roles(house, "Sun Li", roles=["approver"], incident=other, by="Ada", now=now)
    with pytest.raises(NotAllowed, match="auditor"):
        desk.approve("Sun Li", people["Sun Li"])
    accounts.change_roles(house, "Sun Li", roles=["approver"], incident=desk.incident, by="Ada", now=now)

    assert desk.approve("Sun Li", people["Sun Li"]).granted


@pytest.mark.parametrize("how", ["ended", "role", "plan-role"])
def test_an_approval_counts_no_more_when_its_giver_has_no_say_any_more(
    desk: Desk, people: dict[str, str], how: str
) -> None:
    desk.approve("Zhao Min", people["Zhao Min"])
    house = desk.house(people["Ada"])
    now = house.now()

    if how == "ended":
        accounts.end(house, "Zhao Min", by="Ada", now=now)
    elif how == "role":
        accounts.change_roles(house, "Zhao Min", roles=["viewer"], by="Ada", now=now)
    else:
        accounts.change_roles(house, "Zhao Min", plan_roles=[], by="Ada", now=now)

    assert desk.wanted() == "1 approval of the notice"
    with pytest.raises(NotAllowed):
        notifying.send(desk.house(), desk.incident, by="Lin Wei")
    with pytest.raises(NotAllowed):
        desk.approve("Zhao Min", people["Zhao Min"])


def test_a_token_that_was_replaced_or_has_expired_proves_nothing(desk: Desk, people: dict[str, str]) -> None:
    house = desk.house(people["Zhao Min"])
    accounts.make_token(house, "Zhao Min", by="Zhao Min", now=house.now())
    with pytest.raises(NotAllowed, match="proof"):
        desk.approve("Zhao Min", people["Zhao Min"])

    house = desk.house(people["Wang Fang"])
    short = accounts.make_token(house, "Wang Fang", by="Wang Fang", now=house.now(), days=1)
    desk.later(days=1)
    with pytest.raises(NotAllowed, match="proof"):
        desk.approve("Wang Fang", short)


def test_a_token_file_that_others_can_read_is_refused(desk: Desk, people: dict[str, str]) -> None:
    path = desk.folder / ".tocsin-token"
    path.write_text(people["Zhao Min"] + "\n")
    path.chmod(0o644)
    with pytest.raises(Exception, match="chmod 600"):
        desk.approve("Zhao Min")
    path.chmod(0o600)

    assert desk.approve("Zhao Min").granted


# Deciding for somebody else


def delegate(desk: Desk, people: dict[str, str], giver: str, taker: str, **until: int) -> None:
    house = desk.house(people[giver])
    accounts.delegate(house, giver, taker, until=house.now().add(**until), by=giver, now=house.now())


def test_somebody_decides_for_another_until_the_day_named(desk: Desk, people: dict[str, str]) -> None:
    delegate(desk, people, "Zhao Min", "Lin Wei", days=2)
    desk.later(days=2)
    with pytest.raises(NotAllowed, match="approver or officer"):
        desk.approve("Lin Wei", people["Lin Wei"])

    delegate(desk, people, "Zhao Min", "Lin Wei", days=2)
    assert desk.approve("Lin Wei", people["Lin Wei"]).granted
    with desk.house().database.reading() as session:
        last = [one for one in ledger.listed(session, desk.incident) if one.type == "approval.given"][-1]
    assert (last.actor, last.data["on_behalf_of"]) == ("Lin Wei", "Zhao Min")
    desk.later(days=3)
    assert desk.wanted() == ""  # it was good when it was given


def test_what_is_lent_is_the_right_to_decide_and_nothing_else(desk: Desk, people: dict[str, str]) -> None:
    delegate(desk, people, "Wang Fang", "Wu Lei", days=2)
    house = desk.house(people["Wu Lei"])

    with pytest.raises(NotAllowed, match="officer"):
        declaring.close(house, desk.incident, by="Wu Lei", reason="", destroy_data=False, now=house.now())


def test_an_author_cannot_have_their_work_approved_by_whom_they_send(desk: Desk, people: dict[str, str]) -> None:
    delegate(desk, people, "Chen Yu", "Lin Wei", days=2)

    with pytest.raises(NotAllowed, match="Chen Yu wrote this"):
        desk.approve("Lin Wei", people["Lin Wei"])


def test_what_was_lent_is_not_handed_on_nor_outlives_its_giver(desk: Desk, people: dict[str, str]) -> None:
    delegate(desk, people, "Zhao Min", "Lin Wei", days=2)
    delegate(desk, people, "Lin Wei", "Wu Lei", days=2)
    with pytest.raises(NotAllowed):
        desk.approve("Wu Lei", people["Wu Lei"])

    house = desk.house(people["Ada"])
    accounts.end(house, "Zhao Min", by="Ada", now=house.now())
    with pytest.raises(NotAllowed):
        desk.approve("Lin Wei", people["Lin Wei"])


def test_one_word_given_by_two_people_is_one_word(
    desk: Desk, people: dict[str, str], replan: Callable[..., None]
) -> None:
    replan("approvals", notice={"roles": ["privacy officer", "legal"], "count": 2})
    delegate(desk, people, "Zhao Min", "Lin Wei", days=2)

    desk.approve("Lin Wei", people["Lin Wei"])
    assert not desk.approve("Zhao Min", people["Zhao Min"]).granted
    assert desk.approve("Wang Fang", people["Wang Fang"]).granted


def test_nobody_takes_anothers_word_for_themselves(desk: Desk, people: dict[str, str]) -> None:
    for by in ("Ada", "Lin Wei"):
        house = desk.house(people[by])
        with pytest.raises(NotAllowed):
            accounts.delegate(house, "Zhao Min", by, until=house.now().add(days=1), by=by, now=house.now())


# The door of the console


def test_the_servers_own_token_proves_nobody_who_comes_by_http(desk: Desk, people: dict[str, str]) -> None:
    with guarding.at_the_door(None), pytest.raises(NotAllowed, match="proof"):
        desk.approve("Zhao Min", people["Zhao Min"])
    with guarding.at_the_door("Lin Wei"), pytest.raises(NotAllowed, match="another person's"):
        desk.approve("Zhao Min", people["Zhao Min"])
    with guarding.at_the_door("Zhao Min"):
        assert desk.approve("Zhao Min").granted


def test_nobody_acts_by_http_before_there_are_accounts(desk: Desk) -> None:
    for name in (None, "Zhao Min"):
        with guarding.at_the_door(name), pytest.raises(NotAllowed, match="before there are accounts"):
            desk.approve("Zhao Min")


def test_no_secret_is_kept_as_it_is(desk: Desk, people: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "COST", {"n": 16, "r": 1, "p": 1})
    house = desk.house(people["Ada"])
    accounts.set_password(house, "Zhao Min", "correct horse battery", by="Ada", now=house.now())
    with house.database.reading() as session:
        kept = store.get(session, "Zhao Min").password

    raw = (desk.folder / "tocsin.db").read_bytes() + (desk.folder / "tocsin.db-wal").read_bytes()
    assert kept is not None
    assert kept.startswith("scrypt$")
    assert not any(token.encode() in raw for token in (*people.values(), "correct horse"))


# Every step that changes something asks the one guard

INNER = {  # parts of a step, which has asked already, and what a step hands on to another that asks
    "approving.must_be_granted",
    "assessing.reassess",
    "calling.take",
    "containing.open_tasks",
    "evidence.keep",
    "guarding.must_be_allowed",
    "holding.end",
    "opening.open_sending",
}


def steps_with_an_actor() -> dict[str, Callable[..., object]]:
    """Every public function under `flows/steps` that is told who acts."""
    found = {}
    for info in pkgutil.iter_modules(flows.steps.__path__):
        module = importlib.import_module(f"flows.steps.{info.name}")
        for name, value in vars(module).items():
            ours = inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
            if ours and "by" in inspect.signature(value).parameters:
                found[f"{info.name}.{name}"] = value
    return found


def dump(desk: Desk) -> list[str]:
    """Everything in the database but what refusals leave behind."""
    with contextlib.closing(sqlite3.connect(desk.folder / "tocsin.db")) as connection:
        return [line for line in connection.iterdump() if "act.denied" not in line and "sqlite_sequence" not in line]


def test_every_step_refuses_a_stranger_and_changes_nothing(desk: Desk, people: dict[str, str]) -> None:
    now = desk.house().now()
    settings = desk.folder / wiring.SETTINGS
    calls = {"name": "centre", "channel": "phone", "url": "calls://", "places": "*"}
    settings.write_text(yaml.safe_dump({**yaml.safe_load(settings.read_text()), "providers": [calls]}))
    house = desk.house(people["Zhao Min"])
    sheet = desk.folder / "sheet.csv"
    sheet.write_text(",".join(call_sheets._WANTED) + "\n")
    roster = desk.folder / "people.csv"
    given: dict[str, object] = {
        "house": house,
        "incident": desk.incident,
        "by": "Eve",
        "now": now,
        "at": now,
        "plan": "conex-easykey",
        "facts": fact_parser.parse(words.first_facts(now), source="a test"),
        "out": io.StringIO(),
        "files": [],
        "file": roster,
        "path": desk.folder / "new.csv",
        "mapping": [],
        "destroy_data": False,
        "roles": ["viewer"],
        "identifier": "cn-cac-incident",
        "stage": None,
        "report": None,
        "evidence": None,
        "refs": None,
        "key": "x",
        "duty": "x",
        "task": "x",
        "subject": "x",
        "reference": "1",
        "reason": "because",
        "why": "so",
        "giver": "Zhao Min",
        "taker": "Lin Wei",
        "until": now.add(days=1),
        "length": timedelta(hours=1),
        "password": "correct horse battery",
        "decision": "told",
        "verdict": "uncertain",
        "name": "notice",
        "paths": [roster],
        "note": "",
        "to": desk.folder / "copy",
        "number": 1,
        "asked": SimpleNamespace(hold=SimpleNamespace(from_=now, until=None), review_at=None),
        "review_at": now.add(days=1),
        "what": "done",
        "says": "x",
        "owner": "legal",
        "due": None,
        "person": None,
        "start": "a" * 12,
    }
    with house.database.transaction() as session:
        calendars.add(session, "a" * 64, incident_id=desk.incident, person=None, by="Zhao Min", at=now)
    before = dump(desk)
    undone = []
    for path, step in steps_with_an_actor().items():
        if path in INNER:
            continue
        mine = {**given, "name": "Zhao Min"} if path.startswith("accounts.") else dict(given)
        if path == "call_sheets.read_back":
            mine["path"] = sheet
        wanted = [p.name for p in inspect.signature(step).parameters.values() if p.default is p.empty]
        try:
            if "session" in wanted:
                with house.database.transaction() as session:
                    step(**{name: {**mine, "session": session}[name] for name in wanted})
            else:
                step(**{name: mine[name] for name in wanted})
        except guarding.ActDenied:
            continue
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not the guard
            undone.append(f"{path}: {error!r}")
        else:
            undone.append(path)
    assert undone == []
    assert dump(desk) == before
    assert {why for _, why in desk.denials()} == {"unknown"}
