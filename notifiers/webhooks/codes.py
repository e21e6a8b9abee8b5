"""What the codes of SMS and push services mean, from codes.yaml."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from notifiers.answers import Reason


class Class(StrEnum):
    """What a code is about."""

    PERMANENT = "permanent"  # this address is dead
    TRANSIENT = "transient"
    SENDER = "sender"
    CONTENT = "content"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Code:
    """What one code says, and why in closed words."""

    about: Class
    reason: str

    @property
    def hard(self) -> bool:
        """Whether the address is dead."""
        return self.about is Class.PERMANENT


_REASONS = {
    Class.TRANSIENT: Reason.EXPIRED,
    Class.SENDER: Reason.POLICY,
    Class.CONTENT: Reason.CONTENT,
}


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, dict[str, Any]]]:
    table: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(
        (Path(__file__).parent / "codes.yaml").read_text(encoding="utf-8")
    )
    return table


def look_up(service: str, code: str) -> Code | None:
    """What a service's code means; None for one that we do not know."""
    entry = _table().get(service, {}).get(code)
    if entry is None:
        return None
    about = Class(entry["class"])
    return Code(about=about, reason=entry.get("reason") or _REASONS.get(about, Reason.OTHER).value)
