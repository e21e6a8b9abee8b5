"""How statutes depart from their counting rule, the edges of every rule, and derivations that a stranger can check."""

import calendar
import re
from datetime import date, time, timedelta

import pendulum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin import moments, periods, places, workdays
from tocsin.errors import Invalid
from tocsin.periods import Manner

NEW_YEAR = workdays.closed("12-29..01-03")
FIRST_COUNTED = Manner(first_day_counted=True)
NEXT = Manner(roll="next-working-day")
NOON = Manner(roll="next-working-day-noon")


def counted(start, period, **how):
    return periods.count(moments.parse(start), periods.within(period), **how)


def due(start, period, **how):
    return moments.text(counted(start, period, **how).due)


def last_day(start, period, **how):
    """The day at whose last second the period ends."""
    found = counted(f"{start}T15:30:00Z", period, zone="UTC", **how).due
    assert found.time() == time(23, 59, 59)
    return str(found.date())


# The first day


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2026-03-10", "1 day", "2026-03-10"),
        ("2026-03-10", "5 days", "2026-03-14"),
        ("2026-03-02", "2 weeks", "2026-03-15"),  # Monday to Sunday
        ("2026-03-01", "1 month", "2026-03-31"),
        ("2026-03-15", "1 month", "2026-04-14"),
        ("2026-01-28", "1 month", "2026-02-27"),
        ("2027-03-01", "1 year", "2028-02-29"),
    ],
)
def test_where_the_first_day_counts_it_is_day_one(start, period, expected):
    assert last_day(start, period, manner=FIRST_COUNTED) == expected


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2026-01-29", "1 month", "2026-02-28"),
        ("2026-01-30", "1 month", "2026-02-28"),
        ("2026-01-31", "1 month", "2026-02-28"),
        ("2028-01-29", "1 month", "2028-02-28"),  # there is a 29 February: the day before it
        ("2028-01-30", "1 month", "2028-02-29"),
        ("2026-03-31", "1 month", "2026-04-30"),
        ("2028-02-29", "1 year", "2029-02-28"),
        ("2026-01-31", "1.5 months", "2026-03-15"),
        ("2026-01-28", "1.5 months", "2026-03-14"),
    ],
)
def test_a_last_month_without_that_day_ends_whole_although_the_first_day_counts(start, period, expected):
    """Japanese Civil Code Art. 143(2); section 188(2) and (3) of the German one says the same."""
    assert last_day(start, period, manner=FIRST_COUNTED) == expected


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2026-11-27", "1 business day", "2026-11-27"),  # Friday itself
        ("2026-11-27", "2 business days", "2026-11-30"),
        ("2026-11-28", "1 business day", "2026-11-30"),  # Saturday is no working day to count
        ("2026-12-25", "2 business days", "2026-12-29"),
    ],
)
def test_a_first_day_that_counts_must_be_a_working_day_where_those_are_counted(start, period, expected):
    assert last_day(start, period, place="DE", manner=FIRST_COUNTED) == expected


def test_a_saturday_is_never_said_to_be_the_first_working_day():
    sentence = counted("2026-11-28T10:00:00Z", "1 working day", place="DE", manner=FIRST_COUNTED).explained[0]
    assert sentence == "The day of the event, 2026-11-28, would be counted, but is no working day."


# The last day moves


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-12-14", "2026-12-24"),  # Thursday, worked
        ("2026-12-15", "2026-12-28"),  # Christmas on Friday, then a weekend
        ("2026-12-17", "2026-12-28"),
        ("2026-12-18", "2026-12-28"),  # Monday itself
    ],
)
def test_a_last_day_on_which_nobody_works_moves_to_the_next_that_is_worked(start, expected):
    assert last_day(start, "10 days", place="DE", manner=NEXT) == expected
    assert last_day(start, "10 days", place="DE") == str(date.fromisoformat(start) + timedelta(days=10))


def test_a_day_that_moved_is_worked_to_before_it_moved():
    found = counted("2026-12-15T10:00:00+01:00", "10 days", place="DE", manner=NEXT)
    assert moments.text(found.target) == "2026-12-25T23:59:59+01:00"
    assert found.unmoved == found.target


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-11-29", "2026-12-28"),
        ("2026-11-30", "2027-01-04"),  # day 30 is 29 December, shut until Sunday the third
        ("2026-12-05", "2027-01-04"),
        ("2026-12-06", "2027-01-04"),  # day 30 is Monday the fourth
        ("2026-12-13", "2027-01-12"),  # day 30 is the second Monday of January, Coming of Age Day
    ],
)
def test_japanese_offices_are_shut_over_the_years_end(start, expected):
    shut = Manner(first_day_counted=True, roll="next-working-day", closed=(NEW_YEAR,))
    assert last_day(start, "30 days", place="JP", manner=shut) == expected


