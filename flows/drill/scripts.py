"""The scenarios that ship, and scenario files of the user's own, read from disk."""

from importlib import resources
from pathlib import Path

from tocsin import scenario
from tocsin.errors import Invalid, NotFound
from tocsin.scenario import Scenario
from tocsin.vocabulary import nearest

_FOLDER = resources.files("playbooks") / "scenarios"
_SUFFIX = ".yaml"


def names() -> tuple[str, ...]:
    """The ids of the scenarios that ship, sorted."""
    found = (entry.name for entry in _FOLDER.iterdir() if entry.name.endswith(_SUFFIX))
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found))


def get(identifier: str) -> Scenario:
    """The scenario of that id; raises NotFound naming those there are."""
    if identifier not in names():
        near = nearest(identifier, names())
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}, or give a file."
        raise NotFound(f"There is no scenario {identifier[:60]!r}: {hint}")
    source = f"scenario {identifier}"
    found = scenario.read((_FOLDER / f"{identifier}{_SUFFIX}").read_bytes(), source=source)
    if found.id != identifier:
        raise Invalid(f"The file {identifier}{_SUFFIX} holds the scenario {found.id}: name the file like the scenario.")
    return found


def find(written: str) -> tuple[Scenario, str]:
    """A scenario by its id or its file, and what to call it in an error; raises NotFound or Invalid."""
    path = Path(written)
    if not path.suffix and written not in names() and not path.is_file():
        return get(written), written  # raises, with the nearest names
    if written in names():
        return get(written), f"scenario {written}"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise NotFound(
            f"Scenario {written} cannot be read ({error.strerror or 'unknown reason'}): check the path, "
            f"or name one that ships ({', '.join(names())})."
        ) from None
    return scenario.read(raw, source=written), written


def for_plan(plan: str) -> str | None:
    """The scenario that ships for a plan: the one named after it, if there is one."""
    return next((name for name in names() if name.startswith(f"{plan}-") and get(name).plan == plan), None)
