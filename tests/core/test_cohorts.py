from datetime import timedelta

import pendulum
import pytest

from tocsin import cohorts
from tocsin.delivery import Channel, Outcome
from tocsin.ladder import Attempt, Rung, Rungs
from tocsin.quiet import Hours, Night

NOW = pendulum.datetime(2026, 11, 22, 2, 0)
PUSH, SMS, PHONE = Channel.PUSH, Channel.SMS, Channel.PHONE
LADDER = tuple(Rung(channel=channel, wait=timedelta(hours=1)) for channel in (PUSH, SMS, PHONE))


def stand(*attempts, channels=(PUSH, SMS, PHONE), **more):
    person = Rungs(channels=frozenset(channels), **more)
    found = cohorts.of_person(person, attempts, LADDER, now=NOW, deadline=None)
    return [rung.channel for rung in found.rungs], found


def tried(channel, outcome, *, minutes_ago=10, **more):
    return Attempt(channel=channel, outcome=outcome, since=NOW.subtract(minutes=minutes_ago), **more)


def test_nobody_asked_yet_has_the_whole_ladder():
    channels, found = stand()
    assert (channels, found.ready, found.pending, found.taken) == ([PUSH, SMS, PHONE], NOW, None, False)
    assert stand(channels=[PHONE])[0] == [PHONE]


def test_whoever_waits_for_a_receipt_has_the_rungs_above_it():
    channels, found = stand(tried(PUSH, Outcome.ACCEPTED))
    assert channels == [SMS, PHONE]
    assert (found.pending.channel, found.taken, found.ready) == (PUSH, True, NOW.add(minutes=50))
    assert found.pending_since == NOW.subtract(minutes=10)


def test_a_message_in_somebody_s_hands_counts_as_sent():
    channels, found = stand(tried(PUSH, Outcome.CLAIMED, claim_until=NOW.add(minutes=3)))
    assert (channels, found.pending.channel) == ([SMS, PHONE], PUSH)


def test_whoever_was_refused_or_waited_long_enough_is_due_on_the_next_rung():
    channels, found = stand(tried(PUSH, Outcome.REFUSED))
    assert (channels, found.taken, found.ready) == ([SMS, PHONE], False, NOW)
    channels, found = stand(tried(PUSH, Outcome.UNKNOWN, minutes_ago=90))
    assert (channels, found.taken) == ([SMS, PHONE], True)


def test_a_message_that_was_put_off_is_still_to_be_sent():
    channels, found = stand(tried(PUSH, Outcome.CLAIMED, not_before=NOW.add(minutes=5)))
    assert (channels, found.ready, found.pending) == ([PUSH, SMS, PHONE], NOW.add(minutes=5), None)


def test_whoever_sleeps_is_due_in_the_morning():
    night = Night(Hours(begins="21:00", ends="08:00"), "Europe/Berlin")
    channels, found = stand(night=night)
    assert (channels, found.ready) == ([PUSH, SMS, PHONE], NOW.add(hours=5))


@pytest.mark.parametrize(("outcome", "taken"), [(Outcome.DELIVERED, True), (Outcome.BOUNCED, False)])
def test_whoever_is_at_the_end_needs_nothing_more(outcome, taken):
    channels, found = stand(tried(PUSH, outcome), channels=[PUSH])
    assert (channels, found.taken) == ([], taken)


def test_people_alike_to_the_minute_are_one_group():
    some = [stand()[1], stand()[1], stand(tried(PUSH, Outcome.ACCEPTED))[1]]
    groups = cohorts.merged(some, weight=10)
    assert sorted(group.people for group in groups) == [10, 20]
