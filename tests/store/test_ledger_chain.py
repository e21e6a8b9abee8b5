"""The pure chain: canonical form, links, signatures, and the guard against personal data."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pendulum
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tocsin import ledger
from tocsin.errors import Invalid, Unverified
from tocsin.ledger import Checkpoint, Event, EventType, canonical, genesis, refuse_personal

VERIFIER = Path(__file__).parents[1] / "ledger_verifier.py"
NOON = pendulum.datetime(2026, 11, 22, 12)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-ledger.LARGEST_INTEGER, ledger.LARGEST_INTEGER) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="ascii")), inner, max_size=4)
    ),
    max_leaves=12,
)


def a_chain(length: int, incident_id: str = "leak") -> list[Event]:
    chain: list[Event] = []
    prev = genesis(incident_id)
    for seq in range(1, length + 1):
        parts: dict[str, Any] = {
            "incident_id": incident_id,
            "seq": seq,
            "at": NOON.add(seconds=seq),
            "type": EventType.FACTS_CHANGED,
            "actor": "anna",
            "data": {"version": seq},
            "prev": prev,
        }
        prev = ledger.link(prev, Event(**parts, hash=""))
        chain.append(Event(**parts, hash=prev))
    return chain


def a_checkpoint(event: Event, key: Ed25519PrivateKey, **changes: Any) -> Checkpoint:
    parts = {"incident_id": event.incident_id, "at": NOON, "key_id": "k"}
    statement = ledger.checkpoint_statement(**parts, seq=event.seq, head=event.hash)  # type: ignore[arg-type]
    values = {**parts, "seq": event.seq, "hash": event.hash, "signature": key.sign(canonical(statement)).hex()}
    return Checkpoint(**{**values, **changes})


@given(PLAIN)
def test_what_the_ledger_takes_has_the_canonical_form_that_the_specification_promises(value: Any) -> None:
    """docs/ledger.md tells strangers that sorted compact JSON is RFC 8785 here; that must stay true."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    assert canonical(value) == text.encode()


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf"), {"a": object()}, "\ud800", {1: 2}, {"a", "b"}])
def test_a_value_that_json_cannot_say_exactly_is_refused(value: Any) -> None:
    with pytest.raises(Invalid, match="JSON cannot say exactly"):
        canonical(value)


def test_equal_documents_have_equal_fingerprints_whatever_their_order() -> None:
    assert ledger.fingerprint({"b": 1, "a": [1.0]}) == ledger.fingerprint({"a": [1], "b": 1})
    assert ledger.fingerprint({"a": 1}) != ledger.fingerprint({"a": "1"})


def test_a_known_entry_has_a_known_hash() -> None:
    """Anchors the format: should this change, old exports no longer verify and the format needs a new number."""
    event = a_chain(1)[0]

    assert genesis("leak") == "9d84f11d18accc8a726ce9fa5667900c5d2d6854b769f1ce6e23a867fa7b0f9b"
    assert event.hash == "937aa7b7f36e456cf763f7d421c8abb772134fefa4ecdfcf7fcdbf695e8b7f62"


def test_a_true_chain_verifies() -> None:
    key = Ed25519PrivateKey.generate()
    chain = a_chain(5)

    verified = ledger.verify("leak", chain, [a_checkpoint(chain[2], key)], {"k": key.public_key().public_bytes_raw()})

    assert (verified.count, verified.head, verified.checkpoints) == (5, chain[4].hash, 1)
    assert ledger.verify("leak", [], [], {}).head == genesis("leak")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda chain: [chain[1], chain[0], chain[2]], "place of entry 1"),
        (lambda chain: [chain[0], chain[2]], "place of entry 2"),
        (lambda chain: chain[1:], "place of entry 1"),
        (lambda chain: [*chain, chain[-1]], "place of entry 4"),
        (lambda chain: [*chain[:2], a_chain(3, "other")[2]], "place of entry 3"),
        (lambda chain: [*chain[:2], Event(**{**vars(chain[2]), "actor": "mallory"})], "Entry 3 .* changed"),
        (lambda chain: [*chain[:2], Event(**{**vars(chain[2]), "prev": chain[0].hash})], "Entry 3 .* does not follow"),
    ],
)
def test_a_false_chain_is_refused_naming_the_first_false_entry(spoil: Any, said: str) -> None:
    with pytest.raises(Unverified, match=said):
        ledger.verify("leak", spoil(a_chain(3)), [], {})


