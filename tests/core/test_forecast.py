from datetime import timedelta
from types import SimpleNamespace

import pendulum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.delivery import Channel
from tocsin.forecast import Help, foresee
from tocsin.ladder import Rung, SettlesOn
from tocsin.outflow import Cohort, simulate
from tocsin.pace import Basis, Batch, Pace, measure
from tocsin.quiet import Hours, Night

NOW = pendulum.datetime(2026, 11, 22, 2, 0)
PUSH, EMAIL, SMS, PHONE = Channel.PUSH, Channel.EMAIL, Channel.SMS, Channel.PHONE
RUNG = {
    PUSH: Rung(channel=PUSH, wait=timedelta(minutes=30)),
    EMAIL: Rung(channel=EMAIL, wait=timedelta(hours=2), settles_on=SettlesOn.ACCEPTED),
    SMS: Rung(channel=SMS, wait=timedelta(hours=1)),
    PHONE: Rung(channel=PHONE, wait=timedelta(hours=4)),
}


def a_pace(channel, per_second, *, delivered=0.0, failed=0.0, limit=None):
    return Pace(
        channel=channel,
        per_second=per_second,
        basis=Basis.MEASURED,
        limit=limit,
        delivered=delivered,
        failed=failed,
        lags=(10.0,),
    )


def paces(**speeds):
    return {Channel(name): a_pace(Channel(name), speed) for name, speed in speeds.items()}


def people(number, *channels, ready=NOW, **more):
    return Cohort(people=number, rungs=tuple(RUNG[channel] for channel in channels), ready=ready, **more)


def seconds(at):
    return (at - NOW).total_seconds()


def test_one_channel_takes_people_over_speed():
    flow = simulate([people(10_000, EMAIL)], paces(email=10), now=NOW, deadline=None)
    assert seconds(flow.last_message) == pytest.approx(1000, rel=0.01)
    assert seconds(flow.done) == pytest.approx(1000 + 7200, rel=0.01)
    assert flow.messages == pytest.approx({EMAIL: 10_000})
    assert (flow.late, flow.unreached) == (0, 0)


def test_whoever_gets_no_receipt_climbs_after_the_wait_and_channels_work_side_by_side():
    speeds = {PUSH: a_pace(PUSH, 100, delivered=0.6, failed=0.1), EMAIL: a_pace(EMAIL, 1, failed=0.5)}
    flow = simulate([people(1000, PUSH, EMAIL)], speeds, now=NOW, deadline=None)
    # 100 refused go on at once and take 100 s of the e-mail; 300 more come after half an hour.
    assert flow.messages == pytest.approx({PUSH: 1000, EMAIL: 400})
    assert seconds(flow.last_message) == pytest.approx(1800 + 300, abs=30)
    assert flow.unreached == pytest.approx(50)  # refused on both; the others' push was taken


def test_those_past_the_deadline_are_counted_once():
    cohort = people(1000, EMAIL)
    flow = simulate([cohort], paces(email=1), now=NOW, deadline=NOW.add(seconds=400))
    assert flow.late == pytest.approx(600, abs=1)
    speeds = {PUSH: a_pace(PUSH, 1), EMAIL: a_pace(EMAIL, 1)}
    both = simulate([people(1000, PUSH, EMAIL)], speeds, now=NOW, deadline=NOW.add(seconds=400))
    # The first e-mail leaves after 80 s, a fifth of the time, as waits shrink: 320 until the deadline, and no more.
    assert both.late == pytest.approx(680, abs=10)


def test_quiet_hours_put_everything_off_to_the_morning_unless_that_is_too_late():
    night = Night(Hours(begins="21:00", ends="08:00"), "Europe/Berlin")
    asleep = people(100, SMS, night=night)
    assert simulate([asleep], paces(sms=1), now=NOW, deadline=None).last_message >= NOW.add(hours=5)
    assert seconds(simulate([asleep], paces(sms=1), now=NOW, deadline=NOW.add(hours=4)).last_message) == 100


