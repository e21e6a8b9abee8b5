"""Every benchmark, one JSON line a figure, and at the end a table with the goal beside each.

`python benchmarks/run.py [N] [NAME ...] [--rounds R] [--write FILE] [--read FILE]`: N is the size of the short form
(20,000 people where a benchmark has people); a NAME is one benchmark of BENCHES, else all run. `--read` takes lines
that an earlier run printed, instead of running those. `--write` puts the table between the marks of a Markdown page.
Exit status 1 when a benchmark broke off; a missed goal is shown and is no error.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from harness import FOLDER, end_cleanly, figures

# What each benchmark is given for the short form: {n} is N, {tenth} a tenth of it.
BENCHES: dict[str, tuple[str, ...]] = {
    "law": (),
    "roster": ("{n}",),
    "mail": ("{n}",),
    "push": ("{n}",),
    "pipeline": ("{tenth}", "{n}"),
    "kills": ("20",),
    "sharing": ("{n}",),
    "faults": (),
    "watch": (),
}
_TAKES_ROUNDS = {"roster", "mail", "push", "pipeline", "sharing"}
BEGIN, END = "<!-- numbers: written by benchmarks/run.py --write -->", "<!-- end of numbers -->"
_HEAD = ("what", "ours", "against", "theirs", "ratio", "n", "goal", "met")


def main() -> int:
    end_cleanly()
    options = _options()
    found: list[dict[str, Any]] = []
    for path in options.read:
        with path.open(encoding="utf-8") as lines:
            found += figures(lines)
    broken = [name for name in options.names if not _ran(name, options, found)]
    rows = [_row(figure) for figure in found]
    print("\n" + _aligned([_HEAD, *rows]))
    if options.write:
        _write(options.write, rows)
    for name in broken:
        print(f"{name} broke off: see its error above.", file=sys.stderr)
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="N | NAME", help=f"a number, or one of {', '.join(BENCHES)}")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--read", type=Path, metavar="FILE", action="append", default=[])
    options = parser.parse_args()
    numbers = [word for word in options.words if word.isdigit()]
    names = [word for word in options.words if not word.isdigit()]
    unknown = [name for name in names if name not in BENCHES]
    if len(numbers) > 1 or unknown or any(int(number) < 1000 for number in numbers):
        parser.error(f"give one N of 1000 or more, and names among {', '.join(BENCHES)}")
    missing = [path for path in (*options.read, *filter(None, [options.write])) if not path.is_file()]
    if missing:
        parser.error(f"there is no file {missing[0]}")
    options.n = int(numbers[0]) if numbers else None
    options.names = names or ([] if options.read else [name for name in BENCHES if (FOLDER / f"{name}.py").exists()])
    return options


def _ran(name: str, options: argparse.Namespace, found: list[dict[str, Any]]) -> bool:
    """Run one benchmark, pass on what it prints, and keep its figures."""
    command = [sys.executable, str(FOLDER / f"{name}.py")]
    if options.n is not None:
        command += [word.format(n=options.n, tenth=max(1000, options.n // 10)) for word in BENCHES[name]]
    if options.rounds is not None and name in _TAKES_ROUNDS:
        command += ["--rounds", str(options.rounds)]
    print(f"{name}: {' '.join(command[1:])}", file=sys.stderr, flush=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found += figures(_shown(process.stdout))
        except BaseException:
            process.terminate()  # it ends its sinks and servers
            raise
    return process.returncode == 0


def _shown(lines: Any) -> Iterator[str]:
    for line in lines:
        print(line, end="", flush=True)
        yield line


def goal(figure: dict[str, Any]) -> dict[str, Any] | None:
    """The goal that a figure is held against, if there is one."""
    for one in _goals():
        named = fnmatchcase(figure["bench"], one["bench"])
        if named and fnmatchcase(figure.get("against") or "", one.get("against", "*")):
            return one
    return None


def _goals() -> list[dict[str, Any]]:
    goals: list[dict[str, Any]] = yaml.safe_load((FOLDER / "goals.yaml").read_text(encoding="utf-8"))
    return goals


def _row(figure: dict[str, Any]) -> tuple[str, ...]:
    against = figure.get("against") or ""
    theirs = f"absent: {figure['absent']}" if "absent" in figure else _number(figure.get("against_value"))
    low, high = figure.get("ratio_range") or (None, None)
    spread = f" ({_number(low)}–{_number(high)})" if low is not None and figure["runs"] > 1 else ""
    ratio = _number(figure["ratio"]) + spread
    ours = f"{_number(figure['value'])} {figure['unit']}"
    wanted, met = _held(figure)
    return figure["bench"], ours, against, theirs, ratio, f"{figure['n']:,} × {figure['runs']}", wanted, met


def _held(figure: dict[str, Any]) -> tuple[str, str]:
    one = goal(figure)
    if one is None:
        return "", ""
    least, most, aim = one.get("at_least"), one.get("at_most"), one.get("aim")
    of = "ratio" if one["of"] == "ratio" else figure["unit"]
    wanted = (f"≥ {least}" if least is not None else f"≤ {most}") + (f" {of}") + (f", aim {aim}" if aim else "")
    reached = figure[one["of"]]
    if reached is None:
        return wanted, "not measured"
    return wanted, "yes" if (reached >= least if least is not None else reached <= most) else "no"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) for row in rows)


def _write(page: Path, rows: Sequence[Sequence[str]]) -> None:
    """Put the table, and what it was measured on, between the marks of a page."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page} has no place for numbers: put the lines {BEGIN} and {END} there.")
    lines = [_HEAD, ["---"] * len(_HEAD), *rows]
    table = "\n".join("| " + " | ".join(word.replace("|", "/") for word in row) + " |" for row in lines)
    page.write_text(f"{before}{begin}\n{_machine()}\n\n{table}\n{end}{after}", encoding="utf-8")


def _machine() -> str:
    cores, python = len(os.sched_getaffinity(0)), platform.python_version()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return f"Measured on {day}: {platform.machine()}, {cores} processors, Python {python}; load at the end {load}."


if __name__ == "__main__":
    sys.exit(main())
