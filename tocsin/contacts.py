"""Who a person is and how to reach them: the part of a person that is stored sealed."""

import json
from collections.abc import Mapping, Sequence
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
        return written(self.name, self.account, self.addresses)

    @classmethod
    def from_bytes(cls, opened: bytes) -> "Contact":
        """The contact that `to_bytes` wrote."""
        document = json.loads(opened.decode())
        return cls(
            name=document.get("name", ""),
            account=document.get("account", ""),
            addresses={Channel(channel): tuple(found) for channel, found in document.get("addresses", {}).items()},
        )


_quoted = json.encoder.encode_basestring  # a whole encoder costs six times as much, a million times over
_LISTS = {channel: f'"{channel.value}":[' for channel in Channel}


def written(name: str, account: str, addresses: Mapping[Channel, Sequence[str]]) -> bytes:
    """The bytes of a contact with these parts, for `Contact.from_bytes`."""
    parts = []
    if name:
        parts.append('"name":' + _quoted(name))
    if account:
        parts.append('"account":' + _quoted(account))
    if addresses:
        lists = [
            _LISTS[channel] + (_quoted(found[0]) if len(found) == 1 else ",".join(map(_quoted, found)))
            for channel, found in addresses.items()
        ]
        parts.append('"addresses":{' + "],".join(lists) + "]}")
    return ("{" + ",".join(parts) + "}").encode()
