import hashlib
import json
import os

import pendulum
import pytest

from documents.announcements import intact, page, publish, publishing
from tocsin.errors import Invalid, NotAllowed

FIRST = pendulum.datetime(2026, 11, 22, 10, tz="UTC")


@pytest.fixture
def files_of(a_text, a_plan):
    def build(short="Read https://example.com", *, at=FIRST, ref="2026-0001"):
        text = a_text(kind="announcement", short=short)
        return page([text], plan=a_plan(), incident_ref=ref, published_at=at)

    return build


def items(folder):
    return json.loads((folder / "feed.json").read_text())["items"]


def test_a_publication_is_the_files_and_nothing_else(tmp_path, files_of):
    folder = tmp_path / "public" / "x"
    published = publish(files_of(), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files_of()
    assert published.path == folder
    assert published.hash == hashlib.sha256(files_of()["SHA256SUMS"]).hexdigest()
    assert [path.name for path in folder.parent.iterdir()] == ["x"]
    assert intact(folder)


def test_a_web_server_of_another_user_can_read_it(tmp_path, files_of):
    folder = tmp_path / "x"
    publish(files_of(), folder)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def test_a_later_publication_keeps_the_earlier_entries_in_the_feed(tmp_path, files_of):
    folder = tmp_path / "x"
    first = publish(files_of("One https://example.com"), folder)
    second = publish(files_of("Two https://example.com", at=FIRST.add(days=1)), folder)
    assert [item["summary"] for item in items(folder)] == ["Two https://example.com", "One https://example.com"]
    assert "Two https://example.com" in (folder / "en.html").read_text()
    assert (folder / "feed.atom").read_text().count("<entry") == 2
    assert first.hash != second.hash
    assert intact(folder)


def test_the_same_words_again_change_nothing(tmp_path, files_of):
    folder = tmp_path / "x"
    first = publish(files_of(), folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = publish(files_of(at=FIRST.add(hours=3)), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert again == first


def test_going_back_to_earlier_words_publishes_them_again_without_doubling_them(tmp_path, files_of):
    folder = tmp_path / "x"
    publish(files_of("One https://example.com"), folder)
    publish(files_of("Two https://example.com", at=FIRST.add(days=1)), folder)
    publish(files_of("One https://example.com", at=FIRST.add(days=2)), folder)
    assert "One https://example.com" in (folder / "en.html").read_text()
    assert [
        (item["summary"][:3], item["date_published"][:10], item["date_modified"][:10]) for item in items(folder)
    ] == [
        ("One", "2026-11-22", "2026-11-24"),
        ("Two", "2026-11-23", "2026-11-23"),
    ]
    publish(files_of("Two https://example.com", at=FIRST.add(days=3)), folder)
    assert "Two https://example.com" in (folder / "en.html").read_text()


def test_a_damaged_publication_is_noticed_and_repaired(tmp_path, files_of):
    folder = tmp_path / "x"
    publish(files_of(), folder)
    (folder / "en.html").write_text("gone")
    assert not intact(folder)
    publish(files_of(), folder)
    assert intact(folder)
    (folder / "index.html").unlink()
    assert not intact(folder)


def test_the_folder_of_another_incident_is_left_alone(tmp_path, files_of):
    folder = tmp_path / "x"
    publish(files_of(), folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(Invalid, match="another incident"):
        publish(files_of(ref="2026-0002"), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_somebody_elses_files_are_never_replaced(tmp_path, files_of):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(NotAllowed, match="other files"):
        publish(files_of(), tmp_path)
    with pytest.raises(NotAllowed, match="is a file"):
        publish(files_of(), tmp_path / "mine.txt")
    (tmp_path / "feed.json").write_text('{"version": "other"}')
    with pytest.raises(Invalid, match="not written by Tocsin"):
        publish(files_of(), tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_failure_while_writing_leaves_the_old_pages(tmp_path, files_of, monkeypatch):
    folder = tmp_path / "x"
    publish(files_of("One https://example.com"), folder)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Invalid, match="no space left on device"):
        publish(files_of("Two https://example.com", at=FIRST.add(days=1)), folder)
    assert "One https://example.com" in (folder / "en.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_without_exchange_two_renames_do_and_a_kill_between_them_is_mended(tmp_path, files_of, monkeypatch):
    folder = tmp_path / "x"
    monkeypatch.setattr(publishing, "_exchange", lambda *_: False)
    publish(files_of("One https://example.com"), folder)
    publish(files_of("Two https://example.com", at=FIRST.add(days=1)), folder)
    assert len(items(folder)) == 2
    folder.rename(tmp_path / ".x.previous")  # killed between the renames
    publish(files_of("Three https://example.com", at=FIRST.add(days=2)), folder)
    assert len(items(folder)) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_folders_are_exchanged_in_one_step_where_the_system_can(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if publishing._exchange(tmp_path / "a", tmp_path / "b"):
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
        assert [path.name for path in (tmp_path / "b").iterdir()] == ["a"]
    else:
        assert [path.name for path in (tmp_path / "a").iterdir()] == ["a"]
