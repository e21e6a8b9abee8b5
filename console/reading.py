"""Facts documents, from a file or from standard input."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.facts import Facts


def facts(path: str) -> "Facts":
    """The facts document at `path`, or on standard input for `-`; raises Invalid in one sentence."""
    from flows import wiring
    from tocsin import facts as parser

    text = wiring.read_text(path, what="The facts document")
    return parser.read(text, source="standard input" if path == "-" else path)
