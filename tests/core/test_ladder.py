from datetime import timedelta
from types import SimpleNamespace

import pendulum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.delivery import Channel, Outcome, Verdict
from tocsin.ladder import (
    LATE_WAIT,
    LONGEST_BACKOFF,
    RECHECK,
    TRIES_IN_ALL,
    Attempt,
    Rung,
    Rungs,
    Send,
    Settle,
    SettlesOn,
    Wait,
    backoff,
    decide,
    standing,
    usable,
)
from tocsin.quiet import Hours, Night

NOW = pendulum.datetime(2026, 11, 22, 2, 0)
PUSH, EMAIL, SMS, PHONE = Channel.PUSH, Channel.EMAIL, Channel.SMS, Channel.PHONE
LADDER = (
    Rung(channel=PUSH, wait=timedelta(minutes=30), settles_on=SettlesOn.DELIVERED),
    Rung(channel=EMAIL, wait=timedelta(hours=2), settles_on=SettlesOn.ACCEPTED),
    Rung(channel=SMS, wait=timedelta(hours=1), settles_on=SettlesOn.DELIVERED),
)


def someone(*channels, allowed=None, excluded=()):
    return Rungs(
        channels=frozenset(channels),
        allowed=None if allowed is None else frozenset(allowed),
        excluded=frozenset(excluded),
    )


def tried(channel, outcome, *, ago=timedelta(0), **more):
    return Attempt(channel=channel, outcome=outcome, since=NOW - ago, **more)


def step(person, *attempts, deadline=None, now=NOW, ladder=LADDER):
    return decide(person, attempts, ladder, now=now, deadline=deadline)


def test_the_first_rung_with_an_address_is_sent():
    assert step(someone(PUSH, EMAIL)) == Send(PUSH)
    assert step(someone(EMAIL, SMS)) == Send(EMAIL)


def test_nothing_to_try_is_no_address_even_if_the_plan_does_not_use_the_channel_there_is():
    assert step(someone()) == Settle(Verdict.NO_ADDRESS)
    assert step(someone(PHONE)) == Settle(Verdict.NO_ADDRESS)


def test_an_excluded_channel_is_not_used():
    assert step(someone(PUSH, EMAIL, excluded=[PUSH])) == Send(EMAIL)
    assert step(someone(PUSH, excluded=[PUSH])) == Settle(Verdict.NO_ADDRESS)


def test_without_an_allowed_provider_the_person_is_held_and_not_unreachable():
    assert step(someone(PUSH, EMAIL, allowed=[])) == Settle(Verdict.HELD)


def test_a_channel_without_an_allowed_provider_is_passed_over():
    assert step(someone(PUSH, EMAIL, allowed=[EMAIL])) == Send(EMAIL)


def test_whoever_has_an_untried_address_for_want_of_a_provider_is_held_after_the_others_failed():
    assert step(someone(PUSH, EMAIL, allowed=[EMAIL]), tried(EMAIL, Outcome.BOUNCED)) == Settle(Verdict.HELD)


def test_a_receipt_ends_the_climb_on_the_channel_that_brought_it():
    attempts = (tried(PUSH, Outcome.DELIVERED), tried(EMAIL, Outcome.ACCEPTED))
    assert step(someone(PUSH, EMAIL, SMS), *attempts) == Settle(Verdict.DELIVERED, PUSH)


@pytest.mark.parametrize("failure", [Outcome.REFUSED, Outcome.BOUNCED])
def test_a_permanent_failure_climbs_at_once(failure):
    assert step(someone(PUSH, EMAIL), tried(PUSH, failure)) == Send(EMAIL)


def test_an_accepted_push_waits_for_its_receipt_and_then_climbs():
    person = someone(PUSH, EMAIL)
    assert step(person, tried(PUSH, Outcome.ACCEPTED)) == Wait(NOW.add(minutes=30))
    assert step(person, tried(PUSH, Outcome.ACCEPTED, ago=timedelta(minutes=29, seconds=59))) == Wait(
        NOW.add(seconds=1)
    )
    assert step(person, tried(PUSH, Outcome.ACCEPTED, ago=timedelta(minutes=30))) == Send(EMAIL)


