"""The words of one notice or announcement in one language, and the fingerprint under which they are approved.

A text is plain: paragraphs parted by blank lines, and lists of lines that begin with `- `. `[[...]]` marks a gap that a
person must fill. Nothing in a text is ever run as a template.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import rfc8785

from documents import wording
from tocsin.errors import Invalid

PARTS: Final = wording.PARTS
EDITABLE: Final = ("title", *PARTS, "short")
MOST_CHARACTERS: Final = 20_000
# Controls (but for the line feed), directional overrides that can disguise a link, and private-use characters, which
# rendering uses as marks.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ue000-\uf8ff\ud800-\udfff]"
)


@dataclass(frozen=True, kw_only=True)
class NoticeText:
    """One text, ready to be checked, approved and rendered.

    `short` is the body of push messages, SMS and calls. `layout` is the fingerprint of the words around the text
    (greeting, headings, reference line), taken when the text is written.
    """

    language: str
    title: str
    situation: str
    impact: str
    measures: str
    advice: str
    remedies: str
    contact: str
    short: str
    kind: wording.Kind = "notice"
    layout: str = ""

    def __post_init__(self) -> None:
        """Normalise every field; raises Invalid for characters that no honest text needs."""
        if self.kind not in {"notice", "announcement"}:
            raise Invalid("The `kind` of a text must be `notice` or `announcement`.")
        object.__setattr__(self, "language", wording.resolve(self.language))
        for name in EDITABLE:
            object.__setattr__(self, name, _normal(name, getattr(self, name)))
        if "\n" in self.title:
            raise Invalid("The `title` of a text must be one line.")
        if not self.layout:
            object.__setattr__(self, "layout", wording.layout(self.kind, self.language))

    @property
    def sections(self) -> tuple[tuple[str, str], ...]:
        """(part, text) in the order in which people read them; empty parts are left out."""
        return tuple((part, getattr(self, part)) for part in PARTS if getattr(self, part))

    def fields(self) -> dict[str, str]:
        """Everything that makes the text, for storing."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _normal(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise Invalid(f"The `{name}` of a text must be text: write words, or leave it empty with two quotes.")
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.strip().split("\n")))
    found = _FORBIDDEN.search(text)
    if found:
        code = f"U+{ord(found[0]):04X}"
        raise Invalid(f"The `{name}` of a text holds the invisible or control character {code}: remove it.")
    if len(text) > MOST_CHARACTERS:
        raise Invalid(f"The `{name}` of a text has more than {MOST_CHARACTERS:,} characters: shorten it.")
    return text


def from_fields(stored: Mapping[str, Any]) -> NoticeText:
    """The text that `fields` stored, its layout as it was; raises Invalid for missing or unknown fields."""
    names = {field.name for field in fields(NoticeText)}
    _only(stored, names)
    missing = sorted(names - set(stored) - {"kind", "layout"})
    if missing:
        raise Invalid(f"The text lacks `{missing[0]}`: write it, or leave it empty with two quotes.")
    return NoticeText(**stored)


def edit(text: NoticeText, changes: Mapping[str, str]) -> NoticeText:
    """The text with some of its words changed, under today's layout; raises Invalid for a field it does not have."""
    _only(changes, EDITABLE)
    return from_fields({**text.fields(), **changes, "layout": ""})


def _only(given: Mapping[str, Any], names: Sequence[str] | set[str]) -> None:
    unknown = sorted(str(name)[:40] for name in given if name not in names)
    if unknown:
        raise Invalid(f"A text has no field `{unknown[0]}`; it has {', '.join(f'`{name}`' for name in EDITABLE)}.")


def text_hash(texts: Sequence[NoticeText]) -> str:
    """SHA-256, hexadecimal, over the RFC 8785 form of all texts, whatever their order: what is approved is this."""
    ordered = sorted((text.fields() for text in texts), key=lambda one: (one["kind"], one["language"]))
    return hashlib.sha256(rfc8785.dumps(ordered)).hexdigest()
