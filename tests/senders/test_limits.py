"""Texts measured as each service would get them, before anybody approves them."""

import pytest

from notifiers import fakes, limits
from tocsin.delivery import Channel
from tocsin.errors import Misconfigured

TWILIO = f"twilio://AC{'a' * 32}:{'b' * 32}@15005550006/{{to}}"
VONAGE = f"vonage://{'a' * 8}:{'b' * 16}@15005550006/{{to}}"
EAGLE = "smseagles://token@eagle.example/{to}"
PUSHOVER = f"pover://{{to}}@{'t' * 30}"
FCM = "fcm://project/{to}/?keyfile=keys.json"
BARK = "bark://bark.example/{to}"


@pytest.fixture
def made(a_provider, tmp_path):
    def build(url, channel):
        return a_provider(url=url, channel=channel)

    return build


def found(provider, text, subject="Notice"):
    return [
        (one.part, one.size, one.most, one.unit, one.sure)
        for one in limits.excesses(provider, subject=subject, text=text)
    ]


def test_a_service_without_titles_gets_the_title_before_the_text(made):
    handed = limits.handed_over(made(TWILIO, Channel.SMS), subject="Notice", text="Short")

    assert (handed.title, handed.body) == ("", "Notice\r\nShort")


def test_our_gateway_gets_title_and_text_apart(running):
    push = next(each for each in fakes.providers(running, "*") if each.channel is Channel.PUSH)

    assert limits.handed_over(push, subject="Notice", text="Short") == limits.Handed(title="Notice", body="Short")
    assert found(push, "a" * 32_768) == []
    assert found(push, "a" * 32_769) == [("text", 32_769, 32_768, "characters", True)]
    assert found(push, "a", subject="a" * 251) == [("title", 251, 250, "characters", True)]


def test_the_limit_of_a_service_is_that_of_its_plugin_title_included(made):
    eagle = made(EAGLE, Channel.SMS)

    assert found(eagle, "a" * (1200 - len("Notice\r\n"))) == []
    assert found(eagle, "a" * (1201 - len("Notice\r\n"))) == [("text", 1201, 1200, "characters", True)]


def test_what_apprise_counts_of_one_segment_is_worth_a_remark_and_no_refusal(made):
    assert found(made(VONAGE, Channel.SMS), "a" * 160) == [("text", 168, 160, "characters", False)]


@pytest.mark.parametrize(("text", "too_long"), [("a" * 4051, False), ("a" * 4052, True), ("中" * 1351, True)])
def test_a_push_by_fcm_is_counted_in_bytes(made, text, too_long):
    excesses = list(limits.excesses(made(FCM, Channel.PUSH), subject="Notice", text=text))

    assert [one.unit for one in excesses] == (["bytes"] if too_long else [])
    if too_long:
        assert "4,096 is the most: shorten `short`." in excesses[0].sentence("en")


def test_a_push_that_goes_on_to_apns_is_counted_in_bytes(made):
    assert found(made(BARK, Channel.PUSH), "中" * 1300) == []
    assert [one[3] for one in found(made(BARK, Channel.PUSH), "中" * 1400)] == ["bytes"]


def test_the_title_has_a_limit_of_its_own(made):
    assert found(made(PUSHOVER, Channel.PUSH), "a" * 1025, subject="a" * 251) == [
        ("title", 251, 250, "characters", True),
        ("text", 1025, 1024, "characters", True),
    ]


def test_no_sentence_shows_the_credentials(made):
    provider = made(TWILIO, Channel.SMS)

    (excess,) = limits.excesses(provider, subject="Notice", text="a" * 2000)

    said = excess.sentence("en")
    assert "aaaa" not in said
    assert "bbbb" not in said
    assert "provider post" in said


def test_a_provider_that_cannot_be_used_is_no_limit(made):
    with pytest.raises(Misconfigured):
        limits.handed_over(made("nothing://{to}", Channel.SMS), subject="a", text="b")