def test_an_accepted_mail_that_does_not_come_back_is_unconfirmed_and_never_delivered():
    person = someone(EMAIL, SMS)
    assert step(person, tried(EMAIL, Outcome.ACCEPTED)) == Wait(NOW.add(hours=2))
    assert step(person, tried(EMAIL, Outcome.ACCEPTED, ago=timedelta(hours=2))) == Settle(Verdict.UNCONFIRMED, EMAIL)


def test_a_doubt_moves_on_and_stays_a_doubt_when_all_else_fails():
    person = someone(PUSH, SMS)
    doubt = tried(PUSH, Outcome.UNKNOWN, ago=timedelta(hours=1))
    assert step(person, tried(PUSH, Outcome.UNKNOWN)) == Wait(NOW.add(minutes=30))
    assert step(person, doubt) == Send(SMS)
    assert step(person, doubt, tried(SMS, Outcome.REFUSED)) == Settle(Verdict.UNCERTAIN, PUSH)


def test_something_accepted_outweighs_a_doubt_at_the_end():
    attempts = (
        tried(PUSH, Outcome.ACCEPTED, ago=timedelta(hours=9)),
        tried(SMS, Outcome.UNKNOWN, ago=timedelta(hours=5)),
    )
    assert step(someone(PUSH, SMS), *attempts) == Settle(Verdict.UNCONFIRMED, PUSH)


def test_all_failed_is_unreachable():
    attempts = [tried(channel, Outcome.BOUNCED) for channel in (PUSH, EMAIL, SMS)]
    assert step(someone(PUSH, EMAIL, SMS), *attempts) == Settle(Verdict.UNREACHABLE)


def test_a_message_in_somebody_s_hands_is_waited_for_and_an_expired_claim_is_looked_at_soon():
    person = someone(PUSH, EMAIL)
    held = tried(PUSH, Outcome.CLAIMED, claim_until=NOW.add(minutes=4))
    expired = tried(PUSH, Outcome.CLAIMED, claim_until=NOW.subtract(minutes=4))
    assert step(person, held) == Wait(NOW.add(minutes=4))
    assert step(person, expired) == Wait(NOW + RECHECK)


def test_a_message_that_surely_did_not_leave_is_tried_again_after_the_backoff_and_the_provider_s_own_word():
    person = someone(PUSH, EMAIL)
    back = tried(PUSH, Outcome.CLAIMED, tries=1)
    assert step(person, back) == Wait(NOW.add(minutes=1))
    later = tried(PUSH, Outcome.CLAIMED, tries=1, not_before=NOW.add(minutes=7))
    assert step(person, later) == Wait(NOW.add(minutes=7))
    assert step(person, tried(PUSH, Outcome.CLAIMED, tries=1, ago=timedelta(minutes=1))) == Send(PUSH)


def test_a_provider_that_asks_for_more_patience_than_the_rung_s_share_of_the_time_is_passed_over():
    busy = tried(PUSH, Outcome.CLAIMED, tries=1, not_before=NOW.add(minutes=40))
    assert step(someone(PUSH, EMAIL), busy, deadline=NOW.add(hours=1)) == Send(EMAIL)
    assert step(someone(PUSH, EMAIL), busy, deadline=NOW.add(hours=2)) == Wait(NOW.add(minutes=40))
    assert step(someone(PUSH), busy, deadline=NOW.add(hours=1)) == Wait(NOW.add(minutes=40))


def test_after_its_tries_a_rung_gives_way_to_the_next():
    assert step(someone(PUSH, EMAIL), tried(PUSH, Outcome.CLAIMED, tries=3)) == Send(EMAIL)


