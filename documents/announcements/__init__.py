"""The public notice: for everybody who cannot be told one by one, and for everybody else to check."""

from collections.abc import Mapping
from typing import Any, Final

from documents.announcements.pages import page
from documents.announcements.publishing import Published, intact, publish
from documents.notices.drafting import compose
from documents.notices.text import NoticeText, edit

__all__ = ["Published", "draft", "fill_from_notice", "intact", "page", "publish"]

_SHARED: Final = ("measures", "advice", "remedies", "contact")
_GAP: Final = "[["


def draft(facts: Mapping[str, Any], plan: Mapping[str, Any], language: str) -> NoticeText:
    """The public notice, drafted: it speaks to everyone, says who may be affected and how to find out."""
    return compose("announcement", facts, plan, language)


def fill_from_notice(text: NoticeText, notice: NoticeText | None) -> NoticeText:
    """The announcement with what the notice in the same language already says about measures, advice and remedies."""
    if notice is None or notice.language != text.language:
        return text
    said = {part: getattr(notice, part) for part in _SHARED}
    taken = {part: words for part, words in said.items() if words and _GAP not in words}
    return edit(text, taken)
