"""How long a text is as an SMS: 3GPP TS 23.038 (alphabets) and 23.040 (concatenation)."""

from dataclasses import dataclass
from typing import Final, Literal

# 3GPP TS 23.038 § 6.2.1: the default alphabet, and the extension table, whose characters cost two.
_DEFAULT: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, kw_only=True)
class SmsLength:
    """Units are septets in GSM-7 and 16-bit words in UCS-2; the sender pays by the segment."""

    alphabet: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


def sms_length(text: str) -> SmsLength:
    """Length and number of segments of a text sent as SMS."""
    if all(character in _DEFAULT or character in _EXTENDED for character in text):
        costs = [2 if character in _EXTENDED else 1 for character in text]
        return SmsLength(alphabet="GSM-7", units=sum(costs), segments=_segments(costs, single=160, part=153))
    costs = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return SmsLength(alphabet="UCS-2", units=sum(costs), segments=_segments(costs, single=70, part=67))


def _segments(costs: list[int], *, single: int, part: int) -> int:
    if sum(costs) <= single:
        return 1
    segments, room = 1, part
    for cost in costs:  # a character of two units is never cut in half
        if cost > room:
            segments, room = segments + 1, part
        room -= cost
    return segments
