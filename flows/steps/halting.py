"""Whether sending may go on: the incident is open, nobody paused it, and exactly this text is still approved.

Asked in the transaction of each claim, and twice a second besides while messages leave, so that a pause or a withdrawn
approval stops a batch in the middle.
"""

import contextlib
import threading
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session

from db import holds, incidents
from flows.steps import approving, subjects
from flows.steps.errands import Errand
from tocsin.errors import Misconfigured

LOOK_SECONDS = 0.4
PAUSED, CLOSED, NOT_APPROVED, HOLD = "paused", "closed", "not-approved", "hold"


def why_not(errand: Errand, session: Session) -> str | None:
    """Why nothing may leave now, in a closed word."""
    record = incidents.get(session, errand.incident)
    if record.state != incidents.OPEN:
        return CLOSED
    if record.sending_paused_at is not None:
        return PAUSED
    if holds.last_number(session, errand.incident) != errand.hold:
        return HOLD  # placed since this run began, which may have its people in hand: the next goes on without them
    subject = subjects.bound(errand.house, session, errand.incident, "notice")
    if subject.content != errand.approved.hash:
        return NOT_APPROVED  # new words, whoever has approved them meanwhile: another run sends them
    granted = approving.standing(errand.house, session, errand.incident, subject).granted
    return None if granted else NOT_APPROVED


class Gate:
    """Looks at the database again and again while its block runs; `closed` is quick to ask, from any thread."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._over = threading.Event()
        self._reason: str | None = None
        self._thread = threading.Thread(target=self._watch, name="gate", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def closed(self) -> bool:
        """Whether nothing may leave any more in this run."""
        return self._reason is not None

    def _watch(self) -> None:
        while self._reason is None and not self._over.wait(LOOK_SECONDS):
            # A database that cannot be asked ends the run where it records.
            with contextlib.suppress(Misconfigured), self._errand.house.database.reading() as session:
                self._reason = why_not(self._errand, session)
