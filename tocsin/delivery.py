"""Reaching one person: channels, attempts and what became of them.

The words here are shared by the ladder, the notifiers and the database. "Accepted" means that a provider took the
message; only a receipt makes it "delivered". "Unknown" never means "no".
"""

from dataclasses import dataclass, field
from enum import StrEnum

from pendulum import DateTime


class Channel(StrEnum):
    """A way to reach a person."""

    PUSH = "push"
    EMAIL = "email"
    SMS = "sms"
    PHONE = "phone"


class Outcome(StrEnum):
    """What is known of one attempt."""

    CLAIMED = "claimed"  # ours to send; nothing has left yet
    ACCEPTED = "accepted"  # the provider took it
    DELIVERED = "delivered"  # a receipt says that it arrived
    REFUSED = "refused"  # the provider refused it for good
    BOUNCED = "bounced"  # accepted first, reported undeliverable later
    UNKNOWN = "unknown"  # it may or may not have left; the doubt stays a doubt

    @property
    def failed(self) -> bool:
        """Whether the attempt surely did not reach the person."""
        return self in {Outcome.REFUSED, Outcome.BOUNCED}


class Verdict(StrEnum):
    """What became of one person."""

    DELIVERED = "delivered"
    UNCONFIRMED = "unconfirmed"  # accepted by a provider; no receipt says that it arrived
    UNREACHABLE = "unreachable"  # every address was tried and failed
    NO_ADDRESS = "no-address"  # nothing to try
    HELD = "held"  # an authority asked to wait, or no provider is allowed for the place
    UNCERTAIN = "uncertain"  # a message may have left; a person must decide


@dataclass(frozen=True, kw_only=True)
class Message:
    """One rendered notice for one person on one channel.

    `key` is the at-most-once key of (incident, wave, person, channel, text), hexadecimal; a provider may use it to drop
    a repetition. Personal fields stay out of `repr`.
    """

    key: str
    channel: Channel
    language: str
    place: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What a provider did with one message."""

    key: str
    outcome: Outcome
    provider: str
    at: DateTime
    provider_ref: str | None = None
    code: str | None = None
    reason: str | None = None  # a closed word such as `mailbox-unknown`; a provider's free text may quote an address


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """A provider's later word on a message it took, normalised."""

    provider: str
    event_id: str  # the provider's own id of this event; one event counts once
    outcome: Outcome  # delivered, bounced or unknown
    at: DateTime
    key: str | None = None
    provider_ref: str | None = None
    code: str | None = None
    reason: str | None = None
