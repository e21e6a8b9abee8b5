"""Reports on paper, by Typst.

Every value reaches the template as JSON and is placed as text: nothing of it is read as Typst code. Fonts come with
Tocsin, none from the system, and the date in the file is the version's, so that the same report is the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import typst
from pendulum import DateTime

from documents import wording
from documents.derivations import clock
from tocsin import moments

_TEMPLATE = Path(__file__).parent / "templates" / "report.typ"
# An archive form with tags for screen readers; it embeds its fonts and refers to nothing outside.
_STANDARD: Final = "a-2a"


def report(
    document: Mapping[str, Any],
    its_hash: str,
    *,
    version: int,
    at: DateTime,
    zone: str | None,
    languages: Sequence[str],
    output: Literal["pdf", "png"] = "pdf",
    page_ppi: float = 110,
) -> Any:
    """One report as PDF bytes, or as PNG bytes a page."""
    due = document.get("due")
    data = {
        "document": dict(document),
        "hash": its_hash,
        "version": version,
        "at": clock(at, zone),
        "due": clock(moments.parse(due), zone) if due else None,
        "languages": [{"code": one, "tag": wording.words(one).tag.split("-")[0]} for one in languages],
        "words": {one: wording.words(one).paper.model_dump() for one in languages},
        "colons": {one: wording.words(one).colon for one in languages},
    }
    return typst.compile(
        str(_TEMPLATE),
        format=output,
        ppi=page_ppi,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"report": json.dumps(data, ensure_ascii=False, sort_keys=True)},
        timestamp=int(at.timestamp()),
        pdf_standards=[_STANDARD] if output == "pdf" else [],
    )


@cache
def _fonts() -> typst.Fonts:
    folder = Path(str(resources.files("justmytype_intl_cjk"))) / "fonts" / "ofl" / "notosanssc"
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])
