"""Plain pages: the open incidents, and one incident. Readable without script, at night and on a phone."""

import base64
import datetime as dt
import hashlib
import math
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console import choosing
from db import incidents as store
from flows.steps import health, pictures
from flows.wiring import House

_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_GROUPS = (  # heading, states, whether it is folded away
    ("To do", {"OVERDUE", "owed", "suspended"}, False),
    ("Undecided until more is known", {"undetermined"}, False),
    ("Done", {"done", "done late"}, True),
    ("Only if something happens", {"conditional"}, True),
)


def incidents(house: House) -> str:
    """The open incidents, the most urgent first."""
    with house.database.reading() as session:
        known = [row.id for row in store.listed(session, state="open")]
    rows = [pictures.summary(house, incident) for incident in known]
    for row in rows:
        row["next"] = next((duty for duty in row["duties"] if duty["state"] in _GROUPS[0][1]), None)
    rows.sort(key=_urgency)
    return _page("incidents.html", house, rows=rows, trouble=health.state(house)["problem"])


def _urgency(row: dict[str, Any]) -> tuple[float, str]:
    due = _instant(row["next"]["due"]) if row["next"] else None
    return (due.timestamp() if due else math.inf, row["incident"])


def incident(house: House, given: str) -> str:
    """One incident by its id or the start of it; raises NotFound or Invalid in one sentence."""
    shown = pictures.summary(house, choosing.incident(house, given))
    groups = [
        {"heading": heading, "folded": folded, "duties": [duty for duty in shown["duties"] if duty["state"] in states]}
        for heading, states, folded in _GROUPS
    ]
    verdicts = [
        {"verdict": verdict, "people": count} for verdict, count in sorted(shown["people"]["by_verdict"].items())
    ]
    channels = list(dict.fromkeys(("channel", *(name for row in shown["delivery"] for name in row))))
    return _page("incident.html", house, shown=shown, groups=groups, verdicts=verdicts, channels=channels)


def sorry(heading: str, sentence: str) -> str:
    """A page that says in one sentence why there is nothing else on it."""
    return _ENVIRONMENT.get_template("sorry.html").render(style=_STYLE, heading=heading, sentence=sentence)


def filled(name: str, house: House, **values: Any) -> str:
    """A page of the templates, filled."""
    return _page(name, house, **values)


def as_text(document: Any) -> str:
    """A document as people read it, line by line."""
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=100)


def _page(name: str, house: House, **values: Any) -> str:
    return _ENVIRONMENT.get_template(name).render(style=_STYLE, now=house.now().isoformat(), **values)


def _instant(text: str | None) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text or "")
    except ValueError:
        return None


def _moment(text: str | None) -> str:
    """A stored instant as people read it, in its own offset; a statute's words as they are."""
    instant = _instant(text)
    if instant is None:
        return text or ""
    offset = instant.strftime("%z")
    zone = "UTC" if offset in {"+0000", "-0000"} else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{instant:%a} {instant.day} {instant:%b %Y, %H:%M} {zone}"


def _grouped(value: Any) -> str:
    """A count with its thousands apart; a word as it is."""
    return f"{value:,}" if isinstance(value, int) else str(value)


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"moment": _moment, "grouped": _grouped}
