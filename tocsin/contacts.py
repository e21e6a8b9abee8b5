"""Who a person is and how to reach them: the part of a person that is stored sealed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin.delivery import Channel


@dataclass(frozen=True, kw_only=True)
class Contact:
    """A name, an account and addresses, best first within a channel. `repr` shows none of it."""

    name: str = field(default="", repr=False)
    account: str = field(default="", repr=False)
    addresses: Mapping[Channel, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def address(self, channel: Channel) -> str | None:
        """The address to use on a channel, or None."""
        found = self.addresses.get(channel)
        return found[0] if found else None

    def to_bytes(self) -> bytes:
        """The bytes to seal: UTF-8 JSON without empty parts."""
        parts = []
        if self.name:
            parts.append(f'"name":{_quoted(self.name)}')
        if self.account:
            parts.append(f'"account":{_quoted(self.account)}')
        if self.addresses:
            listed = [
                f'"{channel.value}":[{",".join(map(_quoted, found))}]' for channel, found in self.addresses.items()
            ]
            parts.append(f'"addresses":{{{",".join(listed)}}}')
        return f"{{{','.join(parts)}}}".encode()

    @classmethod
    def from_bytes(cls, opened: bytes) -> "Contact":
        """The contact that `to_bytes` wrote."""
        document = json.loads(opened)
        return cls(
            name=document.get("name", ""),
            account=document.get("account", ""),
            addresses={Channel(channel): tuple(found) for channel, found in document.get("addresses", {}).items()},
        )


_quoted = json.encoder.encode_basestring  # a whole encoder costs six times as much, a million times over
