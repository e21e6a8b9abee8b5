"""Which warning is due now, to whom, and when to look again: pure, on a clock given as an argument."""

from dataclasses import replace

import pendulum
import pytest

from tocsin.alarms import Alarms, Standing
from tocsin.errors import Invalid
from tocsin.watchtext import WatchText

START = pendulum.datetime(2026, 11, 20, 12)
TARGET = START.add(hours=72)
FULL = {"warn_at": [50, 75, 90], "before": ["PT24H", "PT2H"], "after": {"every": "PT30M"}}


def alarms(**changes):
    return Alarms(WatchText.model_validate({**FULL, **changes}))


def a_duty(**changes):
    return Standing(**{"starts": START, "target": TARGET, "freezes": TARGET, **changes})


def said_from(watch, duty, now, until):
    """What a watch that looks exactly when it is told to says up to a time: (hours since the start, step)."""
    found = []
    while now is not None and now <= until:
        frozen = None if duty.freezes is None or duty.freezes < now else duty.freezes
        decision = watch.decide(replace(duty, freezes=frozen), now)
        if decision.say:
            found.append(((now - START).total_seconds() / 3600, decision.say.name))
        duty = replace(duty, step=decision.step, about=duty.target)
        assert decision.look_at is None or decision.look_at > now
        now = decision.look_at
    return found


def test_every_step_comes_at_its_time_and_the_due_time_is_repeated():
    found = said_from(alarms(), a_duty(), START, TARGET.add(hours=1))

    assert found == [
        (36, "50%"),
        (48, "before-PT24H"),
        (54, "75%"),
        (pytest.approx(64.8), "90%"),
        (70, "before-PT2H"),
        (72, "due"),
        (72.5, "after-1"),
        (73, "after-2"),
    ]


def test_of_steps_that_passed_unseen_the_last_is_said_and_the_others_are_named():
    decision = alarms().decide(a_duty(), TARGET.subtract(hours=1))

    assert (decision.say.name, decision.say.said) == ("before-PT2H", "due in PT2H")
    assert decision.missed == ("50%", "before-PT24H", "75%", "90%")
    assert decision.look_at == TARGET


def test_a_term_without_length_is_due_and_nothing_before():
    duty = a_duty(starts=TARGET)

    assert said_from(alarms(after=None), duty, START, TARGET.add(days=1)) == [(72, "due")]


def test_after_the_due_time_it_looks_once_more_to_freeze_what_is_late():
    decision = alarms(after=None).decide(a_duty(step="due", about=TARGET), TARGET)

    assert (decision.say, decision.look_at) == (None, TARGET.add(microseconds=1))
    assert alarms(after=None).decide(a_duty(step="due", about=TARGET, freezes=None), TARGET).look_at is None


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        ({"days": 30}, [(396, "50%"), (594, "75%")]),  # what was put off comes again
        ({"hours": 1}, [(66, "90%"), (71, "before-PT2H"), (73, "due")]),  # what is still past is not repeated
        ({"hours": -3}, [(66, "90%"), (67, "before-PT2H"), (69, "due")]),
    ],
)
def test_a_deadline_that_moves_repeats_only_what_it_put_off(moved, expected):
    duty = a_duty(target=TARGET.add(**moved), freezes=None, step="75%" if "days" not in moved else "90%", about=TARGET)
    now = START.add(hours=66)

    found = said_from(alarms(before=["PT2H"], after=None), duty, now, now.add(days=25))

    assert found[: len(expected)] == expected


def test_an_acknowledged_lateness_is_not_repeated_but_one_before_the_due_time_does_not_silence_it():
    early = a_duty(step="90%", about=TARGET, acked_step="90%", acked_about=TARGET)
    late = a_duty(step="due", about=TARGET, acked_step="due", acked_about=TARGET, freezes=None)

    assert (72, "due") in said_from(alarms(), early, START.add(hours=65), TARGET.add(hours=1))
    assert said_from(alarms(), late, TARGET.add(minutes=1), TARGET.add(days=1)) == []
    moved = replace(late, target=TARGET.add(days=1), freezes=None)
    assert said_from(alarms(), moved, TARGET.add(minutes=1), TARGET.add(days=1)) != []


def test_a_snooze_puts_off_everything_but_the_due_time():
    duty = a_duty(step="50%", about=TARGET, snoozed_until=START.add(hours=56))

    assert said_from(alarms(), duty, START.add(hours=40), START.add(hours=60)) == [(56, "75%")]
    long = replace(duty, snoozed_until=TARGET.add(hours=2))
    assert said_from(alarms(), long, START.add(hours=40), TARGET.add(hours=2)) == [(72, "due"), (74, "after-4")]


def test_a_clock_that_goes_back_says_nothing_and_what_lies_ahead_again_may_come_again():
    decision = alarms().decide(a_duty(step="75%", about=TARGET), START.add(hours=40))

    assert (decision.say, decision.step, decision.look_at) == (None, "50%", START.add(hours=48))


def test_the_owner_comes_first_and_nobody_twice():
    owners = [
        {"duty": "eu-*/authority-*", "people": ["privacy officer", "legal"]},
        {"audience": "individuals", "people": ["press"]},
    ]
    watch = alarms(people=["security", "legal"], owners=owners)

    assert watch.chain(key="eu-gdpr/authority-DE", audience="authority") == ("privacy officer", "legal", "security")
    assert watch.chain(key="us-ca/individuals", audience="individuals") == ("press", "security", "legal")
    assert watch.chain(key="us-ca/ag", audience="authority") == ("security", "legal")


def test_quiet_hours_hold_a_warning_until_morning_unless_the_due_time_comes_before():
    watch = alarms(quiet={"begins": "22:00", "ends": "07:00"})
    night = pendulum.datetime(2026, 11, 22, 23, tz="Asia/Shanghai")
    half, due = watch.decide(a_duty(), START.add(hours=36)).say, watch.decide(a_duty(), TARGET).say

    def not_before(step, target):
        return watch.not_before(step, zone="Asia/Shanghai", target=target, now=night.in_timezone("UTC"))

    assert not_before(half, night.add(days=2)) == pendulum.datetime(2026, 11, 23, 7, tz="Asia/Shanghai")
    assert not_before(half, night.add(hours=3)) == night
    assert not_before(due, night) == night
    assert alarms().not_before(half, zone="Asia/Shanghai", target=night.add(days=2), now=night) == night


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"warn_at": [0]}, "warn_at"),
        ({"before": ["PT30S"]}, "a minute at least"),
        ({"before": ["2 hours"]}, "ISO 8601"),
        ({"after": {"every": "PT1S"}}, "a minute at least"),
        ({"people": []}, "people"),
        ({"owners": [{"people": ["legal"]}]}, "audience"),
        ({"quiet": {"begins": "22:00", "ends": "22:00"}}, "two different times"),
        ({"digest": {"at": "08:30", "zone": "Shenzhen"}}, "no time zone"),
        ({"digest": {"at": "08:30", "zone": "Asia/Shanghai", "gathers": [60]}}, "warn_at"),
    ],
)
def test_a_watch_that_does_not_hold_together_is_refused(text, said):
    with pytest.raises((Invalid, ValueError), match=said):
        WatchText.model_validate(text)
