"""What a contributor checks of a law file: schema, cases on every edge, links, and how old the reading is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from flows import library, wiring
from tocsin import lawcases, reading
from tocsin.errors import Invalid
from tocsin.regimes import Regime

STALE_AFTER: Final = timedelta(days=365)
_CASES: Final = Path(__file__).parents[1] / "tests" / "law"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found of one law file."""

    path: str
    regime: str
    duties: int
    cases: int
    problems: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "file": self.path,
            "id": self.regime,
            "duties": self.duties,
            "cases": self.cases,
            "problems": list(self.problems),
        }


def check(files: Sequence[Path], *, cases: Path | None = None) -> tuple[Report, ...]:
    """Check these files, or all that ship; raises Invalid for the first that breaks the schema."""
    if cases is not None and not cases.is_dir():
        raise Invalid(f"{cases} is no folder: give `--cases` the folder in which the case files lie.")
    folder = cases or _CASES
    named = {str(path): library.read_file(path) for path in files} if files else library.regimes_by_path()
    return tuple(_report(path, regime, folder) for path, regime in named.items())


def _report(path: str, regime: Regime, folder: Path) -> Report:
    beside = _case_file(path, folder)
    problems = list(lawcases.stale(regime, today=wiring.now().date(), after=STALE_AFTER))
    tried: tuple[lawcases.Case, ...] = ()
    if beside is None:
        if folder.is_dir():
            problems.append(f"has no case file under {folder}")
    else:
        tried = lawcases.read(reading.document(beside.read_bytes(), source=str(beside)), source=str(beside))
        failed = (f"case `{case.name}`: {wrong}" for case in tried for wrong in lawcases.judge(regime, case))
        problems += [*failed, *lawcases.gaps(regime, tried)]
    return Report(path=path, regime=regime.id, duties=len(regime.duties), cases=len(tried), problems=tuple(problems))


def _case_file(path: str, folder: Path) -> Path | None:
    """The case file of the same place and name: `us/ca.yaml` for `playbooks/regimes/us/ca.yaml`."""
    parts = Path(path).parts
    candidates = (folder / Path(*parts[-2:]), folder / parts[-1])
    return next((one for one in candidates if one.is_file()), None)
