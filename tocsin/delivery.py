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
    REFUSED = "refused"  # all failed, and not for want of a live address: somebody would not carry or hear the message
    UNREACHABLE = "unreachable"  # every address was tried and failed
    NO_ADDRESS = "no-address"  # nothing to try
    HELD = "held"  # an authority asked to wait, or no provider is allowed for the place
    UNCERTAIN = "uncertain"  # a message may have left; a person must decide


#: Those for whom a public announcement must stand in, if nothing else is found.
NOT_REACHED = (Verdict.REFUSED, Verdict.UNREACHABLE, Verdict.NO_ADDRESS, Verdict.UNCERTAIN, Verdict.HELD)

DECLINED = "declined"  # the person would not listen
NO_ANSWER = "no-answer"  # called as often as the plan says, and nobody answered
OPTED_OUT = "opted-out"
DECIDED = "decided"  # by a person, and not by a provider's word

#: Reasons of a refusal that say nothing against the address: it lives, and another provider or a person may reach it.
NOT_THE_ADDRESS = frozenset({"policy", "content", "other", DECLINED})


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
    outcome: Outcome  # accepted, delivered, refused, bounced or unknown
    at: DateTime
    key: str | None = None
    provider_ref: str | None = None
    code: str | None = None
    reason: str | None = None


class Kind(StrEnum):
    """What an event tells of one message: the same words for every provider, a bounce and a webhook alike."""

    ACCEPTED = "accepted"  # the provider has it: queued, or handed on
    DELIVERED = "delivered"  # it arrived where the provider can see it
    DEFERRED = "deferred"  # it did not arrive yet; the provider still tries
    BOUNCED = "bounced"  # the other side did not take it, and nobody tries again
    REFUSED = "refused"  # the provider itself will not send it, or could not
    COMPLAINED = "complained"  # the person called it junk
    UNSUBSCRIBED = "unsubscribed"
    SUBSCRIBED = "subscribed"
    OPENED = "opened"
    CLICKED = "clicked"
    UNKNOWN = "unknown"  # a word that we do not know: kept, not guessed

    @property
    def outcome(self) -> Outcome | None:
        """What it makes of the attempt; None where it says nothing of the message's arrival.

        Nobody opens, clicks or complains of a message that did not arrive.
        """
        return _OUTCOME_OF.get(self)

    @property
    def wanted(self) -> bool | None:
        """Whether the person wants the channel, by this word of theirs; None where it is no word about that."""
        return {Kind.COMPLAINED: False, Kind.UNSUBSCRIBED: False, Kind.SUBSCRIBED: True}.get(self)


_STOPPED_BEFORE = "unsubscribed"  # a provider's reason for a message that it did not send (Twilio 21610)

_OUTCOME_OF = {
    Kind.ACCEPTED: Outcome.ACCEPTED,
    Kind.DELIVERED: Outcome.DELIVERED,
    Kind.OPENED: Outcome.DELIVERED,
    Kind.CLICKED: Outcome.DELIVERED,
    Kind.COMPLAINED: Outcome.DELIVERED,
    Kind.BOUNCED: Outcome.BOUNCED,
    Kind.REFUSED: Outcome.REFUSED,
}


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that was heard of one message, normalised. It holds no personal data.

    `hard` says that the address itself is dead: no message will ever reach it. A full or a disabled mailbox, a relay
    that gave up and a refusal of the sender are not; None where it is no failure.
    """

    provider: str
    event_id: str  # the provider's own id, or one made of what it said; one event counts once
    kind: Kind
    at: DateTime
    hard: bool | None = None
    reason: str | None = None  # a closed word such as `mailbox-full`
    code: str | None = None  # an enhanced status code (RFC 3463) or the provider's own
    recipient: str | None = None  # a keyed hash
    key: str | None = None  # of the attempt, where the event names it
    provider_ref: str | None = None  # the provider's id of the message
    word: str | None = None  # the provider's own word for what happened

    @property
    def receipt(self) -> Receipt | None:
        """The event as a word on an attempt; None where it changes none."""
        outcome = self.kind.outcome
        if outcome is None:
            return None
        return Receipt(
            provider=self.provider,
            event_id=self.event_id,
            outcome=outcome,
            at=self.at,
            key=self.key,
            provider_ref=self.provider_ref,
            code=self.code,
            reason=self.reason if outcome.failed else None,
        )

    @property
    def wish(self) -> Kind | None:
        """The person's word about the channel; a message that failed because they had opted out says so too."""
        if self.kind.wanted is not None:
            return self.kind
        outcome = self.kind.outcome
        return Kind.UNSUBSCRIBED if outcome and outcome.failed and self.reason == _STOPPED_BEFORE else None
