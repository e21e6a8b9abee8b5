"""A text as a YAML file that a person opens in an editor, and back."""

from typing import Final

import yaml

from documents.notices.text import EDITABLE, NoticeText, from_fields
from tocsin import reading
from tocsin.errors import Invalid

_HEADER: Final = """\
# {kind}, language: {language}
# Edit the words after the names. Keep blank lines between paragraphs; lines that begin with "- " are a list.
# [[...]] marks what is still missing: replace it, marks and all.
"""
_INLINE: Final = 80


class _Writer(yaml.SafeDumper):
    """Writes texts as blocks of lines."""


def _scalar(writer: yaml.SafeDumper, value: str) -> yaml.Node:
    style = None if value[:1].isalpha() or not value else '"'  # what begins like a number must not be read as one
    if "\n" in value or len(value) > _INLINE:
        style = "|"
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Writer.add_representer(str, _scalar)


def to_yaml(text: NoticeText) -> str:
    """The text as a file to edit; `from_yaml` reads it back to an equal text."""
    written = {"kind": text.kind, "language": text.language, **{name: getattr(text, name) for name in EDITABLE}}
    body = yaml.dump(written, Dumper=_Writer, allow_unicode=True, sort_keys=False, width=100_000)
    return _HEADER.format(kind=text.kind.capitalize(), language=text.language) + body


def from_yaml(content: str, *, source: str = "the text") -> NoticeText:
    """The text in a file, under today's layout; raises Invalid naming the source and, where YAML is wrong, the line."""
    read = reading.document(content, source=source)
    if "layout" in read:
        raise Invalid(f"{source}: `layout` is not for editing: remove it.")
    try:
        return from_fields(read)
    except Invalid as error:
        raise Invalid(f"{source}: {error}") from None