def test_shut_offices_are_left_out_of_business_days():
    # Monday 28 December, 4 January, 5 January.
    assert last_day("2026-12-27", "3 business days", place="JP", manner=Manner(closed=(NEW_YEAR,))) == "2027-01-05"


@pytest.mark.parametrize(
    ("text", "covered", "not_covered"),
    [
        ("12-29..01-03", ("12-29", "12-31", "01-01", "01-03"), ("12-28", "01-04", "06-30")),
        ("08-10..08-20", ("08-10", "08-20"), ("08-09", "08-21", "01-01")),
        ("02-29..02-29", ("02-29",), ("02-28", "03-01")),
    ],
)
def test_a_span_of_shut_days_holds_its_first_and_its_last(text, covered, not_covered):
    span = workdays.closed(text)
    assert str(span) == text
    assert all(span.covers(date.fromisoformat(f"2028-{day}")) for day in covered)
    assert not any(span.covers(date.fromisoformat(f"2028-{day}")) for day in not_covered)


@pytest.mark.parametrize("text", ["12-29", "12-29..", "12-32..01-03", "02-30..03-01", "29-12..03-01", "12-29-01-03"])
def test_a_span_of_days_that_do_not_exist_is_refused(text):
    with pytest.raises(ValueError, match=r"day|month"):
        workdays.closed(text)


@pytest.mark.parametrize(
    ("start", "period", "rule", "expected", "target"),
    [
        # Saturday evening moves to Monday noon; the exact hour stays what one works to.
        ("2026-11-27T22:30:00+01:00", "24 hours", "exact", "2026-11-30T12:00:00+01:00", "2026-11-28T22:30:00+01:00"),
        ("2026-11-26T22:30:00+01:00", "24 hours", "exact", "2026-11-27T22:30:00+01:00", "2026-11-27T22:30:00+01:00"),
        # Sunday's last second moves, Monday's first does not.
        ("2026-11-28T23:59:59+01:00", "24 hours", "exact", "2026-11-30T12:00:00+01:00", "2026-11-29T23:59:59+01:00"),
        ("2026-11-29T00:00:00+01:00", "24 hours", "exact", "2026-11-30T00:00:00+01:00", "2026-11-30T00:00:00+01:00"),
        ("2026-12-24T10:00:00+01:00", "24 hours", "exact", "2026-12-28T12:00:00+01:00", "2026-12-25T10:00:00+01:00"),
        # The European hour of the event is left out first: Saturday 11:00, then Monday noon.
        ("2026-11-25T10:20:00+01:00", "72 hours", "eu-1182-71", "2026-11-30T12:00:00+01:00", "2026-11-28T10:20:00+01:00"),  # noqa: E501
        ("2026-11-27T10:00:00+01:00", "1 month", "eu-1182-71", "2026-12-28T12:00:00+01:00", "2026-12-27T23:59:59+01:00"),  # noqa: E501
        ("2026-11-30T10:00:00+01:00", "1 month", "eu-1182-71", "2026-12-30T23:59:59+01:00", "2026-12-30T23:59:59+01:00"),  # noqa: E501
        ("2026-11-26T10:00:00+01:00", "30 days", "calendar-days", "2026-12-28T12:00:00+01:00", "2026-12-26T23:59:59+01:00"),  # noqa: E501
    ],
)  # fmt: skip
def test_a_limit_may_move_to_noon_of_the_next_working_day(start, period, rule, expected, target):
    found = counted(start, period, rule=rule, place="DE", manner=NOON)
    assert (moments.text(found.due), moments.text(found.target)) == (expected, target)


def test_a_last_day_may_end_before_midnight():
    closing = Manner(ends=time(17, 30))
    assert due("2026-11-20T09:00:00+01:00", "10 days", place="DE", manner=closing) == "2026-11-30T17:30:00+01:00"
    rolled = Manner(ends=time(17, 30), roll="next-working-day")
    assert due("2026-12-15T09:00:00+01:00", "10 days", place="DE", manner=rolled) == "2026-12-28T17:30:00+01:00"
    assert due("2026-11-20T09:00:00+01:00", "2 working days", place="DE", manner=closing) == "2026-11-24T17:30:00+01:00"


