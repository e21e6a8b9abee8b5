"""The plans that ship, and plan files of the user's own, read from disk."""

from functools import cache
from importlib import resources
from pathlib import Path

from tocsin import plan, reading
from tocsin.errors import Invalid, NotFound
from tocsin.plan import Plan
from tocsin.vocabulary import nearest

_FOLDER = resources.files("playbooks") / "plans"
_SUFFIX = ".yaml"


def names() -> tuple[str, ...]:
    """The ids of the plans that ship, sorted."""
    return tuple(
        sorted(entry.name.removesuffix(_SUFFIX) for entry in _FOLDER.iterdir() if entry.name.endswith(_SUFFIX))
    )


@cache
def get(identifier: str) -> Plan:
    """The plan of that id; raises NotFound naming the plans there are."""
    if identifier not in names():
        near = nearest(identifier, names())
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}."
        raise NotFound(f"There is no plan {_shown(identifier)}: {hint}")
    source = f"plan {identifier}"
    found = plan.parse(
        reading.document((_FOLDER / f"{identifier}{_SUFFIX}").read_bytes(), source=source), source=source
    )
    if found.id != identifier:
        raise Invalid(f"The file {identifier}{_SUFFIX} holds the plan {found.id}: name the file like the plan.")
    return found


def listed() -> tuple[Plan, ...]:
    """Every plan that ships, by id."""
    return tuple(get(name) for name in names())


def read(path: Path) -> Plan:
    """A plan file from anywhere; raises Invalid in one sentence."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Invalid(f"Plan {path} cannot be read ({error.strerror or 'unknown reason'}): check the path.") from None
    return plan.parse(reading.document(raw, source=str(path)), source=str(path))


def _shown(identifier: str) -> str:
    return repr(identifier) if len(identifier) <= 60 else "of that name"
