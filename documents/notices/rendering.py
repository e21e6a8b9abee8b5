"""A text as one person gets it on one channel.

Everything but the name and the reference is the same for everybody: it is rendered once a text and channel, and split
where those two belong. One person's message is then a join, and a name cannot reach the template engine at all.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Final

from documents import wording
from documents.notices.text import NoticeText
from tocsin.delivery import Channel
from tocsin.errors import Invalid, NotAllowed

# Private-use characters, which neither a text nor a name may hold.
_NAME: Final = "\ue000"
_CODE: Final = "\ue001"
_MARKS: Final = re.compile(f"([{_NAME}{_CODE}])")
_CODE_SHAPE: Final = re.compile(r"[A-Za-z0-9-]{1,40}")
_LONGEST_NAME: Final = 100
LONGEST_NAME: Final = "\U00020000" * _LONGEST_NAME  # in every measure: characters, bytes, units of an SMS
# A name with any of these is greeted without it: markup, code, controls, direction marks, and what mail programs turn
# into links. U+200C and U+200D stay, Persian and Indic names need them.
_NOT_A_NAME: Final = re.compile(
    r"[<>{}\[\]\\|^~`$%#*=@:/\"_;!?+"
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ue000-\uf8ff\U000e0000-\U0010ffff]"
    r"|[Ww][Ww][Ww]\.|\w\.\w{2,}"
)
_BODIES: Final = {
    Channel.EMAIL: "body.txt",
    Channel.PUSH: "short.txt",
    Channel.SMS: "short.txt",
    Channel.PHONE: "voice.txt",
}


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What a provider is given. `html` is there for e-mail only."""

    subject: str
    text: str
    html: str | None


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    subject: str
    text: tuple[str, ...]
    html: tuple[str, ...] | None


def render(text: NoticeText, *, person_name: str | None, channel: str, code: str) -> Rendered:
    """The message for one person; `code` is the reference that the person can quote.

    Raises Invalid for an unknown channel or an ill-formed code, and NotAllowed where the words around the text are no
    longer those that were approved with it.
    """
    if not _CODE_SHAPE.fullmatch(code):
        raise Invalid("The reference of a notice must be 1 to 40 letters, digits or hyphens.")
    name = spoken_name(person_name)
    prepared = _prepare(text, channel, named=name is not None)
    said = ", ".join(code.replace("-", "")) if channel == Channel.PHONE else code
    html = None if prepared.html is None else _join(prepared.html, escape(name or ""), code)
    return Rendered(subject=prepared.subject, text=_join(prepared.text, name or "", said), html=html)


def spoken_name(given: str | None) -> str | None:
    """The name to greet with, on one line, or None where the field holds something else than a name."""
    name = " ".join(given.split()) if given else ""
    return name if name and len(name) <= _LONGEST_NAME and not _NOT_A_NAME.search(name) else None


def _join(parts: tuple[str, ...], name: str, code: str) -> str:
    filled = {_NAME: name, _CODE: code}
    return "".join([filled.get(part, part) for part in parts])


@lru_cache(maxsize=512)
def _prepare(text: NoticeText, channel: str, *, named: bool) -> _Prepared:
    if text.kind != "notice":
        raise Invalid("An announcement is published, not sent to people: use the notice.")
    if text.layout != wording.layout("notice", text.language):
        raise NotAllowed(
            f"The words around the notice ({text.language}) have changed since it was written: "
            "draft or edit it again and have it approved."
        )
    try:
        body = _BODIES[Channel(channel)]
    except ValueError:
        raise Invalid(f"There is no channel {channel[:20]!r}: use {', '.join(Channel)}.") from None
    fill = _filler(text, named=named)
    html = _MARKS.split(fill("body.html")) if channel == Channel.EMAIL else None
    return _Prepared(
        subject=fill("subject.txt").strip(),
        text=tuple(_MARKS.split(fill(body).strip())),
        html=None if html is None else tuple(html),
    )


def _filler(text: NoticeText, *, named: bool) -> Callable[[str], str]:
    context = {
        "text": text,
        "sections": text.sections,
        "words": wording.words(text.language),
        "person_name": _NAME if named else None,
        "code": _CODE,
    }

    def fill(name: str) -> str:
        return wording.templates().get_template(f"notice/{text.language}/{name}").render(context)

    return fill
