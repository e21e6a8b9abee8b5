import errno
from pathlib import Path

import pytest

from flows import papers
from tocsin.errors import Invalid


def test_a_full_disk_is_said_in_a_sentence_and_leaves_the_old_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    paper = papers.put(tmp_path / "incident" / "report.pdf", b"the first")

    def full(self: Path, content: bytes) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Invalid, match=r"report\.pdf cannot be written \(no space left on device\): make room"):
        papers.put(paper, b"the second")
    assert paper.read_bytes() == b"the first"
    assert list(paper.parent.iterdir()) == [paper]


def test_a_folder_that_is_a_file_is_said_in_a_sentence(tmp_path: Path):
    (tmp_path / "taken").write_text("not a folder")
    with pytest.raises(Invalid, match="cannot be written"):
        papers.put(tmp_path / "taken" / "report.pdf", b"anything")
