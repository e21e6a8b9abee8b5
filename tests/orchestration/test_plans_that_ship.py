from pathlib import Path

import pytest
import yaml

from flows import plans
from notifiers import providers
from tocsin import facts, places, residency
from tocsin.delivery import Channel
from tocsin.duties import assess
from tocsin.errors import Invalid, NotFound
from tocsin.moments import parse as moment

FIVE = ("conex-easykey", "conex-systems", "kaiconn", "konzen", "smart-hardware")
REGIMES = Path(__file__).parents[2] / "playbooks" / "regimes"
FORMS = Path(__file__).parents[2] / "playbooks" / "reports"


def known(people, **more):
    return facts.parse(
        {
            "title": "Copied database",
            "times": {"aware": "2026-11-20T16:30:00+08:00"},
            "breach": {"kinds": ["confidentiality"]},
            "people": {"by_place": people},
            **more,
        },
        source="facts",
    )


def owed(name, situation, as_of="2026-11-21T00:00:00Z"):
    made = assess(situation, (plans.get(name).promises,), as_of=moment(as_of))
    return {duty.id: duty.row() for duty in made.duties if duty.status != "not-owed"}


def test_the_five_organisations_have_a_plan_each():
    assert plans.names() == FIVE


@pytest.mark.parametrize("name", FIVE)
def test_every_plan_stops_the_leak_first_and_learns_at_the_end(name):
    made = plans.get(name)

    assert made.id == name
    assert all(made.tasks(phase) for phase in ("contain", "assess", "review"))
    assert made.notice.requires == ("situation-and-impact", "measures", "advice", "remedies")
    assert made.text.silent, "each of these policies leaves something to the law"


@pytest.mark.parametrize("name", FIVE)
def test_every_law_that_fills_a_silence_ships(name):
    laws = {yaml.safe_load(path.read_text(encoding="utf-8"))["id"] for path in REGIMES.rglob("*.yaml")}

    assert {silent.filled_by for silent in plans.get(name).text.silent} <= laws


@pytest.mark.parametrize("name", FIVE)
def test_every_report_that_a_plan_names_ships(name):
    forms = {path.stem for path in FORMS.glob("*.yaml")}

    assert set(plans.get(name).regulators.reports) <= forms


@pytest.mark.parametrize("name", FIVE)
def test_plans_for_the_mainland_keep_its_people_s_data_with_whoever_is_marked_for_it(name):
    made = plans.get(name)

    assert bool(made.text.residency) == ("CN" in made.text.places)
    for rule in made.text.residency:
        assert residency.covers(rule.providers_marked, "CN-44")
        assert not residency.covers(rule.providers_marked, "DE")
    if made.text.residency:
        assert made.stores_missing("*") == ("CN",)


def test_conex_easykey_promises_ten_calendar_days_on_shenzhen_s_clock():
    row = owed("conex-easykey", known({"CN": 120}))["plan-conex-easykey/individuals"]

    assert row["status"] == "owed"
    assert row["due"] == "2026-11-30T23:59:59+08:00"
    assert row["people"] == 120
    assert row["citation"].endswith("clause 4(4)")


def test_conex_easykey_counts_its_ten_days_from_the_chinese_day():
    late_in_london = {"aware": "2026-11-20T17:00:00Z"}  # one in the morning of the 21st in Shenzhen

    row = owed("conex-easykey", known({"CN": 1}, times=late_in_london))["plan-conex-easykey/individuals"]

    assert row["due"] == "2026-12-01T23:59:59+08:00"


def test_conex_easykey_promises_nothing_outside_the_mainland():
    assert owed("conex-easykey", known({"DE": 12, "CN": 0, "HK": 3})) == {}


def test_conex_easykey_s_promise_is_about_leaks_and_not_about_an_outage():
    outage = known({"CN": 9}, breach={"kinds": ["availability"], "exfiltrated": False})

    assert owed("conex-easykey", outage) == {}


