"""Where a service is to report on a message: said with the message itself, where the service takes it there.

Apprise's plugins do not say it, so the fields are added to their requests on the way out. Which fields is data
(`callbacks.yaml`).
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from notifiers.wire import Amend

_FILE = Path(__file__).with_name("callbacks.yaml")


class Callback(BaseModel):
    """How one service is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    fields: Mapping[str, str]
    also: tuple[str, ...] = ()


def amendment(service: str, url: str) -> Amend | None:
    """What adds our `url` to the requests of a service's plugin; None where the service is not told by message."""
    rule = _services().get(service)
    if rule is None:
        return None
    ending = re.compile(rf"{rule.path}\Z")
    fields = {name: value.replace("{url}", url) for name, value in rule.fields.items()}

    def amend(address: str, data: Any) -> Any:
        return _with(data, fields) if ending.search(address) else data

    return amend


def _with(data: Any, fields: Mapping[str, str]) -> Any:
    """A form or a JSON object with the fields; anything else as it is."""
    if isinstance(data, dict):
        return {**data, **fields}
    try:
        content = json.loads(data) if isinstance(data, str | bytes) else None
    except ValueError:
        return data
    return json.dumps({**content, **fields}) if isinstance(content, dict) else data


@lru_cache(maxsize=1)
def _services() -> dict[str, Callback]:
    import yaml

    document = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    rules = {name: Callback.model_validate(entry) for name, entry in document.items()}
    return rules | {other: rule for rule in rules.values() for other in rule.also}
