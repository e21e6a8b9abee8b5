from datetime import timedelta

import pendulum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin.delivery import Channel
from tocsin.quiet import Hours, Night

NIGHT = Hours(begins="21:00", ends="08:00")


def local(text, zone="Europe/Berlin"):
    return pendulum.parse(text, tz=zone)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-22T20:59:59", None),
        ("2026-11-22T21:00:00", "2026-11-23T08:00:00"),
        ("2026-11-23T07:59:59", "2026-11-23T08:00:00"),
        ("2026-11-23T08:00:00", None),
        (
            "2026-03-28T23:00:00",
            "2026-03-29T08:00:00",
        ),  # the night of the short hour: nine hours, by the clock on the wall
        ("2026-10-24T23:00:00", "2026-10-25T08:00:00"),
    ],
)
def test_a_night_ends_in_the_morning_on_the_clock_of_the_place(now, until):
    expected = None if until is None else local(until)
    assert Night(NIGHT, "Europe/Berlin").until(Channel.SMS, local(now)) == expected


def test_quiet_hours_may_lie_within_a_day():
    noon = Hours(begins="12:00", ends="14:30", channels=["phone"])
    assert Night(noon, "Asia/Shanghai").until(Channel.PHONE, local("2026-11-22T13:00", "Asia/Shanghai")) == local(
        "2026-11-22T14:30", "Asia/Shanghai"
    )
    assert Night(noon, "Asia/Shanghai").until(Channel.SMS, local("2026-11-22T13:00", "Asia/Shanghai")) is None


def test_an_end_that_the_clock_jumps_over_is_the_later_instant():
    hours = Hours(begins="22:00", ends="02:30")
    assert Night(hours, "Europe/Berlin").until(Channel.SMS, local("2026-03-29T01:00")) == local("2026-03-29T03:30")


def test_an_unquoted_time_of_yaml_is_the_time_that_was_meant():
    import yaml

    read = Hours.model_validate(yaml.safe_load("{begins: 21:00, ends: 08:00}"))
    assert read == NIGHT
    assert read.model_dump(mode="json")["begins"] == "21:00"


@pytest.mark.parametrize("wrong", ["24:00", "9", "21.00", 1440, True, None, "21:00:00"])
def test_what_is_no_time_of_day_is_refused(wrong):
    with pytest.raises(ValidationError, match="such as"):
        Hours(begins=wrong, ends="08:00")


def test_quiet_hours_without_end_are_refused():
    with pytest.raises(ValidationError, match="begins when it ends"):
        Hours(begins="08:00", ends="8:00")


@settings(max_examples=300, deadline=None)
@given(
    begins=st.times(),
    ends=st.times(),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    now=st.datetimes(min_value=pendulum.naive(2020, 1, 1), max_value=pendulum.naive(2030, 1, 1)),
)
def test_every_night_ends_within_a_day_and_the_morning_is_not_quiet(begins, ends, zone, now):
    begins, ends = begins.replace(second=0, microsecond=0), ends.replace(second=0, microsecond=0)
    if begins == ends:
        return
    night, at = Night(Hours(begins=begins, ends=ends), zone), pendulum.instance(now, tz="UTC")
    until = night.until(Channel.PUSH, at)
    if until is not None:
        assert timedelta(0) < until - at <= timedelta(hours=25)
        again = night.until(Channel.PUSH, until)
        assert again is None or again - until < timedelta(hours=24)