# Backwards


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2026-12-15", "1 day", "2026-12-13"),
        ("2026-12-15", "14 days", "2026-11-30"),  # the first to the fourteenth lie between
        ("2026-12-15", "2 weeks", "2026-11-30"),
        ("2026-12-15", "1 month", "2026-11-14"),  # a Saturday
        ("2026-12-14", "7 days", "2026-12-06"),  # a Sunday
        ("2026-03-31", "1 month", "2026-02-27"),  # the month begins on its last day, the 28th
        ("2026-03-31", "1.5 months", "2026-02-12"),
        ("2028-02-29", "1 year", "2027-02-27"),
        ("2026-12-30", "3 working days", "2026-12-23"),  # Tuesday, Monday, Thursday before Christmas
        ("2026-12-28", "1 working day", "2026-12-23"),
    ],
)
def test_counted_backwards_the_act_comes_before_the_period_and_nothing_moves(start, period, expected):
    assert last_day(start, period, rule="at-least-before", place="DE") == expected


def test_hours_counted_backwards_are_elapsed_hours():
    # Summer time begins between the two.
    found = counted("2027-03-28T12:00:00+02:00", "24 hours", rule="at-least-before", place="DE")
    assert (moments.text(found.due), found.target) == ("2027-03-27T11:00:00+01:00", found.due)


# Regulation (EEC, Euratom) No 1182/71


@pytest.mark.parametrize(
    ("start", "period", "nominal", "expected"),
    [
        ("2026-09-10", "1.5 months", "2026-10-25", "2026-10-26"),  # 10 October and fifteen days, a Sunday
        ("2026-01-31", "1.5 months", "2026-03-15", "2026-03-16"),  # 28 February and fifteen days
        ("2026-02-10", "0.5 months", "2026-02-25", "2026-02-25"),
        ("2026-02-27", "0.5 months", "2026-03-14", "2026-03-16"),
    ],
)
def test_a_part_of_a_month_is_a_part_of_thirty_days(start, period, nominal, expected):
    """Art. 3(2)(d)."""
    assert last_day(start, period, rule="eu-1182-71", place="FR") == expected
    assert str(counted(f"{start}T10:00:00Z", period, rule="eu-1182-71", place="FR").target.date()) == nominal


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2026-11-27", "1 day", "2026-11-30"),
        ("2027-03-19", "1 week", "2027-03-30"),  # Good Friday, a weekend, Easter Monday
        ("2026-11-15", "1 month", "2026-12-15"),
        ("2026-10-26", "2 months", "2026-12-28"),  # Saturday, the second day of Christmas
        ("2026-01-01", "1 year", "2027-01-04"),  # New Year on a Friday
    ],
)
def test_a_european_period_never_ends_on_a_day_of_rest(start, period, expected):
    """Art. 3(4)."""
    assert last_day(start, period, rule="eu-1182-71", place="DE") == expected


def test_a_holiday_moves_only_the_deadlines_of_the_place_that_keeps_it():
    assert last_day("2027-03-19", "1 week", rule="eu-1182-71", place="FR") == "2027-03-26"


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2026-11-26", "2 days", "2026-11-30"),  # Friday and Monday are two
        ("2026-11-27", "2 days", "2026-12-01"),  # Monday alone is not enough
        ("2026-11-28", "2 days", "2026-12-01"),  # nor where it was the last day to begin with
        ("2026-12-24", "3 days", "2026-12-29"),
        ("2026-11-27", "1 day", "2026-11-30"),  # one day needs no two
        ("2026-11-27", "1 working day", "2026-11-30"),
        ("2026-11-27", "2 working days", "2026-12-01"),
        ("2026-12-24", "1 week", "2026-12-31"),
    ],
)
def test_two_days_or_more_hold_two_working_days(start, period, expected):
    """Art. 3(5)."""
    assert last_day(start, period, rule="eu-1182-71", place="DE") == expected


