"""What services push to us: proven, stored at once, answered; `collecting` makes something of it later.

A report is answered only once it is stored, so that a service which hears nothing sends it again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial

from pendulum import DateTime

from db import events, receipts
from flows.wiring import House
from notifiers import bounces, webhooks
from notifiers.answers import Reason
from notifiers.bounces import listener
from notifiers.webhooks import Receiver, sns
from notifiers.webhooks.proofs import Request
from tocsin.errors import NotAllowed

RUN_OF_POLICY = 5  # so many refusals in a row that are about us, as in sending
LATELY_MINUTES = 60


def receive(house: House, provider: str, request: Request, *, now: DateTime, fetch: sns.Fetch = sns.fetch) -> int:
    """Take one report about a provider's messages; how many of its events are new.

    Raises NotAllowed for one that is not proven, and in the same words where nothing is expected at all.
    """
    receiver = _receiver(house, provider)
    received = webhooks.receive(receiver, request, certificates=_certificates(fetch), now=now)
    if received.confirm_url is not None:
        fetch(received.confirm_url)
    if not received.events:
        return 0
    return house.database.transact(partial(events.store, events=received.events, now=now))


def receive_bounce(
    house: House, raw: bytes, *, provider: str, now: DateTime, envelope_recipient: str | None = None
) -> int:
    """Take one message that came to a provider's bounce address; how many of its events are new."""
    found = bounces.events(raw, provider=provider, received=now, envelope_recipient=envelope_recipient)
    return house.database.transact(partial(events.store, events=found, now=now)) if found else 0


@contextmanager
def bounce_listener(house: House) -> Iterator[int | None]:
    """Take bounces by SMTP for the length of a block, where the settings say so; gives the port.

    Raises Misconfigured when the port cannot be had.
    """
    where = house.settings.bounce_listener
    domains = {one.bounce_domain: one.name for one in house.settings.providers if one.bounce_domain}
    if where is None:
        yield None
        return
    host, _colon, port = where.rpartition(":")

    def take(raw: bytes, provider: str, recipient: str) -> None:
        receive_bounce(house, raw, provider=provider, now=house.now(), envelope_recipient=recipient)

    with listener.listening(host, int(port), providers=domains, take=take) as listening:
        yield listening


def refuses_us(house: House, provider: str, *, now: DateTime) -> bool:
    """Whether the last final words about a provider's messages all say that it is us who are not wanted.

    Then sending more only burns our name; nobody's address is to blame.
    """
    with house.database.reading() as session:
        run = receipts.refusals_in_a_row(
            session,
            provider,
            reason=Reason.POLICY.value,
            since=now.subtract(minutes=LATELY_MINUTES),
            limit=RUN_OF_POLICY,
        )
    return run >= RUN_OF_POLICY


def _receiver(house: House, provider: str) -> Receiver:
    for receiver in house.settings.receivers:
        if receiver.provider == provider:
            return receiver
    raise NotAllowed("The report is not proven to come from the service: nothing of it was taken.")


@lru_cache(maxsize=4)
def _certificates(fetch: sns.Fetch) -> sns.Certificates:
    """One store of certificates a process."""
    return sns.Certificates(fetch)
