"""`tocsin hold` and `tocsin tasks` as people type them, with what they mistype."""


def test_a_hold_is_placed_looked_at_and_lifted_from_the_command_line(tocsin, declare, tmp_path) -> None:
    declare(tocsin)
    paper = tmp_path / "letter.txt"
    paper.write_text("Please wait.")
    placed = tocsin.ok("hold", "place", "-", "--place", "DE", "--authority", "Police", "--paper", str(paper), "--json")
    tocsin.ok("hold", "review", "-", "1", "--review", "2199-01-01T00:00:00Z")
    row = tocsin.ok("hold", "list", "-", "--json").json[0]
    tocsin.ok("hold", "lift", "-", "1", "--reason", "They are done.")
    checked = tocsin.ok("tasks", "verify", "-", "--json").json

    assert placed.json["hold"] == 1
    assert (row["places"], row["written"], row["paper"], row["state"]) == ("DE", True, 1, "stands")
    assert row["review"] == "2199-01-01T00:00:00Z"
    assert checked[0]["trouble"] is None


MISTYPED = [
    (("hold", "place", "-", "--authority", "Police"), "Say for whom"),
    (("hold", "place", "-", "--authority", "Police", "--place", "de"), "capitals: `DE`"),
    (("hold", "place", "-", "--authority", " ", "--everywhere"), "needs the authority"),
    (("hold", "place", "-", "--authority", "Police", "--everywhere", "--until", "soon"), "`until` must be a date"),
    (("hold", "place", "-", "--authority", "Police", "--everywhere", "--paper", "/none"), "/none cannot be read"),
    (("hold", "review", "-", "1", "--review", "soon"), "--review must be a date"),
    (("hold", "lift", "-", "4", "--reason", "x"), "has no hold 4"),
    (("tasks", "tick", "-", "stop-the-leak", "1"), "has no line 1"),
    (("tasks", "assign", "-", "stop-the-leak"), "Say to whom"),
    (("tasks", "note", "-", "stop-the-leak", " "), "A note is plain text"),
    (("tasks", "evidence", "-", "none", "/none"), "has no task 'none'"),
    (("tasks", "export", "-", "9", "--out", "/none"), "has no evidence 9"),
    (("tasks", "approve", "-", "stop-the-leak"), "has no automatic action"),
]


def test_what_is_mistyped_is_one_sentence_and_changes_nothing(tocsin, declare) -> None:
    declare(tocsin)
    before = tocsin.record()
    for words, said in MISTYPED:
        done = tocsin(*words)

        assert (done.code, said in done.err, done.err.count("\n")) == (2, True, 1), done

    assert tocsin.record() == before


def test_tasks_are_listed_with_and_without_the_word(tocsin, declare) -> None:
    declare(tocsin)

    assert tocsin.ok("tasks", "-", "--json").json == tocsin.ok("tasks", "list", "-", "--json").json
    assert "Checklist: none" in tocsin.ok("tasks", "show", "-", "stop-the-leak").out
    assert tocsin("tasks").code == 2
