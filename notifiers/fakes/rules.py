"""How the fakes treat an address: the first rule that matches says.

A rules file is YAML, a list of `{match: REGEX, channel: CHANNEL, do: WORD, after_seconds: N, times: N}`. Its rules
stand before the built-in ones, which know addresses by readable marks. The words:

=========  ==========================================================================================
accept     taken; nothing more is ever heard
deliver    taken; a receipt says delivered (e-mail has none by nature: there it is `accept`)
bounce     taken; later undeliverable (e-mail: a delivery report by RFC 3464)
refuse     refused for good: the address is dead
block      refused for good: the sender is not allowed
throttle   not now (SMTP 451, HTTP 429), the first `times` times, then as if the rule were not there
timeout    taken, but the answer never comes
drop       the connection is cut after the text has come; not taken
error      HTTP 500 (SMTP: the connection is cut); not taken
lie        HTTP 200 with an error in its body; not taken (SMTP: `accept`)
=========  ==========================================================================================
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from tocsin.delivery import Channel
from tocsin.errors import Invalid

Act = Literal["accept", "deliver", "bounce", "refuse", "block", "throttle", "timeout", "drop", "error", "lie"]


class Rule(BaseModel):
    """One line of a rules file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: str
    channel: Channel | None = None
    do: Act
    after_seconds: Annotated[float, Field(ge=0)] = 0.2
    times: Annotated[int, Field(ge=1)] = 2

    @field_validator("match")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error:
            raise ValueError("is not a regular expression") from None
        return value

    def matches(self, channel: Channel, address: str) -> bool:
        """Whether this rule is for the address."""
        return self.channel in {None, channel} and re.search(self.match, address) is not None


def _marks(channel: Channel, **acts: str) -> list[Rule]:
    return [Rule.model_validate({"match": match, "channel": channel, "do": act}) for act, match in acts.items()]


_NUMBERS = {"refuse": r"0000$", "bounce": r"0001$", "throttle": r"0002$", "timeout": r"0003$"}

BUILT_IN = (
    *_marks(
        Channel.EMAIL,
        bounce=r"bounce[^@]*@",
        refuse=r"refuse[^@]*@",
        timeout=r"slow[^@]*@",
        throttle=r"busy[^@]*@",
        accept=r"",
    ),
    *_marks(Channel.PUSH, refuse=r"^dead-", bounce=r"^lost-", timeout=r"^slow-", throttle=r"^busy-", deliver=r""),
    *(rule for channel in (Channel.SMS, Channel.PHONE) for rule in _marks(channel, **_NUMBERS, deliver=r"")),
)


@dataclass(kw_only=True)
class Treatment:
    """The rules in force, and how often each address has been throttled."""

    rules: tuple[Rule, ...]
    throttled: dict[tuple[Channel, str], int]

    def of(self, channel: Channel, address: str) -> Rule:
        """The rule for one message to the address."""
        for rule in self.rules:
            if not rule.matches(channel, address):
                continue
            if rule.do == "throttle" and not self._throttles(rule, channel, address):
                continue
            return rule
        return Rule(match="", do="accept")

    def _throttles(self, rule: Rule, channel: Channel, address: str) -> bool:
        count = self.throttled.get((channel, address), 0) + 1
        self.throttled[channel, address] = count
        return count <= rule.times


def treatment(path: Path | None = None) -> Treatment:
    """The rules of the file, then the built-in ones; raises Invalid in one sentence."""
    return Treatment(rules=(*(_read(path) if path else ()), *BUILT_IN), throttled={})


def _read(path: Path) -> tuple[Rule, ...]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise Invalid(f"The rules file {path} cannot be read as YAML: check the path and the text.") from None
    try:
        return TypeAdapter(tuple[Rule, ...]).validate_python(document or ())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top"
        raise Invalid(f"The rules file {path}, at {where}: {first['msg']}; see `notifiers/fakes/rules.py`.") from None
