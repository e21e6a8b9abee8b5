"""Facts documents, from a file or from standard input; and times, from options."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pendulum import DateTime

    from tocsin.facts import Facts


def facts(path: str) -> "Facts":
    """The facts document at `path`, or on standard input for `-`; raises Invalid in one sentence."""
    from flows import wiring
    from tocsin import facts as parser

    text = wiring.read_text(path, what="The facts document")
    return parser.read(text, source="standard input" if path == "-" else path)


def moment(written: str | None, option: str) -> "DateTime | None":
    """A time with its offset, as an option gives it; raises Invalid in one sentence."""
    from tocsin import moments
    from tocsin.errors import Invalid

    if written is None:
        return None
    try:
        return moments.parse(written)
    except ValueError as error:
        raise Invalid(f"{option} {error}.") from None