def test_a_false_signature_is_refused() -> None:
    key, chain = Ed25519PrivateKey.generate(), a_chain(3)
    keys = {"k": key.public_key().public_bytes_raw()}
    true = a_checkpoint(chain[1], key)
    signature = true.signature
    other_end = "00" if signature[-2:] != "00" else "01"

    for false, said in [
        (Checkpoint(**{**vars(true), "signature": signature[:-2] + other_end}), "does not match"),
        (Checkpoint(**{**vars(true), "signature": signature.upper()}), "lower-case"),
        (Checkpoint(**{**vars(true), "signature": "not hex"}), "does not match"),
        (Checkpoint(**{**vars(true), "key_id": "other"}), "not known here"),
        (Checkpoint(**{**vars(true), "hash": chain[0].hash}), "another history"),
        (Checkpoint(**{**vars(true), "seq": 9}), "cut off"),
        (a_checkpoint(chain[1], Ed25519PrivateKey.generate()), "does not match"),
    ]:
        with pytest.raises(Unverified, match=said):
            ledger.verify("leak", chain, [false], keys)


@pytest.mark.parametrize(
    "data",
    [
        {"due": "2026-12-20T23:59:59-08:00", "at": "2026-11-22T12:00:00.000250Z", "day": "2026-11-22"},
        {"hash": "0123456789abcdef" * 4, "ref": "13812345678901234567890123456789"},
        {"duty": "us-ca/individuals", "incident": "2026-11-22-conex-easykey-7f3a"},
        {"email": 12, "sms": {"accepted": 3}, "push:delivered": 8, "phone": None},
        {"citation": "Cal. Civ. Code 1798.82(a)", "clause": "§ 33 (1)", "version": 4},
        {"languages": ["en", "zh"], "people": 1_000_000, "ok": True, "none": None},
        {"due": "2026-11-22T03:04:05.061234-05:00", "until": "2026-11-22 10:20:30.213555-0400"},
        {"reference": "DSB-D124.0123/0007-DSB/2026"},
    ],
)
def test_ordinary_entries_pass_the_guard(data: dict[str, Any]) -> None:
    refuse_personal(data)


@pytest.mark.parametrize(
    "text",
    [
        "carol@example.org",
        "Mail to <carol.o'hara+x@mail.example.co.uk>!",
        "李雷@例子.公司",
        "+8613800138000",
        "+49 (0)151 23456789",
        "+1-202-555-0143",
        "0049 151 23456789",
        "13800138000",
        "138 0013 8000",
        "86 138-0013-8000",
        "(202) 555-0143",
        "202-555-0143",
        "0151 23456789",
        "020 7946 0958",
        "06 12 34 56 78",
        "tel:+33612345678",
        "2026-11-22T03:04:05.061234-05:00 202-555-0143",
    ],
)
def test_addresses_and_phone_numbers_do_not_pass_the_guard(text: str) -> None:
    for data in ({"note": text}, {"a": [{"b": text}]}):
        with pytest.raises(Invalid) as refusal:
            refuse_personal(data)

        assert text not in str(refusal.value)


@pytest.mark.parametrize("key", ["name", "Full-Name", "EMAIL", "phone", "address", "device_token", "to"])
def test_text_under_a_personal_key_does_not_pass_the_guard(key: str) -> None:
    with pytest.raises(Invalid, match="personal data"):
        refuse_personal({"inner": {key: "x"}})
    with pytest.raises(Invalid, match="personal data"):
        refuse_personal({key: ["x"]})


def test_every_event_name_is_a_subject_and_an_act() -> None:
    for one in EventType:
        subject, dot, act = one.value.partition(".")
        assert dot
        assert subject.replace("-", "").isalpha()
        assert act.replace("-", "").isalpha()
        assert one.name == one.value.replace(".", "_").replace("-", "_").upper()


def the_documentation() -> str:
    return (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")


def test_the_example_in_the_documentation_verifies_as_it_stands_there(tmp_path: Path) -> None:
    example = tmp_path / "example.jsonl"
    example.write_text(the_documentation().split("```jsonl\n")[1].split("```")[0], encoding="utf-8")

    done = subprocess.run([sys.executable, "-I", VERIFIER, example], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "This ledger holds: 2 entries, every link and signature.\n")


def test_every_event_name_is_in_the_documentation() -> None:
    documented = the_documentation()

    assert [one.value for one in EventType if f"`{one.value}`" not in documented] == []
