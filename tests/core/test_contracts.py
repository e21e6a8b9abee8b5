"""A contract's few lines become a law of its own: what is refused, whom it binds, and when it is due."""

import pytest

from tocsin import contracts, duties, facts, moments
from tocsin.errors import Invalid

A_CUSTOMER = {
    "id": "acme",
    "customer": "Acme Bank",
    "within": "24 hours",
    "recipient": "security desk of Acme Bank",
    "clause": "Agreement s. 9.2",
    "place": "DE",
    "read_on": "2026-11-22",
}
A_VENDOR = {**A_CUSTOMER, "id": "cloud", "customer": None, "vendor": "Cloud Ltd", "recipient": "our own desk"}


def a_contract(base=A_CUSTOMER, **changes):
    lines = {name: value for name, value in {**base, **changes}.items() if value is not None}
    return contracts.parse(lines, source="acme.yaml")


def notice(contract, as_of="2026-11-21T00:00:00Z", **parts):
    times = {"aware": "2026-11-20T10:00:00+01:00", **parts.pop("times", {})}  # a Friday
    document = {"title": "x", "times": {name: at for name, at in times.items() if at}, **parts}
    (duty,) = duties.assess(facts.parse(document, source="f"), [contract], as_of=moments.parse(as_of)).duties
    return duty


def an_organisation(role, **attributes):
    return {"organisation": {"role": role, "attributes": attributes}}


OURS = an_organisation("processor", processor_of=[{"name": "ACME Bank"}])
THEIRS = an_organisation("controller", breached_vendors=[{"name": "cloud ltd", "place": "IE"}])


def test_a_customer_is_told_by_us_and_a_vendor_tells_us():
    ours, theirs = notice(a_contract(), **OURS), notice(a_contract(A_VENDOR), **THEIRS)
    assert (ours.id, ours.audience, ours.recipient) == (
        "contract-acme/notice",
        "customers",
        "security desk of Acme Bank",
    )
    assert (theirs.id, theirs.audience, theirs.recipient) == (
        "contract-cloud/notice",
        "controller",
        "our own desk (told by Cloud Ltd)",
    )
    assert {ours.status, theirs.status} == {"owed"}
    assert moments.text(ours.due) == "2026-11-21T10:00:00+01:00"
    assert (ours.citation, ours.confidence) == ("Agreement s. 9.2", "text")


@pytest.mark.parametrize(
    ("organisation", "status"),
    [
        (an_organisation("controller", processor_of=[{"name": "Acme Bank"}]), "not-owed"),
        (an_organisation("processor", processor_of=[{"name": "Other Bank"}]), "not-owed"),
        (an_organisation("processor", processor_of=[]), "not-owed"),
        (an_organisation("processor"), "undetermined"),
        ({}, "undetermined"),
    ],
)
def test_a_contract_binds_only_where_the_facts_name_its_party(organisation, status):
    assert notice(a_contract(), **organisation).status == status


def test_a_vendor_at_whom_nothing_happened_owes_nothing():
    elsewhere = an_organisation("controller", breached_vendors=[{"name": "Other Ltd"}])
    assert notice(a_contract(A_VENDOR), **elsewhere).status == "not-owed"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ({"within": "3 days"}, "2026-11-23T23:59:59+01:00"),
        ({"within": "2 working days"}, "2026-11-24T23:59:59+01:00"),
        ({"within": "3 days", "rule": "business-days"}, "2026-11-25T23:59:59+01:00"),
        ({"within": "72 hours", "rule": "eu-1182-71"}, "2026-11-23T11:00:00+01:00"),
        ({"within": "1 month"}, "2026-12-20T23:59:59+01:00"),
        ({"within": "24 hours", "place": "JP"}, "2026-11-21T18:00:00+09:00"),
        ({"within": "1 hour", "starts": "detected"}, "2026-11-19T11:00:00+01:00"),
    ],
)
def test_a_period_in_words_is_counted_in_the_usual_way_of_its_unit_or_as_the_contract_says(lines, expected):
    times = {"detected": "2026-11-19T10:00:00+01:00"}
    assert moments.text(notice(a_contract(**lines), times=times, **OURS).due) == expected


def test_until_we_are_sure_the_first_sign_gives_the_date():
    duty = notice(a_contract(), times={"aware": None, "detected": "2026-11-19T10:00:00+01:00"}, **OURS)
    assert (duty.status, duty.unknown) == ("undetermined", ("times.aware",))
    assert moments.text(duty.due) == "2026-11-20T10:00:00+01:00"


def test_words_of_a_contract_stay_words():
    duty = notice(a_contract(within=None, undated="without undue delay"), **OURS)
    assert (duty.status, duty.due, duty.undated) == ("owed", None, "without undue delay")


def test_a_customer_is_told_once_and_a_vendor_has_spoken():
    filed = {"event": "filed", "duty": "contract-acme/notice", "at": "2026-11-20T12:00:00Z"}
    assert notice(a_contract(), events=[filed], **OURS).status == "done"
    spoken = {"event": "controller-told", "at": "2026-11-20T12:00:00Z"}
    assert notice(a_contract(A_VENDOR), events=[spoken], **THEIRS).status == "done"


def test_a_contract_keeps_what_it_asks_to_be_told():
    assert notice(a_contract(content=["Which data", "Since when"]), **OURS).content == ("Which data", "Since when")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ({"vendor": "Cloud Ltd"}, "either `customer` (we tell them) or `vendor`"),
        ({"customer": None}, "either `customer` (we tell them) or `vendor`"),
        ({"customer": "  "}, "`customer` must not be empty"),
        ({"within": None}, "either `within`, such as 24 hours, or `undated`"),
        ({"undated": "soon"}, "either `within`, such as 24 hours, or `undated`"),
        ({"within": "soon"}, "`within` must be a number and a unit"),
        ({"within": "0 hours"}, "`within` must be a number and a unit"),
        ({"within": "1.5 months"}, "`within` has half a month"),
        ({"within": "3 days", "rule": "exact"}, "use `calendar-days` for 3 days"),
        ({"rule": "exactly"}, "perhaps `exact`"),
        ({"place": "UK"}, "`GB`"),
        ({"place": "EU"}, "`place`"),
        ({"starts": "awre"}, "perhaps `aware`"),
        ({"read_on": "yesterday"}, "`read_on` must be a day"),
        ({"id": "Acme Bank"}, "`id`"),
        ({"id": "a" * 80}, "`id` is too long"),
        ({"clause": None}, "`clause` is missing"),
        ({"recipient": None}, "`recipient` is missing"),
        ({"content": "all of it"}, "`content` must be a list"),
        ({"price": "much"}, "`price` is no name known here"),
    ],
)
def test_a_contract_that_breaks_the_form_is_refused_in_one_sentence_with_its_file(lines, says):
    with pytest.raises(Invalid) as caught:
        a_contract(**lines)
    sentence = str(caught.value)
    assert says in sentence
    assert sentence.startswith("acme.yaml")
    assert "\n" not in sentence


def test_the_id_of_a_contract_is_that_of_its_law():
    assert contracts.check_id(a_contract().id) == "acme"


@pytest.mark.parametrize(
    "identifier",
    ["acme", "us-ca", "contract-", "contract-../settings", "contract-a/b", "contract-Acme", "contract-a\n"],
)
def test_an_id_that_is_no_contract_s_is_refused_and_names_no_other_file(identifier):
    with pytest.raises(Invalid, match="is no contract"):
        contracts.check_id(identifier)
