"""`tocsin people` and what `--as` means once there are accounts, by the command line."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def token(tocsin: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The token of the first administrator, Ada; others of the machine's owner are out of sight."""
    monkeypatch.delenv("TOCSIN_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(tocsin.home))
    printed: str = tocsin.ok("people", "add", "Ada", "--role", "administrator").out
    return printed.splitlines()[1]


def test_people_are_added_shown_and_ended(tocsin: Any, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_TOKEN", token)
    tocsin.ok("people", "add", "Zhao Min", "--role", "approver", "--plan-role", "legal", "--as", "Ada")
    tocsin.ok("people", "add", "Lin Wei", "--role", "responder", "--as", "Ada")
    tocsin.ok("people", "roles", "Lin Wei", "--role", "viewer", "--plan-role", "legal", "--as", "Ada")
    until = "2099-01-01T00:00+00:00"
    assert "92 days" in tocsin("people", "delegate", "Zhao Min", "Lin Wei", "--until", until, "--as", "Ada").err
    assert tocsin("people", "password", "Zhao Min", "--as", "Ada", stdin="short\n").code == 2
    tocsin.ok("people", "end", "Lin Wei", "--as", "Ada")

    shown = tocsin.ok("people", "list", "--json").json
    assert [(one["name"], one["roles"], one["plan_roles"]) for one in shown] == [
        ("Ada", ["administrator"], []),
        ("Zhao Min", ["approver"], ["legal"]),
    ]
    assert len(tocsin.ok("people", "list", "--all", "--json").json) == 3
    acts = [(one["act"], one["account"]) for one in tocsin.ok("people", "acts", "--json").json]
    assert acts[:2] == [("people.add", "Ada"), ("people.token", "Ada")]
    assert acts[-1] == ("people.end", "Lin Wei")


def test_who_has_the_master_key_gives_an_administrator_a_new_token(
    tocsin: Any, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = tocsin.ok("people", "recover", "Ada").out.splitlines()[0]
    monkeypatch.setenv("TOCSIN_TOKEN", token)
    assert tocsin("people", "add", "Eve", "--role", "viewer", "--as", "Ada").code == 3
    monkeypatch.setenv("TOCSIN_TOKEN", fresh)
    tocsin.ok("people", "add", "Eve", "--role", "viewer", "--as", "Ada")
    assert "no administrator" in tocsin("people", "recover", "Eve").err
    assert "people.recovered" in [one["act"] for one in tocsin.ok("people", "acts", "--json").json]

    (tocsin.home / "master.key").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    refused = tocsin("people", "recover", "Ada")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    tocsin.ok("people", "add", "Fay", "--role", "viewer", "--as", "Ada")


WRONG = (
    (("add", "Eve", "--role", "viewer", "--as", "Ada"), 3, "proof"),
    (("add", "Eve", "--role", "viewer"), 3, "tester"),
    (("add", "tocsin", "--role", "viewer", "--as", "Ada"), 2, "the machine's own name"),
    (("add", "E\x07ve", "--role", "viewer", "--as", "Ada"), 2, "printable"),
    (("add", "ada", "--role", "viewer", "--as", "Ada"), 3, "proof"),
    (("add", "Eve", "--role", "boss", "--as", "Ada"), 2, "no role 'boss'"),
    (("token", "Nobody", "--as", "Ada"), 2, "people list"),
    (("end", "Ada", "--as", "tocsin"), 3, "the machine's own name"),
    (("delegate", "Ada", "Ada"), 2, "--until INSTANT"),
    (("delegate", "Ada", "Ada", "--until", "soon"), 2, "cannot be used"),
    (("roles", "Ada", "--incident", "nope", "--role", "viewer"), 2, "no incident 'nope'"),
)


def test_what_is_wrong_is_said_in_one_sentence_and_changes_nothing(tocsin: Any, token: str) -> None:
    for words, code, saying in WRONG:
        done = tocsin("people", *words)
        assert (done.code, done.err.count("\n")) == (code, 1), words
        assert saying in done.err
        assert token not in done.err

    assert len(tocsin.ok("people", "list", "--all", "--json").json) == 1


def test_an_act_in_an_incident_wants_a_role_and_leaves_its_denial_on_the_ledger(
    tocsin: Any, token: str, facts_files: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import wiring

    first, _ = facts_files(wiring.now().replace(microsecond=0))
    assert "nobody who may act here" in tocsin("declare", str(first), "--plan", "conex-easykey").err
    monkeypatch.setenv("TOCSIN_TOKEN", token)
    tocsin.ok("people", "add", "Lin Wei", "--role", "responder", "--as", "Ada")

    tocsin.ok("declare", str(first), "--plan", "conex-easykey", "--as", "lin wei")
    refused = tocsin("close", "-", "--reason", "over", "--as", "Lin Wei")

    assert (refused.code, "it takes officer" in refused.err) == (3, True)
    assert "act.denied" in tocsin.ok("ledger", "show", "-", "--json").out