def test_shut_offices_do_not_work_on_the_two_days_either():
    shut = Manner(closed=(workdays.closed("12-24..01-06"), workdays.closed("01-08..01-08")))
    # Thursday 7 January is the only one worked by then; Friday is shut, so Monday is the second.
    assert last_day("2026-12-25", "2 days", rule="eu-1182-71", place="FR", manner=shut) == "2027-01-11"


# Clocks that change, zones of half hours, leap days, the end of time


@pytest.mark.parametrize(
    ("start", "period", "place", "expected"),
    [
        ("2026-03-28T12:00:00+01:00", "24 hours", "DE", "2026-03-29T13:00:00+02:00"),
        ("2026-10-24T12:00:00+02:00", "24 hours", "DE", "2026-10-25T11:00:00+01:00"),
        ("2026-03-01T12:00:00+01:00", "4000 hours", "DE", "2026-08-15T05:00:00+02:00"),
        ("2026-03-01T12:00:00+01:00", "6000 hours", "DE", "2026-11-06T12:00:00+01:00"),  # over both changes
        ("2026-11-23T10:05:00+05:30", "72 hours", "IN", "2026-11-26T10:05:00+05:30"),
        ("2026-03-07T12:00:00-03:30", "24 hours", "CA-NL", "2026-03-08T13:00:00-02:30"),
        ("2026-04-04T12:00:00+10:30", "24 hours", "AU-SA", "2026-04-05T11:00:00+09:30"),
    ],
)
def test_hours_elapse_whatever_the_clock_on_the_wall_does(start, period, place, expected):
    assert due(start, period, rule="exact", place=place) == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-11-23T10:05:00+05:30", "2026-11-24T11:00:00+05:30"),
        ("2026-11-23T04:40:00+00:00", "2026-11-24T11:00:00+05:30"),  # 10:10 in Delhi
    ],
)
def test_the_hour_that_is_left_out_is_the_local_one_in_a_zone_of_half_hours(start, expected):
    assert due(start, "24 hours", rule="eu-1182-71", place="IN") == expected


def test_the_last_second_of_a_day_whose_last_hour_comes_twice_is_the_second_one():
    # In Chile the clock goes back from midnight to eleven on 4 April 2026.
    assert due("2026-04-01T10:00:00-03:00", "3 days", place="CL") == "2026-04-04T23:59:59-04:00"


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2028-02-01", "30 days", "2028-03-02"),
        ("2027-02-01", "30 days", "2027-03-03"),
        ("2028-02-29", "1 year", "2029-02-28"),
        ("2028-02-29", "4 years", "2032-02-29"),
        ("2027-02-28", "1 year", "2028-02-28"),  # not the last day of the month
        ("2026-03-31", "1 month", "2026-04-30"),
        ("2026-04-30", "1 month", "2026-05-30"),
        ("2026-12-31", "2 months", "2027-02-28"),
        ("2026-08-31", "18 months", "2028-02-29"),
    ],
)
def test_months_end_on_the_same_number_or_on_their_last_day(start, period, expected):
    assert last_day(start, period) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("calendar-days", "9989-12-30"),
        ("eu-1182-71", "9990-01-01"),  # a Saturday, for the calendar of 1989 comes again every four hundred years
    ],
)
def test_the_calendar_ends_with_a_sentence(rule, expected):
    assert last_day("2199-12-30", "7790 years", rule=rule) == expected
    with pytest.raises(Invalid, match="beyond the calendar"):
        last_day("2199-12-30", "7799 years", rule=rule)
    with pytest.raises(Invalid, match="beyond the calendar"):
        last_day("2026-12-31", "9999 years", rule="at-least-before")


@pytest.mark.parametrize(
    ("period", "rule", "manner", "says"),
    [
        ("72 hours", "exact", FIRST_COUNTED, "for whole days"),
        ("72 hours", "eu-1182-71", Manner(ends=time(12)), "for whole days"),
        ("72 hours", "exact", NEXT, "for whole days"),
        ("3 days", "eu-1182-71", FIRST_COUNTED, "never counts the first day"),
        ("3 days", "at-least-before", FIRST_COUNTED, "never counts the first day"),
        ("3 days", "at-least-before", NEXT, "never moves"),
        ("24 hours", "at-least-before", NOON, "never moves"),
    ],
)
def test_a_manner_that_says_nothing_under_its_rule_is_refused(period, rule, manner, says):
    with pytest.raises(Invalid, match=says):
        counted("2026-11-20T09:30:00Z", period, rule=rule, manner=manner)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 week", "1 week ends"),
        ("1.5 months", "1.5 months end"),
        ("2 months", "2 months end"),
        ("1 calendar day", "1 day ends"),
    ],
)
def test_a_derivation_is_said_in_plain_english(text, says):
    assert counted("2026-11-20T09:30:00Z", text).explained[1].startswith(f"{says} on ")


