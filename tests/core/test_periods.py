"""Counting rules, by the published examples and their edges."""

from datetime import date

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import moments, periods, workdays
from tocsin.errors import Invalid


def counted(start, period, **how):
    return periods.count(moments.parse(start), periods.within(period), **how)


def due(start, period, **how):
    return moments.text(counted(start, period, **how).due)


@pytest.mark.parametrize(
    ("start", "period", "place", "expected"),
    [
        ("2020-12-22T12:17:00+01:00", "72 hours", "DE", "2020-12-25T13:00:00+01:00"),  # published worked example
        (
            "2026-11-23T14:00:00+01:00",
            "72 hours",
            "FR",
            "2026-11-26T15:00:00+01:00",
        ),  # on the hour: that hour is left out
        ("2026-11-23T14:59:59+01:00", "72 hours", "FR", "2026-11-26T15:00:00+01:00"),
        (
            "2027-03-28T01:40:00+01:00",
            "24 hours",
            "FR",
            "2027-03-29T03:00:00+02:00",
        ),  # the next full hour is summer time
        (
            "2027-10-31T02:30:00+01:00",
            "72 hours",
            "DE",
            "2027-11-03T03:00:00+01:00",
        ),  # second pass of the repeated hour
        ("2026-12-11T10:00:00+01:00", "14 days", "DE", "2026-12-28T23:59:59+01:00"),  # Christmas, Saturday, Sunday
        ("2026-12-23T10:00:00+01:00", "2 days", "DE", "2026-12-28T23:59:59+01:00"),
        ("2027-03-25T10:00:00+01:00", "3 days", "DE", "2027-03-31T23:59:59+02:00"),  # Easter; Art. 3(5) adds a day
        ("2026-11-25T10:00:00+01:00", "1 day", "DE", "2026-11-26T23:59:59+01:00"),
        ("2026-11-27T10:00:00+01:00", "1 day", "DE", "2026-11-30T23:59:59+01:00"),  # one day: no Art. 3(5)
        ("2028-01-31T10:00:00+01:00", "1 month", "FR", "2028-02-29T23:59:59+01:00"),
        ("2028-02-29T10:00:00+01:00", "12 months", "FR", "2029-02-28T23:59:59+01:00"),
        ("2028-02-29T10:00:00+01:00", "1 year", "FR", "2029-02-28T23:59:59+01:00"),
        ("1998-03-12T10:00:00+01:00", "3 weeks", "NL", "1998-04-02T23:59:59+02:00"),  # C-171/03 Toeters and Verberk
        ("2026-12-23T10:00:00+01:00", "3 working days", "DE", "2026-12-29T23:59:59+01:00"),
    ],
)
def test_regulation_1182_71(start, period, place, expected):
    assert due(start, period, rule="eu-1182-71", place=place) == expected


def test_the_target_of_days_is_the_nominal_day_and_of_hours_the_exact_count():
    days = counted("2026-12-11T10:00:00+01:00", "14 days", rule="eu-1182-71", place="DE")
    hours = counted("2026-11-23T14:10:00+01:00", "72 hours", rule="eu-1182-71", place="FR")
    assert moments.text(days.target) == "2026-12-25T23:59:59+01:00"
    assert moments.text(hours.target) == "2026-11-26T14:10:00+01:00"


def test_hours_that_end_at_midnight_end_on_the_next_day():
    assert due("2026-11-23T23:10:00+01:00", "24 hours", rule="eu-1182-71", place="FR") == "2026-11-25T00:00:00+01:00"


def test_calendar_days_leave_out_the_day_of_the_event_in_the_zone_of_the_place():
    # 09:30 in Berlin is half past midnight in California: still the same day there, but the day before at 08:00.
    assert due("2026-11-20T09:30:00+01:00", "30 days", place="US-CA") == "2026-12-20T23:59:59-08:00"
    assert due("2026-11-20T08:00:00+01:00", "30 days", place="US-CA") == "2026-12-19T23:59:59-08:00"


def test_business_days_leave_out_weekends_and_holidays():
    assert due("2026-12-23T10:00:00-05:00", "5 business days", place="US-NY") == "2026-12-31T23:59:59-05:00"


def test_chinas_worked_weekends_are_working_days():
    assert workdays.is_working_day(date(2026, 2, 14), "CN")
    assert not workdays.is_working_day(date(2026, 2, 14), "DE")
    assert due("2026-02-13T10:00:00+08:00", "1 working day", place="CN") == "2026-02-14T23:59:59+08:00"


def test_three_days_are_not_seventy_two_hours():
    assert due("2027-03-27T09:00:00+01:00", "72 hours", place="DE") == "2027-03-30T10:00:00+02:00"
    assert due("2027-03-27T09:00:00+01:00", "3 days", place="DE") == "2027-03-30T23:59:59+02:00"


@pytest.mark.parametrize(
    ("period", "how", "says"),
    [
        ("72 moons", {}, "a number and a unit"),
        ("hours", {}, "a number and a unit"),
        ("0 hours", {}, "a number and a unit"),
        ("-3 days", {}, "a number and a unit"),
        ("72 hours", {"rule": "eu-1182"}, "perhaps `eu-1182-71`"),
        ("72 hours", {"rule": "calendar-days"}, "use `exact` for 72 hours"),
        ("3 days", {"rule": "exact"}, "counts hours"),
        ("3 working days", {"rule": "calendar-days"}, "use `business-days` for 3 working days"),
        ("2 weeks", {"rule": "business-days"}, "counts days"),
        ("9999 years", {}, "beyond the calendar"),
    ],
)
def test_what_cannot_be_counted_is_refused(period, how, says):
    with pytest.raises(Invalid, match=says):
        counted("2026-11-20T09:30:00+01:00", period, **how)


instants = st.datetimes(
    min_value=pendulum.datetime(2000, 1, 1).naive(), max_value=pendulum.datetime(2090, 1, 1).naive()
).map(lambda naive: pendulum.instance(naive, tz="UTC"))
spans = st.tuples(st.integers(1, 90), st.sampled_from(["hours", "days", "weeks", "months"]))


@given(instants, spans, st.sampled_from(["DE", "FR", "IE", "BG"]))
def test_due_is_never_before_the_start_and_the_target_never_after_due(start, span, place):
    found = periods.count(start, periods.Within(number=span[0], unit=span[1]), rule="eu-1182-71", place=place)
    assert start <= found.target <= found.due


@given(instants, st.integers(0, 86_399), st.sampled_from(["days", "weeks", "months"]), st.integers(1, 60))
def test_day_rules_do_not_look_at_the_time_of_day(start, second, unit, number):
    period = periods.Within(number=number, unit=unit)
    midnight = start.start_of("day")
    for rule in ("eu-1182-71", "calendar-days"):
        first = periods.count(midnight, period, rule=rule, zone="UTC")
        assert periods.count(midnight.add(seconds=second), period, rule=rule, zone="UTC").due == first.due


@given(instants, st.integers(1, 200), st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"]))
def test_exact_hours_are_elapsed_hours_whatever_the_clock_does(start, number, zone):
    found = periods.count(start, periods.Within(number=number, unit="hours"), rule="exact", zone=zone)
    assert (found.due - start).total_seconds() == number * 3600


@given(instants, spans)
def test_the_derivation_ends_in_the_date(start, span):
    found = periods.count(start, periods.Within(number=span[0], unit=span[1]), place="DE")
    assert moments.text(found.due) in found.explained[-1]
