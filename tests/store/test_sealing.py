"""Sealed data open with the right key in the right place, and nowhere else; keys never show themselves."""

import base64

import pendulum
import pytest

from db import signing
from db.sealing import IncidentKey, MasterKey, person_aad
from db.sessions import Database
from tocsin.delivery import Channel
from tocsin.errors import Misconfigured, Unverified

NOON = pendulum.datetime(2026, 11, 22, 12)
RAW = bytes(range(32))


def an_incident_key(incident_id: str = "leak") -> IncidentKey:
    return MasterKey(RAW).new_incident_key(incident_id)[0]


def test_what_was_sealed_opens_again() -> None:
    key = an_incident_key()

    sealed = key.seal("名字".encode(), person_aad("leak", 1))

    assert key.open(sealed, person_aad("leak", 1)) == "名字".encode()
    assert "名字".encode() not in sealed


def test_sealing_twice_gives_two_ciphertexts() -> None:
    key = an_incident_key()

    assert key.seal(b"x", b"") != key.seal(b"x", b"")


@pytest.mark.parametrize("other_place", [("leak", 2), ("leak2", 1)])
def test_a_record_moved_to_another_row_does_not_open(other_place: tuple[str, int]) -> None:
    key = an_incident_key()
    sealed = key.seal(b"x", person_aad("leak", 1))

    with pytest.raises(Unverified, match="changed or moved"):
        key.open(sealed, person_aad(*other_place))


def test_a_changed_record_does_not_open_whichever_byte_it_was() -> None:
    key = an_incident_key()
    sealed = key.seal(b"a secret", b"")

    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Unverified):
            key.open(bytes(changed), b"")
    for length in range(len(sealed)):
        with pytest.raises(Unverified):
            key.open(sealed[:length], b"")


def test_a_wrapped_key_opens_with_the_same_master_key_and_is_the_same_key() -> None:
    key, wrapped = MasterKey(RAW).new_incident_key("leak")

    again = MasterKey(RAW).incident_key(wrapped, "leak")

    assert again.open(key.seal(b"x", b"y"), b"y") == b"x"
    assert again.ref("person 1") == key.ref("person 1")
    assert again.identity("a") == key.identity("a")


def test_another_master_key_is_one_sentence_that_says_which_incident() -> None:
    _, wrapped = MasterKey(RAW).new_incident_key("leak")

    with pytest.raises(Misconfigured, match="does not open incident leak: set the one"):
        MasterKey(RAW[::-1]).incident_key(wrapped, "leak")


def test_a_wrapped_key_of_one_incident_is_not_a_key_of_another() -> None:
    _, wrapped = MasterKey(RAW).new_incident_key("leak")

    with pytest.raises(Misconfigured):
        MasterKey(RAW).incident_key(wrapped, "leak2")


def test_a_destroyed_key_is_one_sentence() -> None:
    with pytest.raises(Misconfigured, match="was destroyed"):
        MasterKey(RAW).incident_key(None, "leak")


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_master_key_is_read_from_either_base64_with_white_space_around_it(encode: type) -> None:
    raw = bytes([251, 239, 190] * 10 + [255, 254])
    text = f"  {encode(raw).decode()}\n"
    _, wrapped = MasterKey(raw).new_incident_key("leak")

    assert MasterKey.from_text(text).incident_key(wrapped, "leak")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is missing"),
        (None, "is missing"),
        ("   ", "is missing"),
        ("not base64!", "not base64"),
        ("ключ", "not base64"),
        (base64.b64encode(RAW[:31]).decode(), "has 31 bytes, not 32"),
        (base64.b64encode(RAW + b"x").decode(), "has 33 bytes, not 32"),
        (base64.b64encode(RAW).decode()[:-1], "not base64"),
    ],
)
def test_a_bad_master_key_is_one_sentence_that_does_not_quote_it(text: str | None, said: str) -> None:
    with pytest.raises(Misconfigured, match=said) as refusal:
        MasterKey.from_text(text)

    assert not text or not text.strip() or text not in str(refusal.value)


def test_a_generated_master_key_is_usable_and_new_each_time() -> None:
    first, second = MasterKey.generate_text(), MasterKey.generate_text()

    assert first != second
    MasterKey.from_text(first)


def test_keys_do_not_show_themselves() -> None:
    master, key = MasterKey(RAW), an_incident_key()

    shown = f"{master!r} {master} {key!r} {key}"

    assert RAW.hex() not in shown
    assert repr(RAW) not in shown


def test_hashes_for_different_uses_and_incidents_do_not_meet() -> None:
    key, other = an_incident_key(), an_incident_key("other")

    hashes = {key.ref("a"), key.identity("a"), other.ref("a"), other.identity("a"), key.ref("b")}

    assert len(hashes) == 5
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in hashes)


def test_the_at_most_once_key_differs_in_every_part_and_never_by_gluing_parts() -> None:
    key = an_incident_key()

    keys = [
        key.attempt_key(1, 23, "sms", "h"),
        key.attempt_key(12, 3, "sms", "h"),
        key.attempt_key(1, 23, "email", "h"),
        key.attempt_key(1, 23, "sms", "i"),
        key.attempt_key(2, 23, "sms", "h"),
    ]

    assert len(set(keys)) == len(keys)
    assert key.attempt_key(1, 23, Channel.SMS, "h") == keys[0]


def test_keys_of_neighbours_lie_together_and_those_of_others_elsewhere() -> None:
    key = an_incident_key()

    neighbours = {key.attempt_key(1, 2048 + number, "email", "h") for number in range(1024)}
    everybody = {key.attempt_key(1, 1024 * number, "email", "h") for number in range(200)}

    assert len(neighbours) == 1024
    assert len({one[:3] for one in neighbours}) == 1
    assert len({one[:3] for one in everybody}) > 180


def test_the_signing_key_needs_the_master_key_it_was_made_under(database: Database) -> None:
    with database.transaction() as session:
        signing.signer(session, MasterKey(RAW), NOON)

    with pytest.raises(Misconfigured, match="does not open signing key"), database.transaction() as session:
        signing.signer(session, MasterKey(RAW[::-1]), NOON)