@pytest.mark.parametrize("text", ["1.5 weeks", "1.25 months", ".5 months", "0 months", "1,5 months", "72", "1 1 day"])
def test_a_period_that_no_law_counts_is_refused(text):
    with pytest.raises(Invalid, match="a number and a unit"):
        periods.within(text)


# Properties

PLACES = ("DE", "FR", "JP", "CN", "US-NY", "EG")
starts = st.datetimes(
    min_value=pendulum.datetime(2021, 1, 1).naive(), max_value=pendulum.datetime(2031, 1, 1).naive()
).map(lambda naive: pendulum.instance(naive.replace(microsecond=0), tz="UTC"))
where = st.sampled_from(PLACES)
shut = st.sampled_from([(), (NEW_YEAR,), (workdays.closed("08-10..08-16"), workdays.closed("02-28..03-01"))])
numbers = {"hours": 400, "days": 60, "weeks": 8, "months": 14, "years": 3, "working-days": 30}
FORWARD = {name: rule for name, rule in periods.RULES.items() if not rule.backwards}


@st.composite
def ways(draw, rules=tuple(FORWARD), units=periods.UNITS):
    """A period with a rule that counts it, and a manner that the rule may have."""
    counting = [(rule, unit) for rule in rules for unit in periods.RULES[rule].units if unit in units]
    rule, unit = draw(st.sampled_from(counting))
    number = draw(st.integers(1, numbers[unit]))
    if unit == "hours":
        manner = Manner(roll=draw(st.sampled_from((None, "next-working-day-noon"))), closed=draw(shut))
    else:
        first = rule in {"calendar-days", "business-days"} and draw(st.booleans())
        manner = Manner(
            first_day_counted=first,
            roll=draw(st.sampled_from((None, *periods.ROLLS))),
            ends=None if first else draw(st.sampled_from((None, time(17, 30)))),
            closed=draw(shut),
        )
    half = unit == "months" and draw(st.booleans())
    return {"period": periods.Within(number=number, unit=unit, half=half), "rule": rule, "manner": manner}


DAYS = ("days", "weeks", "months", "years", "working-days")


@settings(deadline=None)
@given(starts, where, ways())
def test_a_limit_never_lies_before_its_start_nor_before_the_day_one_works_to(start, place, way):
    found = periods.count(start, place=place, **way)
    assert start <= found.target <= found.due
    assert found.unmoved is not None
    assert found.unmoved <= found.due


@settings(deadline=None)
@given(starts, where, ways(units=DAYS), st.integers(0, 86_399))
def test_whole_days_do_not_look_at_the_time_of_day(start, place, way, second):
    local = start.in_timezone(places.zone(place)).start_of("day")
    later = local.add(seconds=second)
    if later.date() == local.date():  # a day on which the clocks change may be shorter
        assert periods.count(later, place=place, **way).due == periods.count(local, place=place, **way).due


@settings(deadline=None)
@given(starts, st.integers(1, 10 * 24 * 60), where, ways())
def test_a_later_start_never_gives_an_earlier_last_day(start, minutes, place, way):
    earlier = periods.count(start, place=place, **way)
    later = periods.count(start.add(minutes=minutes), place=place, **way)
    assert earlier.due.date() <= later.due.date()
    assert way["period"].unit == "hours" or earlier.due <= later.due


@settings(deadline=None)
@given(starts, where, ways(rules=("at-least-before",)).map(lambda way: {**way, "manner": periods.USUAL}))
def test_counted_backwards_a_later_event_never_gives_an_earlier_limit(start, place, way):
    found = periods.count(start, place=place, **way)
    assert found.due < start
    assert found.target == found.due
    assert found.due <= periods.count(start.add(days=1), place=place, **way).due


