"""Tables of incidents made into facts: dates read in a declared order or refused, and no cell quoted in a refusal."""

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import moments
from tocsin.errors import Invalid
from tocsin.facts.schema import kind
from tocsin.importing import cells, classes, days, mapping, records
from tocsin.importing.draft import Imported

DATES = st.dates(min_value=pendulum.date(1970, 1, 1), max_value=pendulum.date(2199, 12, 31))
WRITTEN = {
    "DMY": "%d/%m/%Y",
    "MDY": "%m-%d-%Y",
    "YMD": "%Y.%m.%d",
    "ISO": "%Y-%m-%d",
    "text": "%B %d, %Y",
}


def reason(cell, *orders):
    with pytest.raises(ValueError, match=r"\w") as refused:
        days.read(cell, orders)
    return str(refused.value)


def the_day(cell, *orders):
    return str(days.read(cell, orders).day)


@given(DATES, st.sampled_from(sorted(WRITTEN)))
def test_a_date_in_the_declared_order_is_that_date(date, order):
    assert days.read(date.strftime(WRITTEN[order]), (order,)).day == date


@given(DATES, st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y-%m-%d", "%d %b %Y", "%b %d %Y"]))
def test_undeclared_a_date_is_itself_or_refused(date, form):
    try:
        found = days.read(date.strftime(form)).day
    except ValueError:
        assert date.day <= 12
        assert date.day != date.month
        assert form[1] in "dmY"
        assert form != "%Y-%m-%d"
    else:
        assert found == date


@given(st.text(max_size=30), st.lists(st.sampled_from(days.ORDERS), max_size=2, unique=True))
def test_whatever_a_cell_holds_it_is_a_day_or_refused_without_its_words(cell, orders):
    try:
        found = f"a day in {days.read(cell, orders).day.year}"
    except ValueError as error:
        found = str(error)

    assert len(cell.strip()) < 8 or cell.strip() not in found


@given(DATES, st.sampled_from(["America/Sao_Paulo", "Asia/Shanghai", "Atlantic/Azores", "America/New_York", "UTC"]))
def test_a_day_holds_both_its_ends(date, zone):
    day = pendulum.date(date.year, date.month, date.day)
    begin, end = days.first(day, zone), days.last(day, zone)

    assert begin.date() == end.date() == day
    assert begin.subtract(seconds=1).date() < day
    assert end.add(seconds=1).date() > day


@pytest.mark.parametrize(
    ("cell", "orders", "day"),
    [
        ("02/04/2021", ("MDY",), "2021-02-04"),
        ("02/04/2021", ("DMY",), "2021-04-02"),
        ("2/4/2021", ("MDY",), "2021-02-04"),
        ("05/05/2021", (), "2021-05-05"),
        ("13/4/2021", (), "2021-04-13"),
        ("4/13/2021", (), "2021-04-13"),
        ("2021-04-02", (), "2021-04-02"),
        ("2021/4/2", ("YMD",), "2021-04-02"),
        ("2026年11月20日", (), "2026-11-20"),
        ("April 2 2021", (), "2021-04-02"),
        ("Sept. 2nd, 2021", ("text",), "2021-09-02"),
        ("2 apr 2021", ("MDY", "text"), "2021-04-02"),
        ("\xa002/04/2021 12:00:00 AM ", ("MDY",), "2021-02-04"),
    ],
)
def test_what_can_mean_one_day_only_is_read(cell, orders, day):
    assert the_day(cell, *orders) == day
    assert days.read(cell, orders).time is None


@pytest.mark.parametrize(
    ("cell", "orders", "why"),
    [
        ("02/04/2021", (), "could be day/month or month/day"),
        ("2021/02/04", (), "could be day/month or month/day"),
        ("02/04/21", ("MDY",), "year of two digits"),
        ("5-Apr-21", (), "year of two digits"),
        ("April 5, 21", (), "year of two digits"),
        ("25/20/2020", ("MDY",), "is no day in the order declared (MDY)"),
        ("13/04/2021", ("MDY",), "is no day in the order declared (MDY)"),
        ("2021-04-02", ("MDY",), "is no day in the order declared (MDY)"),
        ("31/02/2021", (), "names a day that does not exist"),
        ("31/02/2021", ("DMY",), "is no day in the order declared"),
        ("12/27/20181", ("MDY",), "is no date"),
        ("12/072019", ("MDY",), "is no date"),
        ("03/31/2021 |  05/24/2021", ("MDY",), "holds more than one date"),
        ("03/31/2021-05/24/2021", ("MDY",), "holds more than one date"),
        ("April 2 2021 to May 3 2021", ("text",), "holds more than one date"),
        ("On or before May 16 2019", ("text",), "holds words beside a date"),
        ("unknown 08/09/2019", ("MDY",), "holds words beside a date"),
        ("2012", ("MDY",), "has no day"),
        ("May 2012", ("text",), "has no day"),
        ("2012-05", (), "has no day"),
        ("Date of Notification", ("MDY",), "is no date"),
        ("١٢/٠٤/٢٠٢١", ("DMY",), "is no date"),
        ("05/05/1969", ("MDY",), "outside the years"),
        ("05/05/2021 25:10", ("MDY",), "a time that does not exist"),
        ("05/05/2021 13:10 PM", ("MDY",), "a time that does not exist"),
        ("x" * 10_000, (), "is no date"),
        ("", (), "is no date"),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused_with_the_reason(cell, orders, why):
    assert why in reason(cell, *orders)


@pytest.mark.parametrize(
    ("cell", "time", "offset"),
    [
        ("2021-04-02T16:20:00Z", "16:20:00", "Z"),
        ("2021-04-02 16:20+02:00", "16:20:00", "+02:00"),
        ("2021-04-02T00:00:00+02:00", "00:00:00", "+02:00"),
        ("2021-04-02 04:20 pm", "16:20:00", None),
        ("2021-04-02, 12:20 AM", "00:20:00", None),
        ("2021-04-02 16:20:05.123", "16:20:05.123", None),
    ],
)
def test_a_time_is_kept_with_its_offset(cell, time, offset):
    found = days.read(cell)

    assert (str(found.day), found.time, found.offset) == ("2021-04-02", time, offset)


HEADER = ("Who", "Known", "From", "Until", "Sent", "Residents", "Kind", "Data")
MAPPED = (
    "organisation.name=Who", "times.aware=Known", "times.occurred_from=From", "times.occurred_until=Until",
    "events.filed:us-wa/authority=Sent", "people.by_place.US-WA=Residents", "breach.cause=Kind", "data.elements=Data",
)  # fmt: skip
ORDERS = ("Known=MDY", "From=MDY", "Until=MDY,text", "Sent=MDY")
GOOD = {
    "Who": "Example Ltd", "Known": "02/04/2021", "From": "02/01/2021", "Until": "February 3 2021", "Sent": "03/17/2021",
    "Residents": "1,695", "Kind": "Attack", "Data": "Names; Email addresses; Passwords",
}  # fmt: skip


def a_table(mapped=MAPPED, dates=ORDERS, header=HEADER):
    return mapping.match(header, mapped=mapped, dates=dates, source="t.csv")


def a_row(zone="America/Los_Angeles", table=None, **cells):
    row = [{**GOOD, **cells}[heading] for heading in HEADER]
    return records.read(row, number=7, table=table or a_table(), source="t.csv", zone=zone)


def test_a_row_becomes_a_facts_document():
    made = a_row()

    assert made.facts.document() == {
        "title": "Record 7 of t.csv",
        "organisation": {"name": "Example Ltd"},
        "times": {
            "aware": "2021-02-04T00:00:00-08:00",
            "occurred_from": "2021-02-01T00:00:00-08:00",
            "occurred_until": "2021-02-03T23:59:59-08:00",
        },
        "breach": {"cause": "attack"},
        "data": {"elements": ["name", "email"], "other": ["Passwords"]},
        "people": {"by_place": {"US-WA": 1695}},
        "events": [{"event": "filed", "at": "2021-03-17T23:59:59-07:00", "duty": "us-wa/authority"}],
    }
    assert made.questions == ()
    assert made.assumed[0] == "`times.aware` is the start of 2021-02-04 in America/Los_Angeles: no time is given"


def test_without_a_zone_every_day_is_a_question():
    made = a_row(zone=None, From="02/01/2021 16:20")

    assert "times" not in made.facts.document()
    assert made.facts.events == ()
    assert list(map(str, made.questions)) == [
        "`times.aware`: it was on 2021-02-04: at what time, in which zone?",
        "`times.occurred_from`: it was on 2021-02-01 at 16:20:00: in which zone?",
        "`times.occurred_until`: it was on 2021-02-03: at what time, in which zone?",
        "`events.filed`: it was on 2021-03-17: at what time, in which zone?",
    ]


def test_an_instant_needs_no_zone():
    table = a_table(dates=("Known=ISO", *ORDERS[1:]))
    made = a_row(zone=None, table=table, Known="2021-02-04T09:30:00+01:00")

    assert made.facts.times.aware == moments.parse("2021-02-04T09:30:00+01:00")


def test_what_is_empty_or_unknown_is_unknown_and_a_missing_date_is_asked_for():
    made = a_row(Known="", Residents="Unknown", Kind="n/a", Data=" ", Who="")

    assert set(made.facts.document()) == {"title", "times", "events"}
    assert list(map(str, made.questions)) == ["`times.aware`: `Known` does not say: when was it?"]


def test_dates_in_an_odd_order_are_asked_about():
    late = a_row(From="02/05/2021", Until="02/06/2021")
    told = a_row(Until="03/18/2021")

    words = "`From` says 2021-02-05, after the 2021-02-04 of `Known`: is that right?"
    assert [one.words for one in late.questions] == [words]
    assert [one.path for one in told.questions] == ["times.occurred_until"]


def test_an_end_before_its_beginning_refuses_the_row_even_without_a_zone():
    for zone in (None, "UTC"):
        assert str(a_row(zone=zone, Until="01/31/2021")) == (
            "row 7: `Until` says 2021-01-31, before the 2021-02-01 of `From`: one of them is wrong"
        )


def test_a_refused_row_names_every_column_and_quotes_no_cell():
    refused = a_row(Known="Anna Becker", Residents="Becker", Kind="Becker", From="02/13/21")

    assert not isinstance(refused, Imported)
    assert refused.row == 7
    assert {one.column for one in refused.troubles} == {"Known", "From", "Residents", "Kind"}
    assert "Becker" not in str(refused)


def test_a_local_time_that_the_clocks_skipped_refuses_the_row():
    assert "`Known` does not exist in that zone" in str(a_row(Known="03/14/2021 02:30"))


def test_a_row_of_another_width_is_refused():
    refused = records.read(["a"], number=3, table=a_table(), source="t.csv")

    assert str(refused) == "row 3: it has 1 cells where the heading row has 8"


def test_what_does_not_fit_together_is_refused_without_its_values():
    table = a_table(mapped=("people.total=Residents", "people.children=Sent", "organisation.name=Who"), dates=())

    assert str(a_row(table=table, Residents="5", Sent="60")) == (
        "row 7: it does not fit the facts at `people` (`Residents`, `Sent`): see docs/facts.md"
    )


@pytest.mark.parametrize(
    ("path", "part", "cell", "value"),
    [
        ("people.total", None, "12,500", 12500),
        ("breach.encrypted", None, "Yes", True),
        ("breach.exfiltrated", None, "false", False),
        ("organisation.role", None, "Controller", "controller"),
        ("organisation.seat", None, "Deutschland", "DE"),
        ("organisation.seat", None, "CA", "CA"),
        ("organisation.seat", "US", "CA", "US-CA"),
        ("organisation.seat", "US", "Missouri", "US-MO"),
        ("organisation.attributes.hipaa", None, "covered entity", "covered-entity"),
        ("organisation.attributes.hipaa", None, "no", False),
        ("significance.service_interruption", None, "PT3H", "PT3H"),
        ("significance.economic_loss", None, "250000 USD", {"amount": "250000", "currency": "USD"}),
        ("risk.basis", None, "  two   words ", "two words"),
    ],
)
def test_a_cell_is_read_as_its_fact_needs_it(path, part, cell, value):
    assert cells.value(cell, kind(path), part=part) == value


@pytest.mark.parametrize(
    ("path", "part", "cell"),
    [
        ("people.total", None, "about 500"),
        ("people.total", None, "1.695"),
        ("people.total", None, "12,50"),
        ("people.total", None, "-5"),
        ("people.total", None, "٥٠٠"),
        ("breach.encrypted", None, "1"),
        ("organisation.role", None, "boss"),
        ("organisation.seat", None, "Atlantis"),
        ("organisation.seat", "US", "Bavaria"),
        ("significance.service_interruption", None, "3 hours"),
        ("significance.economic_loss", None, "250000"),
        ("significance.economic_loss", None, "$250,000"),
    ],
)
def test_a_cell_that_is_no_such_fact_is_refused_without_its_words(path, part, cell):
    with pytest.raises(ValueError, match=r"\w") as refused:
        cells.value(cell, kind(path), part=part)

    assert cell not in str(refused.value).replace(", such as 250000 USD", "")


def test_na_is_namibia_in_a_column_of_countries_only():
    assert not cells.says_nothing("NA", kind("organisation.seat"))
    assert cells.says_nothing("NA", kind("people.total"))


@pytest.mark.parametrize(
    ("mapped", "dates", "said"),
    [
        ("times.awre=Known", "", "`times.awre` is no fact: perhaps `times.aware`"),
        ("times.aware", "", "write PATH=HEADING"),
        ("times.aware=Nowhere", "", "no column has that heading in t.csv"),
        ("events.filed=Sent", "", "say what was filed"),
        ("events.fled=Sent", "", "`fled` is no event"),
        ("events.filed:wa=Sent", "", "the id of a duty"),
        ("events=Sent", "", "events.individuals-notified"),
        ("people.by_place=Residents", "", "people.by_place.US-WA"),
        ("people.by_place.WA=Residents", "", "`WA` is no place"),
        ("people.total:US=Residents", "", "has no meaning there"),
        ("organisation.seat:XX=Who", "", "no place"),
        ("organisation.attributes.processor_of=Who", "", "does not fit in a column"),
        ("times.aware=Known", "Known=MYD", "with an order of DMY, MDY"),
        ("times.aware=Known", "Known", "with an order of DMY, MDY"),
        ("times.aware=Known", "Known=MDY,DMY", "exclude each other"),
        ("times.aware=Known", "Sent=MDY", "column 5 of t.csv is mapped to no time"),
        ("times.aware=Known", "Nowhere=MDY", "no column has that heading"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused_in_one_sentence(mapped, dates, said):
    with pytest.raises(Invalid, match=r"^--(column|dates).*\.$") as refused:
        a_table(mapped=(mapped,), dates=(dates,) if dates else ())

    assert said in str(refused.value)


def test_two_columns_for_one_fact_or_two_of_one_heading_are_refused():
    with pytest.raises(Invalid, match="it stands there twice"):
        a_table(mapped=("times.aware=Known", "times.aware=Sent"), dates=())
    with pytest.raises(Invalid, match="2 columns have that heading"):
        a_table(mapped=("times.aware=Known",), dates=(), header=("Known", "known"))

    two = ("events.filed:us-wa/authority=Known", "events.filed:us-ca/authority=Sent")
    assert len(a_table(mapped=two, dates=()).columns) == 2


def test_classes_of_data_are_elements_where_they_surely_are():
    known, other = classes.elements(
        ["Names", " email  addresses", "Driver’s licenses", "Passwords", "ssn", "Passwords"]
    )

    assert known == ("name", "email", "driver-licence", "ssn")
    assert other == ("Passwords",)
    assert classes.elements([]) == ((), ())


def test_no_class_of_data_is_an_element_that_does_not_exist():
    from tocsin import vocabulary

    assert set(classes.ELEMENTS_OF.values()) == vocabulary.ELEMENTS
