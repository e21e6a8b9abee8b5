"""What a provider's answer to one message means, in closed words.

A provider's free text is never kept: it may quote an address.
"""

from dataclasses import dataclass
from enum import StrEnum

from tocsin.errors import Rejected


class Reason(StrEnum):
    """Why a message was refused or came back."""

    MAILBOX_UNKNOWN = "mailbox-unknown"
    MAILBOX_DISABLED = "mailbox-disabled"  # the address is known; it may live again
    MAILBOX_FULL = "mailbox-full"  # the address lives; this message did not arrive
    ADDRESS_INVALID = "address-invalid"
    TOKEN_DEAD = "token-dead"  # noqa: S105 - a word of the vocabulary
    NUMBER_INVALID = "number-invalid"
    EXPIRED = "expired"  # the carrier or relay gave up trying
    POLICY = "policy"  # about the sender: blocked, not allowed, not trusted
    CONTENT = "content"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A provider took one message. That is not delivery."""

    provider_ref: str | None = None
    code: str | None = None


class Refusal(Rejected):
    """The provider refused this message for good, for a reason in closed words."""

    def __init__(self, reason: Reason, *, code: str | None = None) -> None:
        super().__init__(
            f"The provider refused the message ({reason}): use another channel for this person.", code=code
        )
        self.reason = reason
