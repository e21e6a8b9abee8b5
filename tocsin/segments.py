"""How long a text is as an SMS: 3GPP TS 23.038 (alphabets) and TS 23.040 section 9.2.3.24.1 (joined messages).

A text in the default alphabet of GSM travels in units of seven bits: 160 in one message, or 153 in each of several. One
character outside of it makes the whole text UCS-2, in units of 16 bits: 70 in one message, or 67 in each of several.
"""

from dataclasses import dataclass
from typing import Final, Literal

# 3GPP TS 23.038 section 6.2.1: the default alphabet, and its extension table, whose characters cost two units.
_DEFAULT: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")
_BASIC_PLANE: Final = 0xFFFF  # a character above it takes two units of UCS-2 (a surrogate pair)


@dataclass(frozen=True, kw_only=True)
class Length:
    """Units are septets in GSM-7 and 16-bit words in UCS-2. A sender pays by the segment."""

    alphabet: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int

    @property
    def sentence(self) -> str:
        """The length in words."""
        count = "1 segment" if self.segments == 1 else f"{self.segments} segments"
        return f"{count} ({self.units} units in {self.alphabet})"


def measure(text: str) -> Length:
    """The length of a text that is sent as an SMS; a character of two units is never cut in half."""
    if all(character in _DEFAULT or character in _EXTENDED for character in text):
        costs = [2 if character in _EXTENDED else 1 for character in text]
        return Length(alphabet="GSM-7", units=sum(costs), segments=_segments(costs, single=160, part=153))
    costs = [2 if ord(character) > _BASIC_PLANE else 1 for character in text]
    return Length(alphabet="UCS-2", units=sum(costs), segments=_segments(costs, single=70, part=67))


def foreign(text: str) -> str:
    """The characters that keep a text out of the default alphabet, each once, in their order."""
    return "".join(dict.fromkeys(one for one in text if one not in _DEFAULT and one not in _EXTENDED))


def _segments(costs: list[int], *, single: int, part: int) -> int:
    if sum(costs) <= single:
        return 1
    segments, room = 1, part
    for cost in costs:
        if cost > room:
            segments, room = segments + 1, part
        room -= cost
    return segments
