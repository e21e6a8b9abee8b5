"""What is known about one incident: read from YAML or JSON, checked, and asked for by path.

`read` and `parse` refuse anything doubtful with one sentence; what is missing stays unknown.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tocsin import complaints, reading
from tocsin.errors import Invalid
from tocsin.facts.counts import Count, Residence
from tocsin.facts.model import Breach, Data, Facts, Happened, Hold, Organisation, People, Risk, Significance, Times

__all__ = [
    "Breach",
    "Count",
    "Data",
    "Facts",
    "Happened",
    "Hold",
    "Organisation",
    "People",
    "Residence",
    "Risk",
    "Significance",
    "Times",
    "parse",
    "read",
]


def read(text: str | bytes, *, source: str) -> Facts:
    """Facts from YAML or JSON; raises Invalid naming `source`, the line or the path, and what to do."""
    return parse(reading.document(text, source=source), source=source)


def parse(document: Mapping[str, Any], *, source: str) -> Facts:
    """Facts from a document already read; raises Invalid."""
    if not isinstance(document, Mapping):
        raise Invalid(f"{source} must hold `name: value` lines.")
    try:
        return Facts.model_validate(dict(document))
    except ValidationError as error:
        raise complaints.invalid(error, source=source) from None
