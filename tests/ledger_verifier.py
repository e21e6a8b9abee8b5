"""Verify an exported ledger as docs/ledger.md says, with the standard library and `cryptography`, and nothing of ours.

python tests/ledger_verifier.py EXPORT.jsonl [KEY_ID]    exit 0 if it holds, 1 if not
"""

import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def canonical(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def need(holds, sentence):
    if not holds:
        raise ValueError(sentence)


def without(entry, name):
    return canonical({key: value for key, value in entry.items() if key != name})


def check_signature(entry, keys, where):
    signature = bytes.fromhex(entry["signature"])
    need(signature.hex() == entry["signature"], f"{where}: the signature is not in lower case")
    Ed25519PublicKey.from_public_bytes(keys[entry["key_id"]]).verify(signature, without(entry, "signature"))


def verify(raw, key_id=None):
    header, *body, head = (json.loads(line) for line in raw.decode().removesuffix("\n").split("\n"))
    need(b"".join(canonical(entry) + b"\n" for entry in (header, *body, head)) == raw, "a line is not canonical")
    need((header["kind"], header["format"]) == ("header", "tocsin-ledger/1"), "line 1 is no header that we know")
    keys = {name: bytes.fromhex(public) for name, public in header["public_keys"].items()}
    need(all(sha256(public)[:16] == name for name, public in keys.items()), "a public key does not have its id")
    need(key_id in (None, head["key_id"]), "the head is signed with another key than you expect")
    prev = sha256(canonical({"format": header["format"], "incident": header["incident"]}))
    need(header["genesis"] == prev, "the header does not belong to this incident")
    events = checkpoints = 0
    for number, entry in enumerate(body, start=2):
        need(entry["incident"] == header["incident"], f"line {number} is of another incident")
        if entry["kind"] == "event":
            events += 1
            need((entry["seq"], entry["prev"]) == (events, prev), f"entry {events} does not follow")
            need(entry["hash"] == sha256(without(entry, "hash")), f"entry {events} was changed")
            prev = entry["hash"]
        else:
            checkpoints += 1
            stated = (entry["kind"], entry["seq"], entry["hash"])
            need(stated == ("checkpoint", events, prev), f"line {number} signs another history")
            check_signature(entry, keys, f"line {number}")
    stated = [head[name] for name in ("kind", "incident", "count", "checkpoints", "hash", "header")]
    found = ["head", header["incident"], events, checkpoints, prev, sha256(canonical(header))]
    need(stated == found, "the signed head tells of another ledger: something was added or cut off")
    check_signature(head, keys, "the head")
    return events


def main(path, key_id=None):
    try:
        return f"This ledger holds: {verify(Path(path).read_bytes(), key_id)} entries, every link and signature.", 0
    except InvalidSignature:
        return "This ledger does not hold: a signature does not match.", 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"This ledger does not hold: {error}.", 1


if __name__ == "__main__":
    sentence, code = main(*sys.argv[1:3])
    sys.stdout.write(sentence + "\n")
    sys.exit(code)
