"""Why a climb ended as it did, and what an opt-out makes of it."""

from datetime import timedelta

import pendulum

from tocsin.delivery import Channel, Outcome, Verdict
from tocsin.ladder import Attempt, Rung, Rungs, Send, Settle, Wait, decide

NOW = pendulum.datetime(2026, 11, 22, 2, 0)
PUSH, EMAIL, SMS = Channel.PUSH, Channel.EMAIL, Channel.SMS
LADDER = tuple(Rung(channel=channel, wait=timedelta(minutes=30)) for channel in (PUSH, EMAIL, SMS))


def someone(*channels, excluded=()):
    return Rungs(channels=frozenset(channels), excluded=frozenset(excluded))


def tried(channel, outcome, *, reason=None):
    return Attempt(channel=channel, outcome=outcome, since=NOW, reason=reason)


def step(person, *attempts, now=NOW):
    return decide(person, attempts, LADDER, now=now, deadline=None)


def test_a_refusal_that_says_nothing_against_the_address_is_told_apart_from_dead_addresses():
    def settled(*reasons):
        channels = (PUSH, EMAIL, SMS)[: len(reasons)]
        made = [tried(one, outcome, reason=why) for one, (outcome, why) in zip(channels, reasons, strict=True)]
        found = step(someone(*channels), *made)
        return found.verdict, found.reason

    dead, refused = (Outcome.BOUNCED, "token-dead"), (Outcome.REFUSED, "policy")

    assert settled(dead, (Outcome.REFUSED, "mailbox-unknown")) == (Verdict.UNREACHABLE, "mailbox-unknown")
    assert settled(refused, dead) == (Verdict.REFUSED, "policy")
    assert settled(dead, (Outcome.REFUSED, "declined")) == (Verdict.REFUSED, "declined")
    assert settled((Outcome.BOUNCED, "policy")) == (Verdict.UNREACHABLE, "policy")
    assert settled(dead, (Outcome.REFUSED, None)) == (Verdict.UNREACHABLE, "unavailable")


def test_an_opt_out_moves_a_person_on_whose_message_was_only_accepted_and_leaves_who_was_reached():
    accepted, wait = tried(PUSH, Outcome.ACCEPTED), Wait(NOW.add(minutes=30))
    assert step(someone(PUSH, EMAIL), accepted) == wait
    assert step(someone(PUSH, EMAIL, excluded=[PUSH]), accepted) == Send(EMAIL)
    assert step(someone(EMAIL), accepted) == Send(EMAIL)
    assert step(someone(PUSH, excluded=[PUSH]), accepted) == Settle(Verdict.UNCONFIRMED, PUSH)
    assert step(someone(PUSH, EMAIL, excluded=[PUSH]), tried(PUSH, Outcome.DELIVERED)) == Settle(
        Verdict.DELIVERED, PUSH
    )
