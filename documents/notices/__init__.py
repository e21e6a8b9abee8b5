"""The notice to people: drafted from facts, edited by people, checked, approved by hash, rendered for one person."""

from documents.notices.checking import Problem, check, notes, regimes_of
from documents.notices.drafting import draft
from documents.notices.files import from_yaml, to_yaml
from documents.notices.rendering import LONGEST_NAME, Rendered, render
from documents.notices.text import NoticeText, edit, from_fields, text_hash

__all__ = [
    "LONGEST_NAME",
    "NoticeText",
    "Problem",
    "Rendered",
    "check",
    "draft",
    "edit",
    "from_fields",
    "from_yaml",
    "notes",
    "regimes_of",
    "render",
    "text_hash",
    "to_yaml",
]
