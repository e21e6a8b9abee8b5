"""Tasks by name, line by line; and files that are today what they were when somebody added them."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from db import evidence as evidence_store
from db import ledger, tasks
from flows import plans
from flows.steps import containing, evidence
from flows.wiring import House
from tocsin.errors import Invalid, NotAllowed, NotFound, Unverified
from tocsin.ledger import EventType
from tocsin.plan import Plan

TASK = "stop-the-leak"


@pytest.fixture
def checklists(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped plan with a checklist in its first task."""
    shipped = plans.get("conex-easykey")
    every = tuple(
        replace(task, checklist=("Close the port", "Change the keys")) if task.key == TASK else task
        for task in shipped.every_task
    )
    made = Plan(text=shipped.text, promises=shipped.promises, every_task=every, document=shipped.document)
    monkeypatch.setattr(House, "plan", lambda _self, _name: made)


def entries(house: House, incident: str, kind: EventType) -> list[dict]:
    with house.database.reading() as session:
        return [dict(entry.data) for entry in ledger.listed(session, incident, event_type=kind)]


def test_a_task_is_done_only_when_every_line_is_ticked_by_name(desk, prepare, checklists) -> None:
    house = desk.house
    incident = prepare(house, upto="declared")
    now = house.now()

    def finish() -> None:
        with house.database.transaction() as session:
            containing.finish_task(session, incident, TASK, by="Lin Wei", evidence=None, now=now)

    with pytest.raises(NotAllowed, match="2 lines to tick"):
        finish()
    containing.tick(house, incident, TASK, 1, by="Lin Wei", now=now)
    with pytest.raises(NotAllowed, match="ticked before, by Lin Wei"):
        containing.tick(house, incident, TASK, 1, by="Zhao Min", now=now)
    with pytest.raises(NotFound, match="no line 3"):
        containing.tick(house, incident, TASK, 3, by="Lin Wei", now=now)
    containing.tick(house, incident, TASK, 2, by="Zhao Min", now=now)
    late = now.subtract(hours=1)
    containing.assign(house, incident, TASK, owner=None, due=late, by="Lin Wei", now=now)
    with house.database.reading() as session:
        assert tasks.get(session, incident, TASK).look_at == late  # whoever has it now is told at once
    containing.assign(house, incident, TASK, owner="legal", due=now.add(days=1), by="Lin Wei", now=now)
    containing.note(house, incident, TASK, "Anna Becker rang.", by="Lin Wei", now=now)
    finish()
    shown = containing.shown(house, incident, TASK, by="Lin Wei", now=now)
    with pytest.raises(NotAllowed, match="done already"):
        containing.assign(house, incident, TASK, owner="x", due=None, by="Lin Wei", now=now)
    containing.skip_task(house, incident, "keep-evidence", by="Lin Wei", reason="Nothing to keep.", now=now)

    assert [(line["line"], line["ticked_by"]) for line in shown["checklist"]] == [(1, "Lin Wei"), (2, "Zhao Min")]
    assert (shown["owner"], shown["state"], shown["notes"][0]["says"]) == ("legal", "done", "Anna Becker rang.")
    assert "Becker" not in str([entries(house, incident, kind) for kind in EventType])
    with house.database.reading() as session:
        assert tasks.get(session, incident, "keep-evidence").state == tasks.SKIPPED
        assert b"Becker" not in b"".join(bytes(one.sealed) for one in tasks.notes(session, incident, TASK))


def test_evidence_is_kept_once_with_its_chain_of_custody(desk, prepare, tmp_path: Path) -> None:
    house = desk.house
    incident = prepare(house, upto="declared")
    now, act = house.now(), {"by": "Lin Wei", "now": house.now()}
    big, small = tmp_path / "Becker.log", tmp_path / "small.txt"
    big.write_bytes(b"Becker " * 400_000)  # several pieces
    small.write_bytes(b"")
    kept = evidence.add_to_task(house, incident, TASK, [big, small], note="of Anna", **act)
    again = evidence.add_to_task(house, incident, TASK, [big], note="", **act)
    evidence.export(house, incident, 1, tmp_path / "copy", **act)
    with pytest.raises(NotAllowed, match="there already"):
        evidence.export(house, incident, 1, tmp_path / "copy", **act)
    with pytest.raises(Invalid, match="cannot be read"):
        evidence.add_to_task(house, incident, TASK, [small, tmp_path / "none"], note="", **act)
    with pytest.raises(NotFound):
        evidence.add_to_task(house, incident, "no-task", [small], note="", **act)
    listed = evidence.listed(house, incident, by="Lin Wei", now=now)
    added = entries(house, incident, EventType.EVIDENCE_ADDED)

    assert [(one.number, one.new) for one in (*kept, *again)] == [(1, True), (2, True), (1, False)]
    assert (tmp_path / "copy").read_bytes() == big.read_bytes()
    assert [(row["file"], row["note"]) for row in listed] == [("Becker.log", "of Anna"), ("small.txt", "of Anna")]
    assert [step["act"] for step in listed[0]["custody"]] == ["evidence.added", "evidence.exported"]
    assert [entry["sha256"] for entry in added] == [kept[0].sha256, kept[1].sha256]
    assert b"Becker" not in (house.folder / "tocsin.db").read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_evidence_that_was_changed_swapped_or_taken_away_is_found(desk, prepare, tmp_path: Path) -> None:
    house = desk.house
    incident = prepare(house, upto="declared")
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(name)
    act = {"by": "Lin Wei", "now": house.now()}
    paths = [tmp_path / name for name in ("one", "two", "three")]
    hashes = [one.sha256 for one in evidence.add_to_task(house, incident, TASK, paths, note="", **act)]
    whole = evidence.verify(house, incident, **act)
    with house.database.transaction() as session:
        swap = (
            "UPDATE evidence_piece SET sealed = (SELECT sealed FROM evidence_piece WHERE sha256 = :b) WHERE sha256 = :a"
        )
        session.execute(text(swap), {"a": hashes[0], "b": hashes[1]})
        session.execute(text("DELETE FROM evidence WHERE number = 3"))
        session.execute(text("UPDATE evidence SET sha256 = :a WHERE number = 2"), {"a": hashes[2]})
    troubles = {one.number: one.trouble for one in evidence.verify(house, incident, **act)}

    assert [one.trouble for one in whole] == [None, None, None]
    assert "does not open" in str(troubles[1])
    assert "something else than the ledger" in str(troubles[2])
    assert troubles[3] == "it is gone"


def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path: Path) -> None:
    from db.sealing import MasterKey

    class Session:
        def execute(self, *_: object) -> None:
            """Nothing."""

    key, _ = MasterKey(bytes(range(32))).new_incident_key("leak")
    path = tmp_path / "log"
    path.write_text("later")
    with path.open("rb") as source, pytest.raises(Unverified, match="changed while"):
        evidence_store._store(Session(), key, "leak", source, "0" * 64)  # type: ignore[arg-type]
