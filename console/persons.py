"""Which people are meant by refs given on the command line."""

from tocsin import refs as lists
from tocsin.errors import Invalid

_MOST_BYTES = 64 * 1024 * 1024


def refs(given: str) -> tuple[str, ...]:
    """The refs in a file, on standard input for `-`, or in a list with commas; raises Invalid in one sentence.

    What is neither a file nor a list of refs is not quoted: it may be somebody's name.
    """
    from pathlib import Path

    from flows import wiring

    path = Path(given)
    try:
        is_file = given == "-" or path.is_file()
        if is_file and given != "-" and path.stat().st_size > _MOST_BYTES:
            raise Invalid(f"--only {given} is larger than 64 MB: give a file of refs.")
    except (OSError, ValueError):
        is_file = False
    if is_file:
        return lists.parse(wiring.read_text(given, what="--only"), source=f"--only {given}")
    if path.suffix and "," not in given:
        raise Invalid("The file of --only cannot be read: check its path, or give refs with commas.")
    return lists.parse(given, source="--only")
