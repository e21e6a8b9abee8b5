from datetime import timedelta

import pytest

from tocsin import durations


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT30M", timedelta(minutes=30)),
        ("P3D", timedelta(days=3)),
        ("P1W", timedelta(weeks=1)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_an_exact_duration_is_read_and_written_back(text, length):
    assert durations.parse(text) == length
    assert durations.parse(durations.text_of(length)) == length


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "30", "1h", "P1M", "P1Y", "-P1D", "P-1D", "PT1.5H", 30, None, "P9999999D"]
)
def test_what_has_no_exact_length_is_refused(text):
    with pytest.raises(ValueError, match="must be"):
        durations.parse(text)


def test_no_time_at_all_is_written_as_zero_seconds():
    assert durations.text_of(timedelta(0)) == "PT0S"


def test_twenty_four_hours_stay_hours_and_do_not_become_a_day():
    assert durations.checked_text("PT24H") == "PT24H"
