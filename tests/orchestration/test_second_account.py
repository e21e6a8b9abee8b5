"""When an account is in trouble its messages go through the next one that may be used for the person."""

from types import SimpleNamespace

import pendulum
import pytest

from flows.steps.climbing import Climber
from flows.steps.sending import _hear
from notifiers.breaker import State
from notifiers.dispatch import REFUSES_US, STOPPED, TROUBLED, Deferred
from notifiers.providers import Provider
from tocsin.delivery import Channel, Outcome, Settled

NOW = pendulum.datetime(2026, 11, 22, 12)


def an_account(name, *, places="*", channel="email"):
    return Provider(name=name, channel=channel, url="mailto://u:p@mail.example/{to}", places=places)


FIRST, SECOND, ABROAD, TEXTS = (
    an_account("first"),
    an_account("second"),
    an_account("abroad", places=["US"]),
    an_account("texts", channel="sms"),
)


@pytest.fixture
def climber():
    from flows import plans as library

    return Climber(plan=library.get("conex-systems"), providers=(FIRST, ABROAD, SECOND, TEXTS), deadline=None)


def someone(number, place="DE", attempts=()):
    return SimpleNamespace(
        id=number, wave=1, place=place, language="en", channels=frozenset({Channel.EMAIL}), attempts=attempts
    )


def through(climber, people):
    key = SimpleNamespace(attempt_key=lambda _wave, person, channel, _text: f"{person}-{channel}")
    batch = climber.plan_batch(people, now=NOW, key=key, text_hash="t")
    return [step.provider.name for step in batch.sends]


def hear(climber, provider, result, times=1):
    for _ in range(times):
        _hear(climber.circuits, provider, result)


def test_the_second_account_takes_over_and_only_for_people_for_whom_it_may(climber):
    assert set(through(climber, [someone(number) for number in range(100)])) == {"first"}
    hear(climber, FIRST, Deferred(key="k", code=TROUBLED))
    assert climber.circuits.state("first") is State.OPEN
    assert set(through(climber, [someone(number) for number in range(100)])) == {"second"}
    assert set(through(climber, [someone(number, "US") for number in range(100)])) == {"abroad"}


def test_where_there_is_no_other_account_the_first_stays_the_one(climber):
    only = Climber(plan=climber.plan, providers=(FIRST,), deadline=None)
    hear(only, FIRST, Deferred(key="k", code=REFUSES_US))
    assert through(only, [someone(1)]) == ["first"]


def test_messages_that_were_not_tried_say_nothing_and_doubts_do(climber):
    hear(climber, FIRST, Deferred(key="k", code=STOPPED), times=50)
    assert climber.circuits.state("first") is State.CLOSED
    hear(climber, FIRST, Settled(key="k", outcome=Outcome.REFUSED, provider="first", at=NOW), times=50)
    assert climber.circuits.state("first") is State.CLOSED
    hear(climber, FIRST, Settled(key="k", outcome=Outcome.UNKNOWN, provider="first", at=NOW), times=5)
    assert climber.circuits.state("first") is State.OPEN
