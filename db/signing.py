"""The installation's signing keys: Ed25519 (RFC 8032), the private half sealed with the master key."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pendulum import DateTime
from sqlalchemy import select
from sqlalchemy.orm import Session

from db import rows, tables
from db.sealing import MasterKey
from tocsin.ledger import canonical


class Signer:
    """Signs statements. `id` names the key: the first 16 hexadecimal digits of the SHA-256 of its public half."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_key = private.public_key().public_bytes_raw()
        self.id = key_id(self.public_key)

    def __repr__(self) -> str:
        return f"Signer({self.id})"

    def sign(self, statement: dict[str, object]) -> str:
        """The signature over a statement's canonical form, in hexadecimal."""
        return self._private.sign(canonical(statement)).hex()


def key_id(public_key: bytes) -> str:
    """The short name of a public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def signer(session: Session, master_key: MasterKey, now: DateTime) -> Signer:
    """The installation's newest signing key, made at the first call; raises Misconfigured for another master key."""
    table = tables.core(tables.SigningKey)
    newest = rows.one(session, select(tables.SigningKey).order_by(table.c.created_at.desc(), table.c.id))
    if newest is None:
        return _new_signer(session, master_key, now)
    raw = master_key.unwrap_signing_key(newest.sealed_private, newest.id)
    return Signer(Ed25519PrivateKey.from_private_bytes(raw))


def public_keys(session: Session) -> dict[str, bytes]:
    """Every public key that ever signed here, by its id."""
    table = tables.core(tables.SigningKey)
    found = session.execute(select(table.c.id, table.c.public_key))
    return {identifier: bytes(public) for identifier, public in found}


def _new_signer(session: Session, master_key: MasterKey, now: DateTime) -> Signer:
    private = Ed25519PrivateKey.generate()
    made = Signer(private)
    sealed = master_key.wrap_signing_key(private.private_bytes_raw(), made.id)
    rows.add(
        session,
        tables.SigningKey(id=made.id, public_key=made.public_key, sealed_private=sealed, created_at=now),
    )
    return made
