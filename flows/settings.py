"""The settings of one installation: where its database, keys, providers and public folder are.

A settings file is YAML in the home folder; every value has a default but the master key and the providers.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError, model_validator

from notifiers.providers import Provider
from notifiers.webhooks import Receiver
from tocsin.delivery import Channel
from tocsin.errors import Misconfigured
from tocsin.zones import Zone

_WEBHOOK = r"(https://[^\s/?#]+|http://(127\.0\.0\.1|localhost)(:\d+)?)([/?][^\s]*)?$"
_PUBLIC_URL = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeySource(_Frozen):
    """Where the master key comes from: exactly one of an environment variable, a file, or a command that prints it."""

    env: str | None = None
    file: Path | None = None
    command: list[str] | None = None

    @model_validator(mode="after")
    def _one_of(self) -> "KeySource":
        if sum(source is not None for source in (self.env, self.file, self.command)) != 1:
            raise ValueError("name exactly one of env, file, command")
        return self


class Senders(_Frozen):
    """How many processes send, and where: exactly one of this machine, a Prefect work pool, a Dask cluster."""

    processes: Annotated[int, Field(ge=1, le=64)] | None = None
    work_pool: Annotated[str, StringConstraints(pattern=r"^\S[^/%&<>]*$")] | None = None
    runs: Annotated[int, Field(ge=1, le=1000)] | None = None
    dask: Annotated[str, StringConstraints(pattern=r"^(tcp|tls)://[^\s:]+:\d{1,5}$")] | None = None
    tasks: Annotated[int, Field(ge=1, le=1000)] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "Senders":
        named = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if named not in ({"processes"}, {"work_pool", "runs"}, {"dask", "tasks"}):
            raise ValueError("name exactly one of `processes`, `work_pool` with `runs`, `dask` with `tasks`")
        return self


class Staff(_Frozen):
    """One of the company's people who can be warned and asked: Apprise URLs, the first that takes a message counts.

    `groups` are roles that plans name (`privacy officer`), beside those under `on_call`; `zone` is where they sleep.
    """

    name: str
    urls: tuple[SecretStr, ...] = ()
    zone: Zone | None = None
    groups: tuple[str, ...] = ()


class Ping(_Frozen):
    """URLs of a dead-man service: asked for after each look that was completed, before one, after one that broke."""

    done: SecretStr
    begun: SecretStr | None = None
    failed: SecretStr | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_url_is_of_completed_looks(cls, values: Any) -> Any:
        return {"done": values} if isinstance(values, str) else values

    @model_validator(mode="after")
    def _are_of_the_web(self) -> "Ping":
        for url in (self.done, self.begun, self.failed):
            if url is not None and not url.get_secret_value().startswith(("https://", "http://")):
                raise ValueError("must be an https:// URL, or `done`, `begun` and `failed` with one each")
        return self


class Action(_Frozen):
    """What the machine may do for a task of a plan: exactly one of a command, and a webhook that is posted to.

    `environment` names the variables that the command is given beside PATH. An `idempotent` one may run twice.
    """

    command: tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(default=None, min_length=1)
    webhook: SecretStr | None = None
    timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 60
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    idempotent: bool = False
    environment: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ...] = ()

    @model_validator(mode="after")
    def _one_of(self) -> "Action":
        if (self.command is None) == (self.webhook is None):
            raise ValueError("name exactly one of command, webhook")
        if self.webhook is not None and not re.match(_WEBHOOK, self.webhook.get_secret_value()):
            raise ValueError("webhook must be an https:// URL (http:// on this machine only)")
        return self


ConsoleUrl = Annotated[  # where people sign in: never unsealed over a network
    str, StringConstraints(pattern=r"^(https://[^\s/?#]+|http://(127\.0\.0\.1|localhost)(:\d+)?)/?$")
]


class Settings(_Frozen):
    """One installation. Paths are absolute once read."""

    database: str
    master_key: KeySource = KeySource(env="TOCSIN_MASTER_KEY")
    providers: tuple[Provider, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    bounce_listener: Annotated[str, StringConstraints(pattern=r"^[^\s:]+:\d{1,5}$")] | None = None  # host:port
    public_url: Annotated[str, StringConstraints(pattern=_PUBLIC_URL)] | None = None  # where the console is seen
    bounce_mailbox: SecretStr | None = None  # imaps://USER:PASSWORD@HOST/FOLDER
    senders: Senders = Senders(processes=1)
    console_url: ConsoleUrl | None = None
    people: Mapping[str, Staff] = {}
    on_call: Mapping[str, tuple[str, ...]] = {}
    watch_ping: Ping | None = None
    actions: Mapping[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")], Action] = {}
    public: Path
    papers: Path
    stores_marked: tuple[str, ...] | Literal["*"] = "*"
    simulated_clock: bool = False

    @model_validator(mode="before")
    @classmethod
    def _tell_services_where_we_are(cls, values: Any) -> Any:
        return _with_addresses(values)

    @model_validator(mode="after")
    def _receivers_are_of_providers(self) -> "Settings":
        names = [receiver.provider for receiver in self.receivers]
        missing = sorted(set(names) - {provider.name for provider in self.providers})
        if missing:
            raise ValueError(f"receivers name {missing[0]!r}, which is none of the providers")
        if len(set(names)) != len(names):
            raise ValueError("receivers name a provider twice")
        return self

    @model_validator(mode="after")
    def _bounces_are_somebodys(self) -> "Settings":
        if self.bounce_mailbox is not None:
            from notifiers.bounces import mailbox

            try:
                mailbox.parsed(self.bounce_mailbox.get_secret_value())
            except ValueError as error:
                raise ValueError(f"bounce_mailbox {error}") from None
            if not any(provider.channel is Channel.EMAIL for provider in self.providers):
                raise ValueError("bounce_mailbox is for letters: add an e-mail provider")
        return self

    @model_validator(mode="after")
    def _on_call_are_people(self) -> "Settings":
        for group, names in self.on_call.items():
            missing = sorted(set(names) - set(self.people))
            if missing:
                raise ValueError(f"on_call.{group} names {missing[0]!r}, who is not under people")
        return self


def _with_addresses(values: Any) -> Any:
    """The values with the address of each receiver, and with it in the provider whose service is told it."""
    receivers, providers = values.get("receivers"), values.get("providers")
    if not (_are_entries(receivers) and _are_entries(providers)):
        return values
    public = values.get("public_url")
    if isinstance(public, str):
        hooks = f"{public.rstrip('/')}/hooks/receipts"
        receivers = [{"url": f"{hooks}/{entry.get('provider')}", **entry} for entry in receivers]
    urls = {entry.get("provider"): entry["url"] for entry in receivers if entry.get("url")}
    told = [{"reports_to": urls[one["name"]], **one} if one.get("name") in urls else one for one in providers]
    return {**values, "receivers": receivers, "providers": told}


def _are_entries(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(entry, dict) for entry in values)


def parse(document: Mapping[str, Any], *, home: Path, source: str) -> Settings:
    """Settings from a parsed YAML document; raises Misconfigured with the first thing that is wrong.

    Relative paths count from the home folder.
    """
    values: dict[str, Any] = {
        "database": f"sqlite:///{home / 'tocsin.db'}",
        "public": home / "public",
        "papers": home / "papers",
        **document,
    }
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top"
        raise Misconfigured(f"{source}: {where}: {first['msg']}; see docs/settings.md.") from None
    return settings.model_copy(update={"public": home / settings.public, "papers": home / settings.papers})
