"""Fetching peers and sinks into a cache folder outside the repository; nothing is installed on the system.

The folder is `$TOCSIN_BENCH`, or `~/.cache/tocsin-bench`. What cannot be fetched raises `Absent` with the reason, and
is tried again at the next run.
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from harness import Absent

_SECONDS = 600
# What each peer is installed from; Prefect as ours is capped (docs/decisions/0002).
PYPI = {
    "aiohttp": ("aiohttp", "uvloop"),
    "aiosmtplib": ("aiosmtplib", "uvloop"),
    "apprise": ("apprise<2",),
    "post_office": ("django-post-office",),
    "prefect": ("prefect==3.8.8", "fastapi<0.151", "sqlalchemy<2.1"),
}


def folder() -> Path:
    """The cache folder, made when first asked for."""
    named = os.environ.get("TOCSIN_BENCH")
    place = Path(named) if named else Path.home() / ".cache" / "tocsin-bench"
    place.mkdir(parents=True, exist_ok=True)
    return place


@cache
def python_with(peer: str) -> str:
    """A Python with one peer of `PYPI`: an environment of its own, of the version of ours."""
    home = folder() / f"py{sys.version_info.major}.{sys.version_info.minor}-{peer}"
    python, ready = home / "bin/python", home / "ready"
    if not ready.exists():
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)], what="an environment")
        _run([str(python), "-m", "pip", "install", "--quiet", *PYPI[peer]], what=f"{peer} from PyPI")
        ready.touch()
    return str(python)


@cache
def node_with(package: str) -> tuple[str, Path]:
    """Node, and a folder in which it finds a package."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Absent("there is no Node.js with npm on this machine")
    home = folder() / f"node-{package}"
    if not (home / "node_modules" / package).exists():
        home.mkdir(exist_ok=True)
        _run([npm, "install", "--silent", "--no-audit", "--no-fund", package], what=f"{package} from npm", cwd=home)
    return node, home


@cache
def debian(package: str) -> Path:
    """A package of Debian or Ubuntu, unpacked."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise Absent("there is no apt-get on this machine")
    home = folder() / package
    if not (home / "x/usr").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        _run(["apt-get", "download", package], what=f"{package} with apt-get download", cwd=home)
        [file] = home.glob("*.deb")
        _run(["dpkg", "-x", file.name, "x"], what=f"{package} with dpkg", cwd=home)
    return home / "x"


def _run(command: list[str], *, what: str, cwd: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or b""
        last = said.decode(errors="replace").strip().splitlines()[-1:] or [type(error).__name__]
        raise Absent(f"{what} could not be fetched: {last[0][:200]}") from error
