"""The settings of one installation: where its database, keys, providers and public folder are.

A settings file is YAML in the home folder; every value has a default but the master key and the providers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from notifiers.providers import Provider
from notifiers.webhooks import Receiver
from tocsin.errors import Misconfigured


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


class Settings(_Frozen):
    """One installation. Paths are absolute once read."""

    database: str
    master_key: KeySource = KeySource(env="TOCSIN_MASTER_KEY")
    providers: tuple[Provider, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    bounce_listener: Annotated[str, StringConstraints(pattern=r"^[^\s:]+:\d{1,5}$")] | None = None  # host:port
    public: Path
    papers: Path
    stores_marked: tuple[str, ...] | Literal["*"] = "*"
    simulated_clock: bool = False

    @model_validator(mode="after")
    def _receivers_are_of_providers(self) -> "Settings":
        names = [receiver.provider for receiver in self.receivers]
        missing = sorted(set(names) - {provider.name for provider in self.providers})
        if missing:
            raise ValueError(f"receivers name {missing[0]!r}, which is none of the providers")
        if len(set(names)) != len(names):
            raise ValueError("receivers name a provider twice")
        return self


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
