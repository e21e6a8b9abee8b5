"""What the length of a notice costs, and where it is too long, by the providers of the settings."""

from types import SimpleNamespace
from typing import Any

import pytest

from documents import notices
from documents.notices.rendering import spoken_name
from flows.steps import measuring
from notifiers.providers import Provider
from tocsin.delivery import Channel

TWILIO = f"twilio://AC{'a' * 32}:{'b' * 32}@15005550006/{{to}}"


def a_house(*urls: tuple[Channel, str]) -> Any:
    providers = [
        Provider(name=f"p{number}", channel=channel, places="*", url=url)
        for number, (channel, url) in enumerate(urls)
    ]  # fmt: skip
    return SimpleNamespace(settings=SimpleNamespace(providers=tuple(providers)))


def a_plan(most: int | None) -> Any:
    return SimpleNamespace(notice=SimpleNamespace(sms_segments_most=most))


def a_text(short: str, language: str = "en") -> notices.NoticeText:
    parts = dict.fromkeys(("situation", "impact", "measures", "advice", "remedies", "contact"), "words")
    return notices.NoticeText(language=language, title="Notice", short=short, **parts)


REFERENCE = len("\nRef 0123456789")


@pytest.mark.parametrize(("letters", "segments"), [(160 - REFERENCE, 1), (161 - REFERENCE, 2)])
def test_the_reference_counts(letters, segments):
    length = measuring.sms_length(a_house(), a_text("a" * letters))

    assert length is not None
    assert length.segments == segments


def test_a_title_that_the_service_puts_before_the_text_counts():
    text = a_text("a" * (160 - REFERENCE))

    length = measuring.sms_length(a_house((Channel.SMS, TWILIO)), text)

    assert length is not None
    assert (length.segments, length.units) == (2, 160 + len("Notice\r\n"))


def test_a_provider_that_cannot_be_used_keeps_nobody_from_counting():
    length = measuring.sms_length(a_house((Channel.SMS, "nothing://{to}")), a_text("a"))

    assert length is not None
    assert list(measuring.problems(a_house((Channel.SMS, "nothing://{to}")), a_plan(1), [a_text("a")])) == []


@pytest.mark.parametrize("most", [None, 2, 1])
def test_what_the_plan_does_not_pay_for_is_a_problem(most):
    problems = list(measuring.problems(a_house(), a_plan(most), [a_text("a" * 200), a_text("中" * 40, "zh")]))

    assert len(problems) == (1 if most == 1 else 0)
    if problems:
        assert problems[0].startswith("The notice (en) takes 2 segments (215 units in GSM-7) as SMS, and the plan pays")


def test_a_notice_in_a_layout_of_yesterday_has_no_length():
    text = notices.from_fields({**a_text("a").fields(), "layout": "0" * 16})

    assert measuring.sms_length(a_house(), text) is None
    assert list(measuring.problems(a_house((Channel.SMS, TWILIO)), a_plan(1), [text])) == []


def test_the_longest_name_is_one_that_is_greeted():
    assert spoken_name(notices.LONGEST_NAME) == notices.LONGEST_NAME
    assert spoken_name(notices.LONGEST_NAME + "a") is None


def test_each_language_and_channel_is_held_against_its_own_services():
    house = a_house(
        (Channel.PUSH, f"join://{'a' * 32}/{{to}}"), (Channel.SMS, TWILIO), (Channel.EMAIL, "mailto://{to}")
    )

    problems = list(measuring.problems(house, a_plan(None), [a_text("a" * 1100), a_text("中" * 10, "zh")]))

    assert len(problems) == 1
    assert "(en) takes 1,115 characters as push through provider p0 (Join), 1,000 is the most" in problems[0]
