"""Owners of work: the living are left alone, the dead are known at once in their own place and nowhere else."""

import os
import subprocess
import sys

import pytest

from flows.steps import leasing


def as_if(**changes: object) -> str:
    """An owner like us but for some parts of its name."""
    place, pid, started, nonce = leasing.new_owner().rsplit(":", 3)
    parts = {"place": place, "pid": pid, "started": started, "nonce": nonce} | changes
    return ":".join(str(parts[name]) for name in ("place", "pid", "started", "nonce"))


def test_we_are_alive_and_no_two_pieces_of_work_have_one_owner() -> None:
    first, second = leasing.new_owner(), leasing.new_owner()

    assert first != second
    assert not leasing.surely_dead(first)


def test_a_process_that_ended_is_dead_even_before_its_parent_has_noticed() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = as_if(pid=child.pid, started=leasing._started(child.pid))
    assert not leasing.surely_dead(owner)

    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now

    assert leasing.surely_dead(owner)
    child.communicate()
    assert leasing.surely_dead(owner)


def test_a_process_that_was_given_a_dead_one_s_number_is_not_taken_for_it() -> None:
    assert leasing.surely_dead(as_if(started=1))


@pytest.mark.parametrize("part", ["_boot", "_namespace"])
def test_of_a_process_elsewhere_nobody_knows_though_its_machine_has_our_name(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = as_if(started=1)

    monkeypatch.setattr(leasing, part, lambda: "elsewhere")

    assert not leasing.surely_dead(owner)


def test_where_there_is_no_proc_a_process_that_runs_is_still_told_from_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()

    assert leasing._runs(os.getpid()) == "runs"
    assert leasing._runs(child.pid) == "gone"