def test_who_waits_for_a_receipt_climbs_only_as_far_as_none_is_to_be_expected():
    waiting = people(1000, SMS, ready=NOW.add(minutes=20), pending=RUNG[PUSH], pending_since=NOW)
    speeds = {PUSH: a_pace(PUSH, 1, delivered=0.75), SMS: a_pace(SMS, 100)}
    assert simulate([waiting], speeds, now=NOW, deadline=None).messages[SMS] == pytest.approx(250)
    later = NOW.add(seconds=60)  # all receipts that come have come
    assert simulate([waiting], speeds, now=later, deadline=None).messages[SMS] == pytest.approx(1000)


def test_a_channel_that_nobody_may_use_is_passed_over():
    flow = simulate([people(10, PUSH, EMAIL)], paces(email=1), now=NOW, deadline=None)
    assert flow.messages == pytest.approx({EMAIL: 10})
    assert simulate([people(10, PUSH)], {}, now=NOW, deadline=None).unreached == 10


@settings(max_examples=60, deadline=None)
@given(
    crowd=st.lists(
        st.tuples(st.integers(1, 10**6), st.lists(st.sampled_from(Channel), min_size=1, unique=True)), max_size=5
    ),
    speed=st.floats(0.1, 5000),
    failed=st.floats(0, 1),
    delivered=st.floats(0, 1),
    hours=st.none() | st.integers(-10, 300),
)
def test_nobody_is_lost_and_faster_is_never_later(crowd, speed, failed, delivered, hours):
    cohorts = [people(number, *channels) for number, channels in crowd]
    deadline = None if hours is None else NOW.add(hours=hours)

    def flow(factor):
        speeds = {
            channel: a_pace(channel, speed * factor, delivered=delivered * (1 - failed), failed=failed)
            for channel in Channel
        }
        return simulate(cohorts, speeds, now=NOW, deadline=deadline)

    slow, fast = flow(1), flow(50)
    total = sum(number for number, _ in crowd)
    assert slow.late <= total * 1.0001
    assert slow.unreached <= total * 1.0001
    assert fast.late <= slow.late * 1.05 + total * 0.02
    assert sum(slow.messages.values()) >= total * 0.999


def test_a_forecast_that_holds_says_when_and_with_how_much_to_spare():
    told = foresee([people(3600, EMAIL)], paces(email=1), now=NOW, deadline=NOW.add(hours=10))
    assert told.holds is True
    assert told.sentence == (
        "The last message to 3,600 people leaves about 2026-11-22 03:00 UTC; "
        "the deadline 2026-11-22 12:00 UTC holds, 9 h to spare."
    )
    assert told.advice == ()
    assert told.reasons[0].startswith("email: 3,600 messages at 1 a second (as measured lately) until 2026-11-22 03:00")


def test_a_forecast_that_does_not_hold_says_how_many_and_what_would_help_most():
    speeds = {PUSH: a_pace(PUSH, 1000), SMS: a_pace(SMS, 1.0, limit=1.0)}
    told = foresee([people(36_000, PUSH, SMS)], speeds, now=NOW, deadline=NOW.add(hours=5))
    assert told.holds is False
    assert 19_000 < told.late < 21_000  # the sms may begin after half an hour: 16,200 in four and a half hours
    first = told.advice[0]
    assert (first.help, first.channel) == (Help.RAISE_LIMIT, SMS)
    assert 2.1 <= first.per_second <= 2.5
    assert first.sentence.startswith("Raise the limit of sms, 2.")
    hurry = next(one for one in told.advice if one.help is Help.CLIMB_NOW)
    assert hurry.people == pytest.approx(1800, abs=400)
    document = told.document()
    assert document["holds"] is False
    assert document["advice"][0]["per_second"] == first.per_second


def test_calls_are_named_where_calls_are_what_is_late():
    speeds = {SMS: a_pace(SMS, 1000, failed=0.1), PHONE: a_pace(PHONE, 0.5)}
    told = foresee([people(2000, SMS, PHONE)], speeds, now=NOW, deadline=NOW.add(hours=1))
    assert {one.help for one in told.advice} >= {Help.SEND_FASTER, Help.START_CALLS}


