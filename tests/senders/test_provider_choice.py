"""Which provider may be used for whom, and what a provider's settings may not say."""

import pytest
from pydantic import ValidationError

from notifiers.plugins import check
from notifiers.providers import Provider, Refused, allowed, as_settings
from tocsin.delivery import Channel
from tocsin.errors import Misconfigured


@pytest.fixture
def world(a_provider):
    return a_provider(name="world", places="*")


@pytest.fixture
def mainland(a_provider):
    return a_provider(name="mainland", places=("CN",))


@pytest.mark.parametrize(
    ("place", "name"), [("DE", "world"), ("US-CA", "world"), ("HK", "world"), ("CN", "mainland"), ("CN-44", "mainland")]
)
def test_data_of_mainland_people_stay_with_a_provider_marked_for_it(world, mainland, place, name):
    assert allowed([world, mainland], Channel.EMAIL, place).name == name


def test_a_provider_of_the_world_is_refused_for_the_mainland_with_a_reason_for_the_ledger(world):
    refused = allowed([world], Channel.EMAIL, "CN-44")

    assert isinstance(refused, Refused)
    assert refused.reason == "residency"
    assert "CN-44" in refused.sentence


def test_a_place_is_not_matched_by_its_letters(a_provider):
    assert isinstance(allowed([a_provider(places=("US",))], Channel.EMAIL, "USX"), Refused)
    assert isinstance(allowed([a_provider(places=("US-CA",))], Channel.EMAIL, "US"), Refused)


def test_an_unknown_place_is_not_anywhere(a_provider):
    both = a_provider(places=("*", "CN"))

    assert allowed([both], Channel.EMAIL, "").reason == "place-unknown"


def test_there_may_be_no_provider_of_the_channel(world):
    assert allowed([world], Channel.SMS, "DE").reason == "no-provider"
    assert allowed([], Channel.SMS, "").reason == "no-provider"


def test_a_plan_may_ask_for_processors_bound_in_writing_that_delete_at_the_end(a_provider):
    free = a_provider(name="free")
    bound = a_provider(name="bound", processor_contract="DPA-7")
    deleting = a_provider(name="deleting", processor_contract="DPA-8", deletes_at_end=True)

    assert allowed([free, bound, deleting], Channel.EMAIL, "DE").name == "free"
    assert allowed([free, bound, deleting], Channel.EMAIL, "DE", contract_required=True).name == "bound"
    everything = {"contract_required": True, "deletion_required": True}
    assert allowed([free, bound, deleting], Channel.EMAIL, "DE", **everything).name == "deleting"
    assert allowed([free], Channel.EMAIL, "DE", contract_required=True).reason == "no-contract"
    assert allowed([bound], Channel.EMAIL, "DE", **everything).reason == "no-deletion"


def test_the_url_is_never_shown(a_provider):
    provider = a_provider("mailto://me:hunter2@127.0.0.1/{to}", receipts="http://hunter3@127.0.0.1/receipts")

    for shown in (repr(provider), str(provider), provider.model_dump_json(), str(provider.model_dump())):
        assert "hunter" not in shown


def test_a_settings_entry_makes_the_same_provider_again(a_provider):
    provider = a_provider(receipts="http://127.0.0.1/receipts", places=("CN", "*"), rate_per_second=5)

    assert Provider.model_validate(as_settings(provider)) == provider
    assert as_settings(provider)["url"] == provider.url.get_secret_value()


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "mailto://127.0.0.1/"},
        {"url": "mailto://127.0.0.1/{to}/{to}"},
        {"name": "two words"},
        {"channel": "fax"},
        {"connections": 0},
        {"places": ()},
        {"places": ("China",)},
        {"places": ("cn",)},
        {"places": "CN"},
        {"rate_per_second": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_make_no_sense_are_refused(a_provider, changes):
    with pytest.raises(ValidationError):
        a_provider(**changes)


@pytest.mark.parametrize(
    ("url", "channel"),
    [
        ("nosuch://hunter2@host/{to}", Channel.SMS),
        ("mailto://hunter2:hunter2@{to}", Channel.EMAIL),
        ("gateway://hunter2@host/fax/?to={to}", Channel.SMS),
        ("gateway://host/sms/?to={to}", Channel.SMS),
        ("gateway://hunter2@host/sms/?from={to}", Channel.SMS),
        ("twilio://ACx:hunter2@15005550006/{to}", Channel.SMS),
        ("{to}", Channel.SMS),
        ("mailto://hunter2:hunter2@mail.example/{to}?from=not-an-address%0d%0a", Channel.SMS),
        (f"twilio://AC{'a' * 32}:{'b' * 32}@15005550006/+14155550100/{{to}}", Channel.SMS),
        ("mailto://hunter2:hunter2@mail.example/{to}?cc=boss@mail.example", Channel.EMAIL),
        ("mailto://hunter2:hunter2@mail.example/{to}?bcc=boss@mail.example", Channel.EMAIL),
        ("mailto://hunter2:hunter2@mail.example/{to}?pgp=encrypt", Channel.EMAIL),
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence_without_the_secret(a_provider, url, channel, caplog):
    caplog.set_level(1)

    with pytest.raises(Misconfigured) as error:
        check(a_provider(url, channel=channel))

    assert "post" in str(error.value)
    assert "hunter2" not in f"{error.value} {error.value.__cause__} {caplog.text}"
    assert str(error.value).count(". ") == 0


@pytest.mark.parametrize(
    ("url", "channel"),
    [
        ("mailto://127.0.0.1:2525/{to}?from=privacy@notices.example", Channel.EMAIL),
        ("mailtos://me:pw@smtp.corp.example/{to}?from=privacy@corp.example&mode=ssl", Channel.EMAIL),
        (f"sendgrid://{'a' * 20}:privacy@corp.example/{{to}}", Channel.EMAIL),
        (f"twilio://AC{'a' * 32}:{'b' * 32}@15005550006/{{to}}", Channel.SMS),
        (f"twilio://AC{'a' * 32}:{'b' * 32}@15005550006/{{to}}?method=call", Channel.PHONE),
        ("vonage://abcdef12:secret@15005550006/{to}", Channel.SMS),
        ("gateways://token@gw.corp.example/push/?to={to}", Channel.PUSH),
        ("gateway://token@127.0.0.1:8025/voice/?to={to}", Channel.PHONE),
        ("ntfy://127.0.0.1/{to}", Channel.PUSH),
        ("bark://127.0.0.1/{to}", Channel.PUSH),
        ("json://127.0.0.1/push/{to}", Channel.PUSH),
    ],
)
def test_apprises_services_can_be_used_with_a_place_for_the_address(a_provider, url, channel):
    check(a_provider(url, channel=channel))