def test_a_provider_that_is_down_is_no_word_about_the_person():
    person, down = someone(PUSH), tried(PUSH, Outcome.CLAIMED, tries=5, ago=timedelta(minutes=10))
    assert step(person, down, deadline=NOW.add(days=1)) == Wait(NOW.add(minutes=6))
    again = tried(PUSH, Outcome.CLAIMED, tries=5, ago=timedelta(minutes=16))
    assert step(person, again, deadline=NOW.add(days=1)) == Send(PUSH)
    for none_or_over in (None, NOW):  # a notice that is late, or has no date, is owed all the same: for some days
        assert step(person, down, deadline=none_or_over) == Wait(NOW.add(minutes=6))
        assert step(person, again, deadline=none_or_over) == Send(PUSH)
        at_last = tried(PUSH, Outcome.CLAIMED, tries=TRIES_IN_ALL, ago=timedelta(hours=2))
        assert step(person, at_last, deadline=none_or_over) == Settle(Verdict.UNREACHABLE)


def test_waits_shrink_alike_where_the_ladder_would_not_end_in_time_and_only_then():
    sent = tried(PUSH, Outcome.ACCEPTED)  # the waits are 30, 120 and 60 minutes
    assert step(someone(PUSH, EMAIL, SMS), sent, deadline=NOW.add(minutes=70)) == Wait(NOW.add(minutes=10))
    assert step(someone(PUSH, EMAIL, SMS), sent, deadline=NOW.add(minutes=209)).until < NOW.add(minutes=30)
    assert step(someone(PUSH, EMAIL, SMS), sent, deadline=NOW.add(minutes=210)) == Wait(NOW.add(minutes=30))
    assert step(someone(PUSH), sent, deadline=NOW.add(minutes=20)) == Wait(NOW.add(minutes=20))


def test_the_part_is_counted_from_the_attempt_so_that_asking_often_does_not_stretch_it():
    sent = tried(PUSH, Outcome.ACCEPTED, ago=timedelta(minutes=9))
    deadline = NOW.subtract(minutes=9).add(minutes=70)
    assert step(someone(PUSH, EMAIL, SMS), sent, deadline=deadline) == Wait(NOW.add(minutes=1))


def test_after_the_deadline_the_climb_goes_on_quickly_but_not_on_every_channel_at_once():
    late = NOW.subtract(hours=1)
    assert step(someone(PUSH, EMAIL), tried(PUSH, Outcome.ACCEPTED), deadline=late) == Wait(NOW + LATE_WAIT)
    waited = tried(PUSH, Outcome.ACCEPTED, ago=LATE_WAIT)
    assert step(someone(PUSH, EMAIL), waited, deadline=late) == Send(EMAIL)


