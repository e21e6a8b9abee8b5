"""What is sent for which incident: the errand that claiming, sending and recording share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db.sealing import IncidentKey
from documents import notices
from flows.steps.climbing import Climber
from flows.wiring import House


@dataclass(frozen=True, kw_only=True)
class Approved:
    """The texts that may go out, by language, and the hash that was approved."""

    texts: Mapping[str, notices.NoticeText]
    hash: str
    fallback: str

    def for_language(self, language: str) -> notices.NoticeText:
        """The person's language if there is a text in it, else the plan's first."""
        return self.texts.get(language) or self.texts[self.fallback]


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What is sent for which incident, with the key that opens its people's addresses."""

    house: House
    incident: str
    climber: Climber
    approved: Approved
    key: IncidentKey
    only: Sequence[int] | None = None  # numbers of the people to whom it goes; None: everybody
    hold: int = 0  # the number of the hold placed last, when the errand was begun
