"""Whether a report comes from the service that it claims to come from.

Each service proves it in its own way; all are checked in constant time, over the bytes as they came, and none says to a
stranger what was wrong.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pendulum import DateTime
from pydantic import BaseModel, ConfigDict, Field

from notifiers.webhooks.mapping import instant


@dataclass(frozen=True, kw_only=True)
class Request:
    """A report as it came in. `headers` have lower-case names."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    query: str = ""

    def form(self) -> list[tuple[str, str]]:
        """The body as form fields (application/x-www-form-urlencoded)."""
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=2000)


class _Proof(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hmac(_Proof):
    """HMAC-SHA256 (RFC 2104) over the time, a full stop and the body, or over the body alone where no time is sent."""

    kind: Literal["hmac"]
    header: str
    timestamp: str | None = None
    signed: str | None = None  # a form such as `{timestamp}.{body}`

    def holds(self, request: Request, secret: str, **_: object) -> bool:
        """Whether the signature is right; hexadecimal or base64, `sha256=` or `v1=` before it or not."""
        stamp = request.headers.get(self.timestamp.lower(), "") if self.timestamp else ""
        form = self.signed or ("{timestamp}.{body}" if self.timestamp else "{body}")
        before, _body, after = form.partition("{body}")
        signed = before.replace("{timestamp}", stamp).encode() + request.body + after.encode()
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
        given = request.headers.get(self.header.lower(), "")
        return _is_digest(given.rpartition("sha256=")[2].removeprefix("v1="), digest)

    def stamped(self, request: Request) -> str | None:
        """The time that was signed."""
        return request.headers.get(self.timestamp.lower(), "") if self.timestamp else None


class Standard(_Proof):
    """Standard Webhooks (standardwebhooks.com), as Svix signs: HMAC-SHA256 over id, time and body."""

    kind: Literal["standard"]
    prefix: str = "webhook"

    def holds(self, request: Request, secret: str, **_: object) -> bool:
        """Whether one of the signatures is right."""
        names = (f"{self.prefix}-{name}" for name in ("id", "timestamp", "signature"))
        number, stamp, given = (request.headers.get(name, "") for name in names)
        key = _decoded(secret.removeprefix("whsec_"))
        if key is None or not (number and stamp):
            return False
        digest = hmac.new(key, f"{number}.{stamp}.".encode() + request.body, hashlib.sha256).digest()
        return any(_is_digest(one.removeprefix("v1,"), digest) for one in given.split(" ") if one.startswith("v1,"))

    def stamped(self, request: Request) -> str | None:
        """The time that was signed."""
        return request.headers.get(f"{self.prefix}-timestamp", "")


class Form(_Proof):
    """HMAC-SHA1 over the address that was called and the sorted form fields, as Twilio and Mandrill sign."""

    kind: Literal["form"]
    header: str

    def holds(self, request: Request, secret: str, *, url: str | None = None, **_: object) -> bool:
        """Whether the signature is right for `url`, as the service was told it; a JSON body counts by its hash."""
        if url is None:
            return False
        called = f"{url}?{request.query}" if request.query and "?" not in url else url
        body_hash = dict(parse_qsl(request.query)).get("bodySHA256")
        if body_hash is not None:
            if not hmac.compare_digest(hashlib.sha256(request.body).hexdigest(), body_hash.lower()):
                return False
            fields = ""
        else:
            fields = "".join(name + value for name, value in sorted(set(request.form())))
        given = request.headers.get(self.header.lower(), "")
        return any(
            _is_digest(given, hmac.new(secret.encode(), (one + fields).encode(), hashlib.sha1).digest())
            for one in _with_and_without_port(called)
        )

    def stamped(self, _: Request) -> None:
        """No time is signed: a repetition is the same event, and counts once."""


class Ecdsa(_Proof):
    """ECDSA with SHA-256 over time and body (SendGrid); the secret is the public key."""

    kind: Literal["ecdsa"]
    header: str
    timestamp: str

    def holds(self, request: Request, secret: str, **_: object) -> bool:
        """Whether the signature is right."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        key, signature = _public_key(secret), _decoded(request.headers.get(self.header.lower(), ""))
        if not isinstance(key, ec.EllipticCurvePublicKey) or signature is None:
            return False
        stamp = request.headers.get(self.timestamp.lower(), "").encode()
        return _verifies(lambda: key.verify(signature, stamp + request.body, ec.ECDSA(hashes.SHA256())))

    def stamped(self, request: Request) -> str | None:
        """The time that was signed."""
        return request.headers.get(self.timestamp.lower(), "")


class Rsa(_Proof):
    """RSA (PKCS #1 v1.5) over the body, with SHA-256 or, in `old_header`, SHA-1; the secret is the public key."""

    kind: Literal["rsa"]
    header: str
    old_header: str | None = None

    def holds(self, request: Request, secret: str, **_: object) -> bool:
        """Whether the signature is right; the old one counts only where no other is given."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa

        newer = request.headers.get(self.header.lower())
        old = request.headers.get(self.old_header.lower(), "") if self.old_header else ""
        key, signature = _public_key(secret), _decoded(newer or old)
        if not isinstance(key, rsa.RSAPublicKey) or not signature:
            return False
        way = hashes.SHA256() if newer else hashes.SHA1()  # noqa: S303 - the service's own choice
        return _verifies(lambda: key.verify(signature, request.body, padding.PKCS1v15(), way))

    def stamped(self, _: Request) -> None:
        """No time is signed."""


class Shared(_Proof):
    """A secret that the service sends along: password or token in `Authorization` (RFC 7617, RFC 6750), or a header."""

    kind: Literal["shared"]
    header: str = "Authorization"

    def holds(self, request: Request, secret: str, **_: object) -> bool:
        """Whether the secret is there."""
        scheme, _blank, value = request.headers.get(self.header.lower(), "").partition(" ")
        if scheme.lower() == "basic":
            user_and_password = (_decoded(value) or b"").decode("utf-8", "replace")
            given = user_and_password if ":" in secret else user_and_password.partition(":")[2]
        else:
            given = value if scheme.lower() == "bearer" else scheme
        return hmac.compare_digest(given.encode(), secret.encode())

    def stamped(self, _: Request) -> None:
        """Nothing is signed."""


class BodyMd5(_Proof):
    """MD5 of the body in which a field holds the key instead of the sum (Unisender Go)."""

    kind: Literal["body-md5"]
    field: str

    def holds(self, request: Request, secret: str, **_: object) -> bool:
        """Whether the sum is right."""
        try:
            given = json.loads(request.body).get(self.field, "")
        except (ValueError, AttributeError, RecursionError):
            return False
        if not isinstance(given, str) or not re.fullmatch(r"[0-9a-fA-F]{32}", given):
            return False
        keyed = request.body.replace(given.encode(), secret.encode(), 1)
        return hmac.compare_digest(hashlib.md5(keyed).hexdigest(), given.lower())  # noqa: S324 - the service's choice

    def stamped(self, _: Request) -> None:
        """No time is signed."""


class Sns(_Proof):
    """Amazon SNS signs its own envelope; see `notifiers.webhooks.sns`."""

    kind: Literal["sns"]


Proof = Annotated[Hmac | Standard | Form | Ecdsa | Rsa | Shared | BodyMd5 | Sns, Field(discriminator="kind")]


def proven(
    proof: Hmac | Standard | Form | Ecdsa | Rsa | Shared | BodyMd5,
    request: Request,
    *,
    secrets: Iterable[str],
    url: str | None,
    now: DateTime,
    tolerance_seconds: float,
) -> bool:
    """Whether one of the secrets proves the request, and the time that it signs, where it signs one, is near enough."""
    right = [proof.holds(request, secret, url=url) for secret in secrets]  # every one, so that time tells nothing
    stamp = proof.stamped(request)
    if not any(right):
        return False
    if stamp is None:
        return True
    signed_at = instant(stamp)
    return signed_at is not None and abs((now - signed_at).total_seconds()) <= tolerance_seconds


def _is_digest(given: str, digest: bytes) -> bool:
    text = given.strip()
    in_hexadecimal = hmac.compare_digest(text.lower().encode(), digest.hex().encode())
    return hmac.compare_digest(text.encode(), base64.b64encode(digest)) or in_hexadecimal


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _public_key(text: str) -> object:
    """A public key from PEM, or from the base64 of its DER form."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        if "BEGIN" in text:
            return serialization.load_pem_public_key(text.encode())
        return serialization.load_der_public_key(base64.b64decode("".join(text.split())))
    except (ValueError, UnsupportedAlgorithm):
        return None


def _verifies(check: Callable[[], None]) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        check()
    except InvalidSignature:
        return False
    return True


def _with_and_without_port(url: str) -> Sequence[str]:
    """Services sign with the standard port or without it."""
    parts = urlsplit(url)
    if not parts.hostname:
        return (url,)
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    bare = parts.hostname if parts.port in {None, standard} else f"{parts.hostname}:{parts.port}"
    hosts = {parts.netloc, bare, f"{parts.hostname}:{parts.port or standard}"}
    return [urlunsplit(parts._replace(netloc=host)) for host in sorted(hosts)]