def test_backoff_doubles_to_an_hour():
    assert [backoff(tries) // timedelta(minutes=1) for tries in (1, 2, 3, 6, 7, 500)] == [1, 2, 4, 32, 60, 60]


def test_a_rung_may_name_its_own_backoff():
    assert [backoff(tries, timedelta(seconds=10)).total_seconds() for tries in (1, 2, 3, 500)] == [10, 20, 40, 3600]
    ladder = (LADDER[0].model_copy(update={"retry_after": timedelta(seconds=10)}),)
    assert step(someone(PUSH), tried(PUSH, Outcome.CLAIMED, tries=2), ladder=ladder) == Wait(NOW.add(seconds=20))


def test_retries_of_a_thousand_people_are_spread_and_each_is_the_same_whenever_asked():
    down = tried(PUSH, Outcome.CLAIMED, tries=3)
    again = [down.again_at(seed=number) for number in range(1000)]
    seconds = [(at - NOW).total_seconds() for at in again]
    assert min(seconds) >= 240
    assert max(seconds) < 360
    assert len(set(again)) > 990
    assert 290 < sum(seconds) / 1000 < 310
    assert again == [down.again_at(seed=number) for number in range(1000)]


def test_nothing_is_begun_while_a_message_is_in_somebody_s_hands():
    held = tried(SMS, Outcome.CLAIMED, claim_until=NOW.add(minutes=4))
    back = tried(PUSH, Outcome.CLAIMED, tries=1, ago=timedelta(hours=1))
    assert step(someone(PUSH, SMS), back, held) == Wait(NOW.add(minutes=4))


def test_an_opt_out_of_a_channel_moves_the_person_on_at_once():
    sent = tried(PUSH, Outcome.ACCEPTED)
    assert step(someone(PUSH, EMAIL, excluded=[PUSH]), sent) == Send(EMAIL)
    assert step(someone(PUSH, excluded=[PUSH]), sent) == Settle(Verdict.UNCONFIRMED, PUSH)


NIGHT = Night(Hours(begins="21:00", ends="08:00"), "Europe/Berlin")  # NOW is 03:00 there
MORNING = pendulum.datetime(2026, 11, 22, 7)


def asleep(*channels, night=NIGHT):
    return Rungs(channels=frozenset(channels), night=night)


def test_in_quiet_hours_a_message_waits_for_the_morning_where_the_person_lives():
    assert step(asleep(PUSH, EMAIL)) == Wait(MORNING)
    assert step(asleep(PUSH, EMAIL), now=MORNING) == Send(PUSH)
    assert step(asleep(EMAIL, SMS)) == Send(EMAIL)  # a mailbox wakes nobody
    assert step(asleep(PUSH), deadline=NOW.add(days=1)) == Wait(MORNING)
    assert step(asleep(PUSH, night=Night(NIGHT.hours, "Asia/Shanghai"))) == Send(PUSH)


def test_where_the_morning_would_be_too_late_for_the_rungs_that_are_left_nobody_waits_for_it():
    late = MORNING.add(minutes=20)
    assert step(asleep(PUSH), deadline=late) == Wait(MORNING)
    assert step(asleep(PUSH, EMAIL, SMS), deadline=late) == Send(PUSH)
    assert step(asleep(PUSH), deadline=MORNING) == Send(PUSH)
    assert step(asleep(PUSH), deadline=NOW.subtract(days=1)) == Send(PUSH)


def test_a_retry_and_a_later_rung_wait_for_the_morning_too():
    back = tried(PUSH, Outcome.CLAIMED, tries=1, ago=timedelta(minutes=5))
    assert step(asleep(PUSH), back) == Wait(MORNING)
    assert step(asleep(EMAIL, SMS), tried(EMAIL, Outcome.REFUSED)) == Wait(MORNING)
    assert step(asleep(PUSH), tried(PUSH, Outcome.DELIVERED)) == Settle(Verdict.DELIVERED, PUSH)


def test_whoever_has_the_fewest_ways_to_be_told_comes_first():
    crowd = [
        Rungs(channels=frozenset(channels), seed=number)
        for number, channels in enumerate([(PUSH, EMAIL, SMS), (SMS,), (PUSH, EMAIL), (EMAIL,), (PHONE, SMS)])
    ]
    order = [person.seed for person in sorted(crowd, key=lambda person: standing(person, LADDER))]
    assert order == [1, 3, 4, 2, 0]


def test_the_ladder_reads_a_stored_attempt():
    row = SimpleNamespace(
        channel="email",
        outcome="claimed",
        tries=2,
        claimed_at=NOW.subtract(minutes=3),
        claim_until=None,
        not_before=NOW,
        settled_at=None,
        reason=None,
    )
    attempt = Attempt.of(row)
    assert (attempt.channel, attempt.since, attempt.given_back) == (EMAIL, NOW.subtract(minutes=3), True)
    settled = Attempt.of(SimpleNamespace(**{**vars(row), "outcome": "accepted", "settled_at": NOW}))
    assert (settled.since, settled.given_back) == (NOW, False)


class World:
    """Plays providers against the ladder: every send gets the next of some outcomes, every wait passes.

    A message stays in its sender's hands for a minute, in which the ladder is asked too.
    """

    def __init__(self, person, ladder, answers, deadline):
        self.person, self.ladder, self.deadline = person, ladder, deadline
        self.answers = iter(answers)
        self.now, self.attempts = NOW, {}
        self.sent, self.left_the_house = [], set()

    def play(self, most=900):
        for _ in range(most):
            step = self._ask()
            if isinstance(step, Settle):
                return step
            if isinstance(step, Wait):
                self._wait(step.until)
            else:
                self._send(step.channel)
        raise AssertionError("the climb does not end")

    def _ask(self):
        return decide(self.person, self.attempts.values(), self.ladder, now=self.now, deadline=self.deadline)

    def _wait(self, until):
        assert until > self.now
        untried = {rung.channel for rung in usable(self.person, self.ladder)} - self.attempts.keys()
        if self.deadline is not None and self.now < self.deadline and untried:
            assert until <= self.deadline
        if self.deadline is not None and self.now >= self.deadline and untried:
            assert until <= self.now + LATE_WAIT
        self.now = until

    def _send(self, channel):
        assert channel in self.person.channels & self.person.allowed - self.person.excluded
        assert channel not in self.left_the_house
        self._not_at_night(channel)
        before = self.attempts.get(channel)
        tries = before.tries + 1 if before else 1
        until = self.now.add(minutes=1)
        self.attempts[channel] = Attempt(
            channel=channel, outcome=Outcome.CLAIMED, since=self.now, tries=tries, claim_until=until
        )
        assert self._ask() == Wait(until)  # never two at once
        outcome = next(self.answers, Outcome.REFUSED)
        if before is None:
            self.sent.append(channel)
        if outcome is not Outcome.CLAIMED:
            self.left_the_house.add(channel)
        self.attempts[channel] = Attempt(channel=channel, outcome=outcome, since=self.now, tries=tries)

    def _not_at_night(self, channel):
        morning = self.person.night and self.person.night.until(channel, self.now)
        if morning is not None:
            assert self.deadline is not None
            assert morning + LONGEST_BACKOFF * len(self.ladder) > self.deadline


rungs = st.builds(
    Rung,
    channel=st.sampled_from(Channel),
    wait=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2)),
    settles_on=st.sampled_from(SettlesOn),
    tries=st.integers(1, 4),
    retry_after=st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(hours=1)),
)
channels = st.frozensets(st.sampled_from(Channel))
answers = st.lists(
    st.sampled_from([Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.REFUSED, Outcome.UNKNOWN, Outcome.CLAIMED]),
    max_size=60,
)
clock_times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
nights = st.builds(
    Night,
    st.tuples(clock_times, clock_times, st.lists(st.sampled_from(Channel), min_size=1, unique=True))
    .filter(lambda parts: parts[0] != parts[1])
    .map(lambda parts: Hours(begins=parts[0], ends=parts[1], channels=parts[2])),
    st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/Los_Angeles", "Pacific/Auckland"]),
)
people = st.builds(
    Rungs,
    channels=channels,
    allowed=channels,
    excluded=channels,
    night=st.none() | nights,
    seed=st.none() | st.integers(0, 10**6),
)


