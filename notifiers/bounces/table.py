"""The words of mail servers as data: patterns.yaml, read once."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from notifiers.answers import Reason


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Words that give a reason; `hard` if they say that the address is dead, unless they came in answer to the text.

    `at_any_time`: then too.
    """

    reason: Reason
    hard: bool
    at_any_time: bool
    pattern: re.Pattern[str]


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "patterns.yaml").read_text(encoding="utf-8"))
    return data


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """In the order in which they are tried."""
    return tuple(
        Rule(
            reason=Reason(rule["reason"]),
            hard=rule.get("hard", False),
            at_any_time=rule.get("at_any_time", False),
            pattern=_either(rule["any"]),
        )
        for rule in _data()["words"]
    )


@lru_cache(maxsize=1)
def by_status() -> dict[str, Reason]:
    """What `subject.detail` or `subject` of an enhanced status code says."""
    return {code: Reason(word) for code, word in _data()["status"].items()}


@lru_cache(maxsize=1)
def hard_status() -> frozenset[str]:
    """The codes, without their class, that say that the address is dead."""
    return frozenset(_data()["hard_status"])


@lru_cache(maxsize=16)
def sign(name: str) -> re.Pattern[str]:
    """What marks one kind of thing in a report in prose."""
    return _either(_data()["signs"][name])


@lru_cache(maxsize=1)
def letter_line() -> re.Pattern[str]:
    """A whole line that begins the letter that came back."""
    return re.compile(
        rf"^[ \t>*|#_=-]{{0,80}}(?:{'|'.join(_data()['signs']['letter'])})[^\n@]{{0,60}}$", re.IGNORECASE | re.MULTILINE
    )


def _either(expressions: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(expressions), re.IGNORECASE)
