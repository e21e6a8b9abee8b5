"""Our working days and European periods against the calendars of the corpus, where it lies beside the repository."""

import csv
import os
from collections import defaultdict
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest

from tocsin import moments, periods, places, workdays

CORPUS = Path(os.environ.get("TOCSIN_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
CALENDARS = CORPUS / "05-calendars"
RULES = CORPUS / "03-rules"

pytestmark = pytest.mark.skipif(
    not CALENDARS.is_dir(), reason="the corpus is not here; set TOCSIN_CORPUS to its folder"
)

# Markets, whose holidays no law of ours counts.
NO_PLACE = {"XECB", "XNYS"}

# Days off that were decreed, or moved by the moon, after the corpus was written down; our calendars are younger.
LATER = {
    "AE": ("2025-06-27", "2025-12-01", "2026-03-19", "2026-06-15", "2026-08-28"),  # as the government announced them
    "AR": ("2026-11-09",),  # the visit of the Pope
    "HU": ("2029-12-24",),  # Christmas Eve
    "ID": ("2032-04-12", "2032-06-21"),  # by the moon
    "KE": ("2025-10-17",),  # state funeral
    "KR": ("2027-05-03", "2027-07-19", "2032-05-03", "2032-07-19"),  # in lieu of holidays that fall on weekends
    "MY": ("2027-03-11", "2027-08-16", "2030-04-15", "2032-04-12"),  # by the moon
    "PH": ("2027-11-02", "2027-12-24"),  # by proclamation
    "VN": ("2025-05-02", "2027-11-24", "2028-11-24", "2031-11-24"),  # a bridge day, and Cultural Day
    "ZA": ("2026-11-04",),  # local elections
}

# What the corpus lists besides public holidays: days of banks, schools, unions and the memory, on which offices work.
# A day that is worked ends a period sooner: where it is doubtful whether people rest, ours is the earlier.
_NONE: set[str] = set()
_EVES = {"Christmas Eve", "New Year's Eve"}
_AMERICAN = {
    *_EVES,
    "Columbus Day",  # a federal day, and none of these States'
    "Election Day",
    "Good Friday",
    "Groundhog Day",
    "Halloween",
    "Saint Patrick's Day",
    "Valentine's Day",
    "Day After Christmas",
    "National Day of Mourning for former President George H. W. Bush",
    "National Day of Mourning for former President Jimmy Carter",
}
WORKED = {
    "AT": {"Good Friday", *_EVES},  # banks
    "BE": {"Good Friday", "Friday after Ascension Day", "Bank Holiday"},  # banks
    "BG": {"The Day of the People's Awakeners"},  # schools
    "BR": {"Carnival", "Ash Wednesday", "Corpus Christi", "Public Servant's Day", *_EVES},  # optional
    "CY": {"Christmas Eve", "Easter Tuesday"},  # optional, and banks
    "DK": {"Workers' Day", "Constitution Day", *_EVES},  # optional
    "EE": {"Pre-holiday day (workday shortened by 3 hours)"},
    "FR": _NONE,
    "DE": _NONE,
    "GR": _EVES,  # half days
    "IE": {"Good Friday"},  # optional
    "IS": {"Christmas Eve (from 1pm)", "New Year's Eve (from 1pm)"},
    "JP": {"Bank Holiday"},  # 31 December to 3 January, which a law of Japan names under `closed`
    "LI": {"Saint Berchtold's Day", "Shrove Tuesday", "Good Friday", *_EVES},  # banks
    "LU": {"Good Friday", "Christmas Eve (afternoon)", "New Year's Eve"},  # banks
    "NL": {"Liberation Day"},  # a day off once in five years
    "PT": {"Carnival", "Saint Anthony's Day", "Second Day of Christmas", *_EVES},  # optional, or of one town
    "SE": {  # eves, half days and days between two holidays
        *_EVES,
        *("All Saints' Eve (from 2pm)", "Maundy Thursday (from 2pm)", "Midsummer Eve", "Squeeze day"),
        *("Twelfth Night (from 2pm)", "Walpurgis Night (from 2pm)"),
        *(f"Day before {day} (from 2pm)" for day in ("Ascension Day", "Christmas Eve", "Midsummer Eve")),
        *(f"Day before {day} (from 2pm)" for day in ("New Year's Eve", "Pentecost Eve")),
    },
    "US-CA": _AMERICAN,
    "US-NY": _AMERICAN - {"Columbus Day"},
    "US-TX": _AMERICAN,
    "US-VT": _AMERICAN,
    "US": _AMERICAN - {"Columbus Day"},
    **dict.fromkeys(("AU", "CO", "CZ", "ES", "GB", "HR", "HU", "IT", "LT", "LV", "MT", "NO", "PL", "RO"), _NONE),
}


@cache
def read(name):
    with (CALENDARS / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def listed():
    """The holidays of every whole year of a calendar that the corpus has, by place and year."""
    found = defaultdict(lambda: defaultdict(dict))
    for row in read("holidays.csv"):
        found[row["calendar"].replace("_", "-")][int(row["date"][:4])][date.fromisoformat(row["date"])] = row["name"]
    return found


def days_of(year):
    first = date(year, 1, 1)
    return [first + timedelta(days=day) for day in range((date(year + 1, 1, 1) - first).days)]


def all_calendars():
    return (
        sorted({row["calendar"].replace("_", "-") for row in read("holidays.csv")} - NO_PLACE)
        if CALENDARS.is_dir()
        else []
    )


def rest_of_the_week(place, year):
    """Friday and Saturday, or Saturday and Sunday."""
    friday = place in {"EG", "IL", "SA"} or (place == "AE" and year < 2022)
    return {4, 5} if friday else {5, 6}


@pytest.mark.parametrize("place", all_calendars())
def test_no_day_is_left_out_that_its_people_work(place):
    """The dangerous side: a day wrongly left out makes a deadline late."""
    assert places.known(place)
    wrong = [
        day.isoformat()
        for year, holidays in listed()[place].items()
        for day in days_of(year)
        if day.weekday() not in rest_of_the_week(place, year)
        and day not in holidays
        and not workdays.is_working_day(day, place)
    ]
    assert wrong == list(LATER.get(place, ()))


@pytest.mark.parametrize("place", sorted(WORKED))
def test_a_listed_day_that_we_work_on_is_no_public_holiday(place):
    worked = {
        name
        for holidays in listed()[place].values()
        for day, name in holidays.items()
        if workdays.is_working_day(day, place)
    }
    assert worked <= WORKED[place]


def test_china_works_and_rests_as_the_state_council_decreed():
    decreed = {
        date.fromisoformat(row["date"]): row["kind"] == "make-up working day" for row in read("cn_working_days.csv")
    }
    years = sorted({day.year for day in decreed})
    assert len(years) == 6
    for year in years:
        for day in days_of(year):
            assert workdays.is_working_day(day, "CN") is decreed.get(day, day.weekday() < 5), day


def test_the_holidays_of_the_union_s_own_offices_move_nothing_of_ours():
    """A deadline of the Union is counted where the authority sits; counted in no State, only weekends are left out."""
    for row in read("eu_institutions.csv"):
        day = date.fromisoformat(row["date"])
        assert workdays.is_working_day(day, "EU") is (day.weekday() < 5)
    assert not workdays.is_working_day(date(2023, 5, 1), "BE")
    assert workdays.is_working_day(date(2023, 5, 9), "BE")


def european():
    with (RULES / "eu_period_cases.csv").open(newline="", encoding="utf-8") as file:
        return [pytest.param(row, id=row["id"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("row", european() if RULES.is_dir() else [])
def test_a_period_ends_on_the_day_that_the_court_said(row):
    start = moments.parse({"at": f"{row['event_day']}T14:00", "zone": "Europe/Amsterdam"})
    found = periods.count(start, periods.within(row["period"]), rule="eu-1182-71", place="NL")
    assert moments.text(found.due)[:19] == f"{row['expect_last_day']}T23:59:59"
    assert moments.text(found.due)[:10] != row["wrong_answer_given_by_the_authority"]