@settings(max_examples=250, deadline=None)
@given(
    ladder=st.lists(rungs, min_size=1, max_size=4, unique_by=lambda rung: rung.channel),
    person=people,
    said=answers,
    hours=st.one_of(st.none(), st.integers(-48, 240)),
)
def test_every_climb_ends_tells_nobody_twice_keeps_the_order_and_waits_past_no_deadline(ladder, person, said, hours):
    deadline = None if hours is None else NOW.add(hours=hours)
    world = World(person, ladder, said, deadline)

    verdict = world.play().verdict

    order = [rung.channel for rung in ladder]
    assert world.sent == sorted(world.sent, key=order.index)
    outcomes = {attempt.outcome for attempt in world.attempts.values()}
    assert (verdict is Verdict.DELIVERED) == (Outcome.DELIVERED in outcomes)
    if verdict is Verdict.UNREACHABLE:
        assert outcomes <= {Outcome.REFUSED, Outcome.CLAIMED}
    if verdict is Verdict.UNCERTAIN:
        assert Outcome.UNKNOWN in outcomes
        assert Outcome.ACCEPTED not in outcomes
    if verdict is Verdict.NO_ADDRESS:
        assert not outcomes


@settings(max_examples=50, deadline=None)
@given(
    ladder=st.lists(rungs, min_size=1, max_size=4, unique_by=lambda rung: rung.channel),
    crowd=st.lists(people, max_size=8, unique_by=lambda person: person.seed or 0),
)
def test_the_queue_is_in_one_order_whatever_order_people_come_in(ladder, crowd):
    def queue(some):
        return sorted(some, key=lambda person: standing(person, ladder))

    assert queue(crowd) == queue(reversed(crowd))
    lengths = [len(usable(person, ladder)) for person in queue(crowd)]
    assert lengths == sorted(lengths)
