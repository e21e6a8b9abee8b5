"""Every error a user can meet, as one tree.

::

    TocsinError
    ├── Invalid        bad input: a file, a value, an argument           exit 2
    │   └── NotFound   something named that does not exist               exit 2
    ├── Misconfigured  settings, keys, providers, database version       exit 2
    │   └── DatabaseLost  the database is away, busy or full just now    exit 2
    ├── NotAllowed     right in form, not allowed now or not by you      exit 3
    ├── DeliveryError  a provider did not take a message                 (settled in the record, seldom shown)
    │   ├── Unavailable  surely nothing left the house; may be tried again
    │   ├── Rejected     the provider refused this message for good
    │   └── Doubtful     it may have left; nobody knows
    └── Unverified     a ledger, a signature or a hash does not match    exit 4

A message is one sentence that says what, where, and what to do. It never holds personal data.
"""

from collections.abc import Callable
from typing import Any


class TocsinError(Exception):
    """Something went wrong that the user can be told in one sentence."""

    exit_code = 2


class Invalid(TocsinError):
    """The input cannot be used as it is."""


class NotFound(Invalid):
    """The thing named does not exist."""


class Misconfigured(TocsinError):
    """The settings, a key, a provider or the database is not as it must be."""


class DatabaseLost(Misconfigured):
    """The database does not answer just now; the same may succeed later."""

    def __init__(self, message: str, *, doubtful: bool = False) -> None:
        super().__init__(message)
        self.doubtful = doubtful  # it went away while it was asked to commit: the transaction may have been kept


class NotAllowed(TocsinError):
    """The act is not allowed now, or not by this person."""

    exit_code = 3
    # Writes down that it was tried, once the act itself has rolled back: the act leaves nothing, its attempt a trace.
    trace: Callable[[Any], None] | None = None


class Unverified(TocsinError):
    """A hash, a signature or a chain does not match."""

    exit_code = 4


class DeliveryError(TocsinError):
    """A provider did not take a message."""

    def __init__(self, message: str, *, code: str | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class Unavailable(DeliveryError):
    """Surely nothing left the house: trying again cannot tell anybody twice."""


class Rejected(DeliveryError):
    """The provider refused this message for good: trying again is useless."""


class Doubtful(DeliveryError):
    """The message may have left: trying again may tell somebody twice."""
