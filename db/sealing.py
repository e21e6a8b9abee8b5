"""Personal data at rest: a key per incident, wrapped by the master key.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce, behind one byte that names the format; keys for different uses
come from one data key by HKDF (RFC 5869). Destroying an incident's data key destroys its people's data.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tocsin.errors import Misconfigured, Unverified

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12
_HASH_BYTES = 16
_NEIGHBOURS = 1024  # people whose messages' keys begin alike,
_SHARED_DIGITS = 3  # in so many digits


class MasterKey:
    """The key that wraps the others. It lives in memory only and never shows itself."""

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise Misconfigured(f"The master key has {len(raw)} bytes, not {KEY_BYTES}: make one with `tocsin init`.")
        self._box = _Box(_derived(raw, b"tocsin master key: wrap"))

    def __repr__(self) -> str:
        return "MasterKey(…)"

    @classmethod
    def from_text(cls, text: str | None) -> "MasterKey":
        """The key from its base64 text (standard or URL-safe); raises Misconfigured, never quoting it."""
        cleaned = "".join((text or "").split())
        if not cleaned:
            raise Misconfigured("The master key is missing: set it as settings.yaml says, or run `tocsin init`.")
        try:
            raw = base64.b64decode(cleaned.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            raise Misconfigured(
                f"The master key is not base64 text of {KEY_BYTES} bytes: check that it was copied whole."
            ) from None
        return cls(raw)

    @staticmethod
    def generate_text() -> str:
        """A new master key as base64 text, for `tocsin init`."""
        return base64.b64encode(os.urandom(KEY_BYTES)).decode("ascii")

    def new_incident_key(self, incident_id: str) -> "tuple[IncidentKey, bytes]":
        """A fresh data key for an incident, and the same key wrapped, for `incidents.create`."""
        raw = self._fresh()
        return IncidentKey(raw), self._box.seal(raw, _incident_label(incident_id))

    def _fresh(self) -> bytes:
        return os.urandom(KEY_BYTES)

    def incident_key(self, sealed: bytes | None, incident_id: str) -> "IncidentKey":
        """Unwrap an incident's data key; raises Misconfigured for another master key or a destroyed key."""
        if sealed is None:
            raise Misconfigured(f"The key of incident {incident_id} was destroyed: its people's data cannot be read.")
        try:
            return IncidentKey(self._box.open(sealed, _incident_label(incident_id)))
        except InvalidTag:
            raise Misconfigured(
                f"The master key does not open incident {incident_id}: set the one used when it was declared."
            ) from None

    def wrap_signing_key(self, raw: bytes, key_id: str) -> bytes:
        """Seal the private half of a signing key."""
        return self._box.seal(raw, b"tocsin signing key " + key_id.encode())

    def unwrap_signing_key(self, sealed: bytes, key_id: str) -> bytes:
        """Open the private half of a signing key; raises Misconfigured if this is another master key."""
        try:
            return self._box.open(sealed, b"tocsin signing key " + key_id.encode())
        except InvalidTag:
            raise Misconfigured(
                f"The master key does not open signing key {key_id}: set the one that was in use when it was made."
            ) from None


class IncidentKey:
    """The data key of one incident, and what is derived from it."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def __repr__(self) -> str:
        return "IncidentKey(…)"

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt; `aad` ties the ciphertext to its row (see `person_aad`)."""
        return self._box.seal(plaintext, aad)

    def seal_many(self, records: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Encrypt each plaintext with its `aad`."""
        return self._box.seal_many(records)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """Decrypt; raises Unverified if the record was changed or belongs to another row."""
        try:
            return self._box.open(sealed, aad)
        except InvalidTag:
            raise Unverified(
                "A sealed record does not open: it was changed or moved; restore it from a copy of the database."
            ) from None

    def ref(self, text: str) -> str:
        """How the ledger names a person: a keyed hash, 32 hexadecimal digits, meaningless without this key."""
        keyed = self._ref_hash.copy()
        keyed.update(text.encode())
        return keyed.hexdigest()

    def identity(self, text: str) -> str:
        """A keyed hash of one normalised address, by which the same person is found again."""
        return self.identities([text])[0].hex()

    def identities(self, texts: Iterable[str]) -> list[bytes]:
        """The hashes of several addresses as bytes, whose hexadecimal digits are what `identity` gives."""
        keyed, hashes = self._identity_hash.copy, []
        for text in texts:
            copied = keyed()
            copied.update(text.encode())
            hashes.append(copied.digest())
        return hashes

    def attempt_key(self, wave: int, person_id: int, channel: str, text_hash: str) -> str:
        """The at-most-once key of one message.

        Its first digits are those of a thousand neighbours on the roster, who are claimed together: their entries then
        lie together in the database's indexes, where scattered ones would each cost a page to write.
        """
        block = _keyed_hash(self._attempt_key, f"{wave}\x1f{person_id // _NEIGHBOURS}\x1fneighbours")
        own = _keyed_hash(self._attempt_key, f"{wave}\x1f{person_id}\x1f{channel}\x1f{text_hash}")
        return block[:_SHARED_DIGITS] + own[_SHARED_DIGITS:]

    @cached_property
    def _box(self) -> "_Box":
        return _Box(_derived(self._raw, b"tocsin incident key: seal"))

    @cached_property
    def _ref_hash(self) -> "hashlib.blake2b":
        return _keyed(_derived(self._raw, b"tocsin incident key: ref"))

    @cached_property
    def _identity_hash(self) -> "hashlib.blake2b":
        return _keyed(_derived(self._raw, b"tocsin incident key: identity"))

    @cached_property
    def _attempt_key(self) -> bytes:
        return _derived(self._raw, b"tocsin incident key: attempt")


class _Box:
    """AES-256-GCM with our one-byte version in front."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plaintext, aad)

    def seal_many(self, records: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """The same with one call for chance; none of it is kept, so a forked process shares no nonce with us."""
        chance, encrypt = os.urandom(_NONCE_BYTES * len(records)), self._cipher.encrypt
        nonces = [chance[start : start + _NONCE_BYTES] for start in range(0, len(chance), _NONCE_BYTES)]
        return [
            _VERSION + nonce + encrypt(nonce, plaintext, aad)
            for nonce, (plaintext, aad) in zip(nonces, records, strict=True)
        ]

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        head = len(_VERSION) + _NONCE_BYTES
        if sealed[: len(_VERSION)] != _VERSION or len(sealed) < head + 16:
            raise InvalidTag
        return self._cipher.decrypt(sealed[len(_VERSION) : head], sealed[head:], aad)


def person_aad(incident_id: str, person_id: int) -> bytes:
    """What ties a person's sealed record to its row: swapped rows do not open."""
    return f"{incident_id}\x1f{person_id}".encode()


def _incident_label(incident_id: str) -> bytes:
    return b"tocsin incident " + incident_id.encode()


def _derived(raw: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(raw)


def _keyed(key: bytes) -> "hashlib.blake2b":
    """A hash with its key taken in; a copy of it costs half of a new one."""
    return hashlib.blake2b(key=key, digest_size=_HASH_BYTES)


def _keyed_hash(key: bytes, text: str) -> str:
    hashed = _keyed(key)
    hashed.update(text.encode())
    return hashed.hexdigest()
