"""Reports that services push to us: proven, read by a mapping, and turned into events of ours.

A further service is one file in `services/`, or a mapping in the settings. Nothing here knows the database; nothing
that a stranger sends comes further than `receive`.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pendulum import DateTime
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from notifiers.providers import Name
from notifiers.webhooks import sns
from notifiers.webhooks.mapping import FieldMap, read
from notifiers.webhooks.proofs import Hmac, Proof, Request, Sns, proven
from tocsin.delivery import Event
from tocsin.errors import Invalid, NotAllowed

_FOLDER = Path(__file__).parent / "services"


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    form: str  # the form field that holds JSON


class Service(BaseModel):
    """How one service proves and words its reports."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    proof: Proof
    mapping: FieldMap
    body: Literal["json", "form"] | _Form = "json"


class Receiver(BaseModel):
    """Where the reports about one provider come in: `POST /hooks/receipts/<provider>`.

    `secrets` are tried in turn, so that one can be changed without a gap; they are never shown. `url` is the address as
    the service was told it, which some services sign.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Name
    service: str
    secrets: tuple[SecretStr, ...] = ()
    url: str | None = None
    topics: tuple[str, ...] = ()
    tolerance_seconds: float = Field(default=300.0, gt=0)
    proof: Hmac | None = None
    mapping: FieldMap | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "Receiver":
        if self.service not in names():
            raise ValueError(f"service {self.service!r} is not one of {', '.join(names())}")
        if (self.mapping or self.proof) and self.service != "own":
            raise ValueError("only service own takes a mapping or a proof of its own")
        kind = (self.proof or load(self.service).proof).kind
        if kind == "sns" and not self.topics:
            raise ValueError("topics must name the SNS topics that are ours")
        if kind != "sns" and not any(one.get_secret_value() for one in self.secrets):
            raise ValueError("secrets must hold what the service proves its reports with")
        if kind == "form" and not self.url:
            raise ValueError("url must be the address as the service was told it, for it is signed")
        return self


@dataclass(frozen=True, kw_only=True)
class Received:
    """What a proven report holds: events, or the address at which a subscription is confirmed."""

    events: tuple[Event, ...] = ()
    confirm_url: str | None = field(default=None, repr=False)


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """The services there are."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@lru_cache(maxsize=32)
def load(name: str) -> Service:
    """One service, from its file."""
    import yaml

    return Service.model_validate(yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))


def receive(receiver: Receiver, request: Request, *, certificates: sns.Certificates, now: DateTime) -> Received:
    """What a report says; raises NotAllowed for one that is not proven, Invalid for one that cannot be read.

    The same report again gives the same events, with the same ids: whoever stores them counts each once.
    """
    from notifiers.webhooks import normalising

    service = load(receiver.service)
    mapping = receiver.mapping or service.mapping
    if isinstance(service.proof, Sns):
        envelope = sns.opened(request.body, topics=receiver.topics, certificates=certificates, now=now)
        if envelope is None:
            raise _not_proven()
        if envelope.kind != "Notification":
            return Received(confirm_url=envelope.subscribe_url)
        request = replace(request, headers={**request.headers, "x-amz-sns-message-id": envelope.message_id})
        document = _json(envelope.message, receiver)
    else:
        secrets = [one.get_secret_value() for one in receiver.secrets if one.get_secret_value()]
        if not proven(
            receiver.proof or service.proof,
            request,
            secrets=secrets,
            url=receiver.url,
            now=now,
            tolerance_seconds=receiver.tolerance_seconds,
        ):
            raise _not_proven()
        document = _document(service, request, receiver)
    said = read(mapping, document, request.headers)
    found = normalising.events(
        said, provider=receiver.provider, received=now, whose_codes=mapping.codes, hashed=hasher(receiver)
    )
    return Received(events=tuple(found))


def hasher(receiver: Receiver) -> Callable[[str], str | None]:
    """How this receiver's events name a recipient: a hash that means nothing without its secret, else nothing."""
    secrets = "\n".join(one.get_secret_value() for one in receiver.secrets)
    if not secrets:
        return lambda _: None
    key = hashlib.sha256(secrets.encode()).digest()
    return lambda address: hashlib.blake2b(address.encode(), key=key, digest_size=16).hexdigest()


def _document(service: Service, request: Request, receiver: Receiver) -> Any:
    if service.body == "json":
        return _json(request.body, receiver)
    try:
        fields = dict(request.form())
    except ValueError:
        raise _unreadable(receiver) from None
    if isinstance(service.body, _Form):
        return _json(fields.get(service.body.form, ""), receiver)
    return fields


def _json(text: str | bytes, receiver: Receiver) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _unreadable(receiver) from None


def _not_proven() -> NotAllowed:
    return NotAllowed("The report is not proven to come from the service: nothing of it was taken.")


def _unreadable(receiver: Receiver) -> Invalid:
    return Invalid(f"A report for provider {receiver.provider} cannot be read: check its service in the settings.")
