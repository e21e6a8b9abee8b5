"""Sector tags from an industry code of NAICS, where the code can mean nothing else.

A code of two digits is often too broad: 62 is hospitals and day care, 52 banks and insurers.
"""

from typing import Final

_PREFIXES: Final = {
    "2211": "energy",
    "2212": "energy",
    "2213": "water",
    "44": "retail",
    "45": "retail",
    "481": "transport",
    "482": "transport",
    "483": "transport",
    "484": "transport",
    "485": "transport",
    "486": "pipeline",
    "517": "telecom",
    "521": "finance",
    "522": "finance",
    "523": "finance",
    "524": "insurance",
    "525": "finance",
    "61": "education",
    "621": "health",
    "622": "health",
    "623": "health",
    "92": "government",
}
_BANKS: Final = {"52211": "bank", "522110": "bank", "52213": "credit-union", "522130": "credit-union"}


def of_industry(code: str) -> tuple[str, ...]:
    """The tags that a NAICS code, or a range of branches such as `44-45`, stands for."""
    branches = code.split("-")
    tags = [_tag(branch) for branch in branches]
    if None in tags:
        return ()
    return tuple(dict.fromkeys(tag for tag in (*tags, _BANKS.get(code)) if tag))


def _tag(code: str) -> str | None:
    return next((tag for prefix, tag in _PREFIXES.items() if code.startswith(prefix)), None)
