"""DKIM signatures (RFC 6376; Ed25519 by RFC 8463) for letters that `mail.compose` wrote.

The library for it, dkimpy, parses each letter anew and takes milliseconds; these letters are our own, so their fields
and line ends are known. The tests let dkimpy check the signatures.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tocsin.errors import Misconfigured

_BLANKS = re.compile(r"[ \t\r\n]+")
_ONCE_MORE = ("from", "to", "subject", "date", "reply-to")  # signed as absent too: nobody can add a second one
_LEAST_BITS = 1024  # RFC 8301


@dataclass(frozen=True)
class Signer:
    """One key of one domain. RSA with 2,048 bits takes most of a millisecond a letter, Ed25519 a tenth of that."""

    domain: str
    selector: str
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

    def signed(self, content: bytes) -> bytes:
        """The letter with its signature in front. Canonicalisation is relaxed for the header, simple for the body."""
        header, _, body = content.partition(b"\r\n\r\n")
        fields = list(_fields(header))
        hashed = b64encode(hashlib.sha256(body.rstrip(b"\r\n") + b"\r\n").digest()).decode()
        algorithm = "rsa-sha256" if isinstance(self.key, rsa.RSAPrivateKey) else "ed25519-sha256"
        names = ":".join([*(name for name, _value in fields), *_ONCE_MORE])
        value = (
            f"v=1; a={algorithm}; c=relaxed/simple; d={self.domain}; s={self.selector};\r\n"
            f" h={names};\r\n bh={hashed};\r\n b="
        )
        relaxed = [f"{name}:{_BLANKS.sub(' ', text).strip()}\r\n" for name, text in fields]
        relaxed.append(f"dkim-signature:{_BLANKS.sub(' ', value)}")
        signature = b64encode(self._sign("".join(relaxed).encode())).decode()
        folded = "\r\n ".join(signature[at : at + 72] for at in range(0, len(signature), 72))
        return f"DKIM-Signature: {value}{folded}\r\n".encode() + content

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), SHA256())
        return self.key.sign(hashlib.sha256(data).digest())  # RFC 8463 section 3: the hash is what is signed


def _fields(header: bytes) -> Iterator[tuple[str, str]]:
    """Name and value of each field, the last first: where a name comes twice, verifiers count from the end."""
    lines: list[str] = []
    for line in header.decode().split("\r\n"):
        if line.startswith((" ", "\t")):
            lines[-1] += line
        else:
            lines.append(line)
    for line in reversed(lines):
        name, _, value = line.partition(":")
        yield name.lower(), value


def signer(domain: str, selector: str, key_file: Path, *, provider: str) -> Signer:
    """The signer for a private key in a PEM file; raises Misconfigured when it cannot be used."""
    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise Misconfigured(
            f"Provider {provider}: its dkim key_file cannot be read as a private key ({type(error).__name__}); "
            "write the path of an unencrypted PEM file."
        ) from None
    long_enough = isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _LEAST_BITS
    if not (long_enough or isinstance(key, ed25519.Ed25519PrivateKey)):
        raise Misconfigured(f"Provider {provider}: its dkim key_file holds neither an RSA key nor an Ed25519 key.")
    assert isinstance(key, (rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey))
    return Signer(domain, selector, key)