def test_conex_easykey_says_what_to_find_out_while_little_is_known():
    row = owed("conex-easykey", facts.parse({"title": "x", "people": {"by_place": {"CN": 1}}}, source="facts"))[
        "plan-conex-easykey/individuals"
    ]

    assert row["status"] == "undetermined"
    assert "breach.kinds" in row["unknown"]


def test_kaiconn_promises_people_and_regulators_without_inventing_a_number():
    rows = owed("kaiconn", known({"CN": 5}))

    assert set(rows) == {"plan-kaiconn/individuals", "plan-kaiconn/authority"}
    assert all(row["due"] is None and row["undated"] for row in rows.values())
    assert plans.get("kaiconn").regulators.on_own_initiative


@pytest.mark.parametrize("name", ["konzen", "smart-hardware"])
def test_a_promise_for_the_end_of_a_service_is_not_owed_for_an_incident(name):
    assert owed(name, known({"CN": 5})) == {}
    clause = plans.get(name).text.policy.clauses["end-of-service"]
    assert "not about incidents" in clause.note


@pytest.mark.parametrize(
    ("elements", "opened"), [(["online-credentials"], True), (["password-hash"], True), (["name"], False)]
)
def test_conex_systems_resets_accounts_when_credentials_are_lost(elements, opened):
    situation = known({"FR": 5}, data={"elements": elements})
    reset = next(task for task in plans.get("conex-systems").tasks("contain") if task.key == "reset-accounts")

    assert reset.applies(situation) is opened
    assert ("plan-conex-systems/credentials-reset" in owed("conex-systems", situation)) is opened


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("conex-easykey", [Channel.PUSH, Channel.EMAIL, Channel.SMS, Channel.PHONE]),
        ("conex-systems", [Channel.EMAIL]),
        ("kaiconn", [Channel.EMAIL, Channel.PHONE, Channel.PUSH]),
        ("konzen", [Channel.PUSH]),
        ("smart-hardware", [Channel.PUSH, Channel.SMS, Channel.EMAIL]),
    ],
)
def test_each_plan_climbs_the_channels_of_its_policy(name, channels):
    assert [rung.channel for rung in plans.get(name).ladder_for(place="CN", language="zh")] == channels


def test_smart_hardware_sends_only_through_processors_bound_in_writing_who_must_delete_at_the_end():
    made = plans.get("smart-hardware")
    unbound = providers.Provider(name="sms-cn", channel="sms", url="json://127.0.0.1/{to}", places=("CN",))
    bound = unbound.model_copy(update={"processor_contract": "DPA-7", "deletes_at_end": True})
    wanted = {
        "contract_required": made.processors.contract_required,
        "deletion_required": made.processors.deletion_required,
    }

    assert providers.allowed([unbound], Channel.SMS, "CN-44", **wanted).reason == "no-contract"
    assert providers.allowed([bound], Channel.SMS, "CN-44", **wanted) == bound
    assert "processors-delete" in {task.key for task in made.tasks("review")}


def test_an_unknown_plan_is_one_sentence_with_the_nearest_names():
    with pytest.raises(NotFound, match=r"no plan 'conex-easykei': did you mean conex-easykey"):
        plans.get("conex-easykei")


def test_a_plan_file_of_one_s_own_is_checked_like_the_ones_that_ship(tmp_path):
    shipped = (Path(plans.__file__).parents[1] / "playbooks" / "plans" / "konzen.yaml").read_text(encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(shipped, encoding="utf-8")
    assert plans.read(own).hash == plans.get("konzen").hash

    own.write_text(shipped.replace("channel: push", "channel: pigeon"), encoding="utf-8")
    with pytest.raises(Invalid, match=r"`ladder\.default\[0\]\.channel`"):
        plans.read(own)
    with pytest.raises(Invalid, match="cannot be read"):
        plans.read(tmp_path / "missing.yaml")


def test_every_place_of_a_plan_exists():
    for made in plans.listed():
        assert all(place in places.GROUPS or places.known(place) for place in made.text.places)
