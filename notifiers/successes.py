"""Answers 200 that say no: the service's own word in the body, which counts before the plugin's belief.

What each service says, and where, is data (`successes.yaml`).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from notifiers.answers import Reason
from notifiers.webhooks.mapping import at_path

_FILE = Path(__file__).with_name("successes.yaml")


class Word(StrEnum):
    """What a service's own word means, where it is no reason to refuse the message."""

    NOT_NOW = "not-now"
    US = "us"
    UNCLEAR = "unclear"


class Success(BaseModel):
    """How one service says yes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: tuple[str, ...]
    good: tuple[str, ...] = ()
    optional: bool = False
    also: tuple[str, ...] = ()
    not_now: tuple[str, ...] = ()
    us: tuple[str, ...] = ()
    reasons: Mapping[Reason, tuple[str, ...]] = {}

    def objection(self, body: Any) -> Word | Reason | None:
        """Why the message is not taken; None where the service says yes."""
        said = next((words for path in self.at if (words := list(_words(at_path(body, path))))), None)
        if said is None:
            return None if self.optional else Word.UNCLEAR
        bad = [word for word in said if word not in self.good]
        return self._meaning(bad) if bad else None

    def _meaning(self, bad: list[str]) -> Word | Reason:
        if all(word in self.not_now for word in bad):
            return Word.NOT_NOW
        if any(word in self.us for word in bad):
            return Word.US
        return next((reason for reason, words in self.reasons.items() if set(bad) & set(words)), Word.UNCLEAR)


def objection(service: str, body: Any) -> Word | Reason | None:
    """Why a service's answer 200 is none; of a service that is not known, only a plain `false` of its own counts."""
    rule = _services().get(service)
    if rule is not None:
        return rule.objection(body)
    denied = isinstance(body, Mapping) and (body.get("ok") is False or body.get("success") is False)
    return Word.UNCLEAR if denied else None


@lru_cache(maxsize=1)
def _services() -> dict[str, Success]:
    import yaml

    rules = {
        name: Success.model_validate(entry) for name, entry in yaml.safe_load(_FILE.read_text(encoding="utf-8")).items()
    }
    return rules | {other: rule for rule in rules.values() for other in rule.also}


def _words(values: Iterator[Any]) -> Iterator[str]:
    """Words, numbers and truth values as text; of a list its members, of an object its names."""
    for value in values:
        if isinstance(value, bool):
            yield str(value).lower()
        elif isinstance(value, str | int | float):
            yield str(value)
        elif isinstance(value, list | dict):
            yield from _words(iter(value))