def test_whoever_nothing_would_reach_is_for_the_announcement():
    told = foresee([people(100, EMAIL)], {EMAIL: a_pace(EMAIL, 10, failed=0.2)}, now=NOW, deadline=NOW.add(hours=9))
    assert told.holds is True
    assert [(one.help, one.people) for one in told.advice] == [(Help.PUBLISH, 20)]
    late = foresee([people(100, EMAIL)], paces(email=1), now=NOW, deadline=NOW.subtract(hours=1))
    assert late.late == 100
    assert [one.help for one in late.advice] == [Help.PUBLISH]


def test_nobody_left_is_no_bad_news():
    told = foresee([], paces(email=1), now=NOW, deadline=NOW)
    assert (told.sentence, told.is_bad(was_bad=True)) == ("Nobody is left to tell.", False)


def test_bad_news_turns_good_only_with_time_to_spare():
    just = foresee([people(3600, EMAIL)], paces(email=1), now=NOW, deadline=NOW.add(seconds=3650))
    assert (just.is_bad(was_bad=False), just.is_bad(was_bad=True)) == (False, True)
    ample = foresee([people(3000, EMAIL)], paces(email=1), now=NOW, deadline=NOW.add(seconds=3650))
    assert (ample.is_bad(was_bad=False), ample.is_bad(was_bad=True)) == (False, False)
    assert foresee([people(9, EMAIL)], paces(email=1), now=NOW, deadline=None).is_bad(was_bad=True) is False


def a_batch(minutes_ago, **counts):
    entry = {"attempts": 1000, "deferred": 3, **{name.replace("_", ":"): count for name, count in counts.items()}}
    return Batch.of(NOW.subtract(minutes=minutes_ago), entry)


def an_attempt(outcome, *, channel="sms", age=3600, lag=None):
    at = NOW.subtract(seconds=age)
    return SimpleNamespace(
        channel=channel,
        outcome=outcome,
        tries=1,
        claimed_at=at,
        claim_until=None,
        not_before=None,
        settled_at=at.add(seconds=lag) if lag is not None else at,
    )


def test_a_speed_is_that_of_full_batches_that_followed_one_another():
    batches = [
        a_batch(60, sms_accepted=1000),
        a_batch(10, sms_accepted=1000),
        a_batch(8, sms_accepted=500, sms_refused=100, push_accepted=400),
        a_batch(7, sms_accepted=3),  # only three were due: no measure
        a_batch(6, sms_accepted=600),
    ]
    sms = measure(SMS, batches=batches, attempts=[], limit=20.0, now=NOW)
    assert (sms.basis, sms.per_second) == (Basis.MEASURED, pytest.approx(1200 / 180))
    assert measure(EMAIL, batches=batches, attempts=[], limit=20.0, now=NOW).basis is Basis.LIMIT
    assert measure(EMAIL, batches=batches, attempts=[], limit=None, now=NOW).basis is Basis.ASSUMED


def test_what_becomes_of_messages_is_counted_of_those_old_enough_to_tell():
    attempts = [
        *(an_attempt("delivered", lag=lag) for lag in range(1, 81)),
        *(an_attempt("bounced") for _ in range(20)),
        *(an_attempt("accepted", age=5) for _ in range(500)),  # too young
        *(an_attempt("claimed") for _ in range(500)),
        *(an_attempt("delivered", channel="push") for _ in range(500)),
    ]
    pace = measure(SMS, batches=[], attempts=attempts, limit=None, now=NOW)
    assert pace.delivered == pytest.approx((80 + 16) / 120)
    assert pace.failed == pytest.approx((20 + 1) / 120)
    assert (pace.lag(0.5), pace.lag(0.9), pace.lag(1.0)) == (41, 73, 80)
    assert pace.still_delivered(timedelta(seconds=0)) == pytest.approx(0.8)
    assert pace.still_delivered(timedelta(seconds=40)) == pytest.approx(0.4 / 0.6)
    assert pace.still_delivered(timedelta(seconds=90)) == 0
