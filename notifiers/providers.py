"""The providers of an installation: which account reaches whom, and for which people it may be used.

Choosing is pure. The URL of a provider holds its credentials and is never shown, logged or put into an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator

from tocsin import places, residency
from tocsin.delivery import Channel

ADDRESS = "{to}"
CALL_LIST = "calls://"  # people with telephones, who work off a list

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class Dkim(BaseModel):
    """The key that a provider's letters are signed with (RFC 6376)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]{1,253}$")]
    selector: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,63}$")]
    key_file: Path  # PEM, not encrypted


class Provider(BaseModel):
    """One account with a company (or a gateway of our own) that delivers messages of one channel.

    `url` is an Apprise URL in which `{to}` stands for the address. `places` are the places whose people's data the
    provider may process: `"*"` is everywhere but mainland China, which must be marked by name (`("*", "CN")`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    channel: Channel
    url: SecretStr
    places: tuple[str, ...] | Literal["*"]
    processor_contract: str | None = None  # reference of the written contract with the processor
    deletes_at_end: bool | None = None  # bound to delete the data once the work is done; None is unknown
    rate_per_second: Annotated[float, Field(gt=0)] | None = None
    connections: Annotated[int, Field(ge=1, le=64)] = 4
    connections_total: Annotated[int, Field(ge=1)] | None = None  # over all processes and machines
    idempotent: bool = False  # the provider drops a repetition of one key
    receipts: SecretStr | None = None  # URL of its feed of receipts
    reports_to: str | None = None  # our own URL, told to the service with each message where it takes it
    dkim: Dkim | None = None  # e-mail over SMTP only
    bounce_domain: str | None = None  # bounces come to bounce+<tag>@<this domain>, which reaches our receiver

    @model_validator(mode="before")
    @classmethod
    def _a_list_takes_nobody_twice(cls, value: Any) -> Any:
        listed = isinstance(value, dict) and str(value.get("url", "")).strip() == CALL_LIST
        return {**value, "idempotent": True} if listed else value

    @field_validator("places")
    @classmethod
    def _are_places(cls, value: tuple[str, ...] | Literal["*"]) -> tuple[str, ...] | Literal["*"]:
        if not value:
            raise ValueError('names no place: write codes such as DE or CN-44, or "*"')
        for code in value:
            if code != "*":
                places.check(code)
        return value

    @model_validator(mode="after")
    def _has_one_place_for_the_address(self) -> "Provider":
        if self.is_call_list:
            if self.channel is not Channel.PHONE:
                raise ValueError("a list of people to be called (calls://) is for the channel phone")
            return self
        if self.url.get_secret_value().count(ADDRESS) != 1:
            raise ValueError("the url must hold {to} exactly once, where the address goes")
        return self

    @property
    def is_call_list(self) -> bool:
        """Whether people call for it: nothing is sent, and a list is kept."""
        return self.url.get_secret_value() == CALL_LIST


@dataclass(frozen=True, kw_only=True)
class Refused:
    """No provider may be used for this person on this channel.

    `reason` is a closed word for the ledger (`no-provider`, `place-unknown`, `residency`, `no-contract`,
    `no-deletion`); `sentence` is for people.
    """

    reason: str
    sentence: str


def as_settings(provider: Provider) -> dict[str, Any]:
    """The provider as its entry in a settings file, credentials in clear: for writing that file only."""
    entry = provider.model_dump(mode="json", exclude_defaults=True)
    entry["url"] = provider.url.get_secret_value()
    if provider.receipts is not None:
        entry["receipts"] = provider.receipts.get_secret_value()
    return entry


def allowed(
    providers: Sequence[Provider],
    channel: Channel,
    place: str,
    *,
    contract_required: bool = False,
    deletion_required: bool = False,
) -> Provider | Refused:
    """The first provider of the channel that may process data of people in `place`, or why there is none."""
    of_channel = [provider for provider in providers if provider.channel is channel]
    here = [provider for provider in of_channel if residency.covers(provider.places, place)]
    bound = [provider for provider in here if provider.processor_contract or not contract_required]
    for provider in bound:
        if provider.deletes_at_end or not deletion_required:
            return provider
    return _why_none(channel, place, of_channel=of_channel, here=here, bound=bound)


def _why_none(
    channel: Channel, place: str, *, of_channel: list[Provider], here: list[Provider], bound: list[Provider]
) -> Refused:
    if not of_channel:
        return Refused(reason="no-provider", sentence=f"No provider of {channel} is in the settings: add one.")
    if not place:
        return Refused(
            reason="place-unknown",
            sentence=f"The person's place is unknown, so no provider of {channel} may be used: add it to the roster.",
        )
    if not here:
        return Refused(
            reason="residency",
            sentence=f"No provider of {channel} is marked for {place}: mark one in its `places`, or add one.",
        )
    if not bound:
        return Refused(
            reason="no-contract",
            sentence=f"No provider of {channel} for {place} is bound in writing: enter its `processor_contract`.",
        )
    return Refused(
        reason="no-deletion",
        sentence=f"No provider of {channel} for {place} must delete at the end: enter its `deletes_at_end`.",
    )
