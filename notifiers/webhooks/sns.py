"""Amazon SNS: its envelope, its signature (versions 1 and 2), and its question whether we want a topic's messages.

"Verifying the signatures of Amazon SNS messages" in the SNS developer guide. The certificate is fetched from Amazon's
own hosts and nowhere else, for whoever may choose where it comes from can sign anything.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pendulum import DateTime

from notifiers.webhooks.mapping import instant
from tocsin.errors import Unavailable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TOLERANCE_SECONDS = 3600.0  # a repetition keeps the time of the first sending, and they go on for up to an hour
_HOST = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?\Z")
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_QUESTION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_QUESTIONS = {"SubscriptionConfirmation", "UnsubscribeConfirmation"}
_MOST_CERTIFICATES = 16
_MOST_BYTES = 65_536
_SECONDS = (5.0, 10.0)

Fetch = Callable[[str], bytes]


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A proven message of a topic that is ours."""

    kind: str
    message_id: str
    message: str
    subscribe_url: str | None


class Certificates:
    """Amazon's certificates by their address, each fetched once."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: dict[str, Certificate] = {}

    def get(self, url: str) -> "Certificate | None":
        """The certificate at an address of Amazon's; None for any other address, or where there is none."""
        from cryptography import x509

        if not is_amazons(url) or not urlsplit(url).path.endswith(".pem"):
            return None
        if url not in self._known:
            try:
                certificate = x509.load_pem_x509_certificate(self._fetch(url))
            except ValueError:
                return None
            if len(self._known) >= _MOST_CERTIFICATES:
                self._known.clear()
            self._known[url] = certificate
        return self._known[url]


def is_amazons(url: str) -> bool:
    """Whether an address is SNS's own, by HTTPS."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https" and parts.netloc == parts.hostname and port is None and bool(_HOST.match(parts.netloc))
    )


def fetch(url: str) -> bytes:
    """What stands at an address of Amazon's; raises Unavailable where it cannot be had now."""
    import requests

    from notifiers import wire

    unavailable = Unavailable("Amazon's SNS service cannot be asked now: the report is to be sent again.")
    if not is_amazons(url):
        raise unavailable
    try:
        with wire.quiet(), requests.get(url, timeout=_SECONDS, allow_redirects=False, stream=True) as answer:
            content = answer.raw.read(_MOST_BYTES, decode_content=True)
            if answer.status_code != 200:
                raise unavailable
    except requests.exceptions.RequestException:
        raise unavailable from None
    return bytes(content)


def opened(body: bytes, *, topics: Collection[str], certificates: Certificates, now: DateTime) -> Envelope | None:
    """What is in the envelope; None where it is not Amazon's, too old, or of a topic that is not named in `topics`."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.get("TopicArn") not in topics:
        return None
    sent = instant(fields.get("Timestamp"))
    if sent is None or abs((now - sent).total_seconds()) > TOLERANCE_SECONDS:
        return None
    if not _is_signed(fields, certificates, now):
        return None
    return Envelope(
        kind=str(fields.get("Type")),
        message_id=str(fields.get("MessageId")),
        message=str(fields.get("Message", "")),
        subscribe_url=fields.get("SubscribeURL") if fields.get("Type") == "SubscriptionConfirmation" else None,
    )


def _is_signed(fields: Mapping[str, Any], certificates: Certificates, now: DateTime) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    way = {"1": hashes.SHA1(), "2": hashes.SHA256()}.get(str(fields.get("SignatureVersion")))  # noqa: S303 - Amazon's
    try:
        signature = base64.b64decode(str(fields.get("Signature")), validate=True)
    except (binascii.Error, ValueError):
        return False
    certificate = certificates.get(str(fields.get("SigningCertURL"))) if way else None
    if certificate is None or way is None:
        return False
    key = certificate.public_key()
    valid = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    if not isinstance(key, rsa.RSAPublicKey) or not valid:
        return False
    try:
        key.verify(signature, signed_text(fields).encode(), padding.PKCS1v15(), way)
    except InvalidSignature:
        return False
    return True


def signed_text(fields: Mapping[str, Any]) -> str:
    """What the signature is over: names and values of the fields that count, each on a line, in this order."""
    names = _QUESTION if fields.get("Type") in _QUESTIONS else _NOTIFICATION
    return "".join(f"{name}\n{fields[name]}\n" for name in names if fields.get(name) is not None)
