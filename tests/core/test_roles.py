"""Who may do what, by the table; names and plan roles as people write them; what an approval is bound to."""

import pytest

from tocsin import bindings
from tocsin.roles import ACTS, EVERYBODY, Role, may, named_by_plan, same_name, wanted

FULL = {
    "subject": "notice",
    "words": "w",
    "texts": {"en": 1, "zh": 2},
    "facts": 2,
    "people": 7,
    "ladder": "l",
    "providers": ["a"],
}


def test_no_act_is_open_to_everybody_but_looking() -> None:
    assert [act for act, rule in ACTS.items() if rule.roles == EVERYBODY] == ["see"]
    assert [act for act, rule in ACTS.items() if not rule.roles] == []


def test_what_decides_is_never_left_to_the_machine() -> None:
    assert [act for act, rule in ACTS.items() if rule.decides and rule.machine] == []


def test_who_looks_and_who_administers_touches_no_incident() -> None:
    for role in (Role.VIEWER, Role.AUDITOR, Role.ADMINISTRATOR):
        touched = {act for act in ACTS if may([role], act) and not act.startswith("people.")}
        assert touched <= {"see", "ledger.export"}


def test_the_roles_that_an_act_takes_are_said_in_words() -> None:
    assert wanted("approve") == "approver or officer"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("Zhao Min", "zhao  min ", True), ("ＺＨＡＯ Min", "Zhao Min", True), ("Zhao Min", "Zhao Ming", False)],
)
def test_spelling_makes_no_other_person(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same


def test_a_plan_names_roles_as_people_write_them() -> None:
    assert named_by_plan(["Privacy  Officer"], ["legal", "privacy officer"])
    assert not named_by_plan([], ["legal"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"people": 10}, ("3 people more",)),
        ({"people": 6}, ("1 person fewer",)),
        ({"facts": 3}, ("the facts are version 3, not 2",)),
        ({"texts": {"en": 2, "zh": 2, "fr": 1}}, ("other words in en", "words in fr besides")),
        ({"providers": ["b", "c"]}, ("providers b, c new", "provider a gone")),
        ({"ladder": "m"}, ("the plan's channels have changed",)),
        ({}, ()),
    ],
)
def test_what_changed_since_an_approval_is_said_in_words(change: dict[str, object], said: tuple[str, ...]) -> None:
    after = {**FULL, **change}

    assert bindings.changes(FULL, after) == said
    assert (bindings.hash_of(after) == bindings.hash_of(FULL)) is (change == {})


def test_bound_to_the_words_alone_nothing_else_counts() -> None:
    words = bindings.of(FULL, words_only=True)

    assert words == {"subject": "notice", "words": "w", "texts": {"en": 1, "zh": 2}}
    assert bindings.of(FULL, words_only=False) == FULL
