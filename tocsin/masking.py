"""Addresses and names as they may be seen: enough to tell one from another, too little to reach or to know anybody."""

from collections.abc import Mapping

from tocsin.contacts import Contact
from tocsin.delivery import Channel

HIDDEN = "…"


def masked(contact: Contact) -> Mapping[str, str]:
    """The name and the address of each channel that there is, masked."""
    shown = {channel.value: _address(channel, found[0]) for channel, found in contact.addresses.items() if found}
    return {"name": contact.name[:1] + HIDDEN if contact.name else "", **shown}


def plain(contact: Contact) -> Mapping[str, str]:
    """The same, unmasked."""
    return {"name": contact.name, **{one.value: found[0] for one, found in contact.addresses.items() if found}}


def _address(channel: Channel, address: str) -> str:
    match channel:
        case Channel.EMAIL:
            mailbox, _, domain = address.rpartition("@")
            return f"{mailbox[:1]}{HIDDEN}@{domain[:1]}{HIDDEN}.{domain.rpartition('.')[2]}"
        case Channel.SMS | Channel.PHONE:
            return f"{address[:3]}{HIDDEN}{address[-2:]}"
        case Channel.PUSH:
            return HIDDEN + address[-4:]
