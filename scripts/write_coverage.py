"""Writes docs/coverage.md from the library of laws: `python scripts/write_coverage.py`.

A test fails while the committed page is not what this makes.
"""

from pathlib import Path

from flows import library
from tocsin import coverage

PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"


def page() -> str:
    """The page as the library stands."""
    return coverage.markdown(coverage.of(library.regimes()))


if __name__ == "__main__":
    PAGE.write_text(page())