class Reader:
    """A stranger with a calendar on the wall who follows the sentences and trusts none of the dates in them."""

    def __init__(self, start, works, manner):
        self.first, self.works, self.manner = start.date(), works, manner
        self.before = self.nominal = self.last = self.instant = None

    def walk(self, day, number):
        """The working day of that number after `day`."""
        while number:
            day += timedelta(days=1)
            number -= self.works(day)
        return day

    def read(self, sentence):
        """Follow one sentence; where it names a day, it must be the one that was found."""
        step, found = next((step, found) for step, how in STEPS.items() if (found := re.match(how, sentence)))
        getattr(self, step)(*found.groups())
        if self.last is not None:
            assert f"{calendar.day_name[self.last.weekday()]}" in sentence
            assert self.last.isoformat() in sentence

    def first_day(self, day, said):
        assert day == self.first.isoformat()
        assert self.manner.first_day_counted is (said != "is not counted")
        assert said != "would be counted, but is no working day" or not self.works(self.first)
        self.before = self.first - timedelta(days=self.manner.first_day_counted)

    def working_days(self, number):
        self.last = self.nominal = self.walk(self.before, int(number))

    def whole_days(self, number, half, unit):
        first = pendulum.datetime(self.first.year, self.first.month, self.first.day)
        last = first.add(**{f"{unit.rstrip('s')}s": int(number)})
        lacking = unit.rstrip("s") in {"month", "year"} and last.day != first.day
        back = 1 if self.manner.first_day_counted and not lacking else 0
        self.last = self.nominal = last.add(days=15 * bool(half) - back).date()

    def moves(self):
        assert not self.works(self.last)
        self.last = self.walk(self.last, 1)

    def two_working_days(self):
        worked = [
            day for day in range((self.last - self.first).days) if self.works(self.first + timedelta(days=day + 1))
        ]
        assert len(worked) == 1
        self.last = self.walk(self.last, 1)

    def last_instant(self, instant):
        self.instant = moments.parse(instant)
        noon = self.manner.roll == "next-working-day-noon" and self.last != self.nominal
        assert self.instant.time() == (time(12) if noon else self.manner.ends or time(23, 59, 59))


STEPS = {
    "first_day": r"The day of the event, (\S+), (is not counted|is day 1|would be counted, but is no working day)",
    "working_days": r"Weekends and the holidays of .+ are left out: day (\d+) is ",
    "whole_days": r"(\d+)(\.5)? (days?|weeks?|months?|years?) ends? on ",
    "moves": r"That is no working day in .+, so the period ends on ",
    "two_working_days": r"It must contain at least two working days, so it ends on ",
    "last_instant": r"The last instant is (\S+) \(",
}


@settings(deadline=None, max_examples=200)
@given(starts, where, ways(units=DAYS))
def test_a_derivation_read_step_by_step_gives_the_date(start, place, way):
    found = periods.count(start, place=place, **way)

    def works(day):
        return workdays.is_working_day(day, place, way["manner"].closed)

    stranger = Reader(start.in_timezone(found.due.timezone), works, way["manner"])
    for sentence in found.explained:
        stranger.read(sentence)
    assert (moments.text(stranger.instant), stranger.last) == (moments.text(found.due), found.due.date())
    assert found.unmoved.date() == stranger.nominal
    assert works(stranger.last) or not (way["rule"] == "eu-1182-71" or way["manner"].roll)


@settings(deadline=None)
@given(starts, where, ways(units=("hours",)))
def test_a_derivation_of_hours_read_step_by_step_gives_the_instant(start, place, way):
    found = periods.count(start, place=place, **way)
    hours = timedelta(hours=way["period"].number)
    told = " ".join(found.explained)
    begins = re.search(r"the period begins at (\S+) ", told)
    ends = (moments.parse(begins[1]) if begins else start) + hours
    moved = re.search(r"moves to noon of the next, (\S+) ", told)
    if begins:
        local = start.in_timezone(found.due.timezone)
        assert timedelta(0) < moments.parse(begins[1]) - local <= timedelta(hours=1)
        assert moments.parse(begins[1]).minute == 0 or place == "IN"
        assert moments.text(start.in_timezone(found.due.timezone) + hours) in told
    local_end = pendulum.instance(ends).in_timezone(found.due.timezone)
    works = workdays.is_working_day(local_end.date(), place, way["manner"].closed)
    assert bool(moved) is (way["manner"].roll is not None and not works)
    assert found.due.timestamp() == (moments.parse(moved[1]) if moved else ends).timestamp()
    if moved:
        assert (found.due.time(), workdays.is_working_day(found.due.date(), place, way["manner"].closed)) == (
            time(12),
            True,
        )
