"""What changed between two versions of the facts, and what that did to the duties."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from db import facts as store
from flows.steps import assessing
from flows.wiring import House
from tocsin import differences
from tocsin.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Facts that were added, changed or taken away, and the duties that followed."""

    lines: tuple[str, ...]
    changes: tuple[differences.Change, ...]

    def document(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "facts": list(self.lines),
            "duties": [{"duty": c.duty, "kind": c.kind, "sentence": c.sentence} for c in self.changes],
        }


def difference(house: House, incident: str, *, before: int | None, after: int | None) -> Difference:
    """Compare two versions (by default the last two)."""
    now = house.now()
    with house.database.reading() as session:
        latest = store.latest(session, incident)
        if latest is None:
            raise NotFound(f"Incident {incident} has no facts yet: `tocsin facts set` puts them.")
        to = after or latest.version
        since = before or to - 1
        if since < 1:
            raise NotFound(
                f"Incident {incident} has only version {to} of the facts: there is nothing to compare it with."
            )
        old, new = store.get(session, incident, since), store.get(session, incident, to)
        first = assessing.assess(house, session, incident, version=since, now=now)
        second = assessing.assess(house, session, incident, version=to, now=now)
    return Difference(lines=tuple(_lines(old.document, new.document)), changes=differences.compare(first, second))


def _lines(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    before, after = dict(_leaves(old)), dict(_leaves(new))
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            yield f"+ {path}: {after[path]}"
        elif path not in after:
            yield f"- {path}: {before[path]}"
        elif before[path] != after[path]:
            yield f"~ {path}: {before[path]} → {after[path]}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, json.dumps(value, ensure_ascii=False)
