"""The feed of one incident's public notice: Atom (RFC 4287) for readers, JSON Feed 1.1 as its record.

Entries are never removed: what was once said in public stays to be read. An entry's id is made from the words, so the
same words published twice are one entry.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from documents import wording
from documents.notices.text import NoticeText, text_hash
from tocsin.errors import Invalid

FILES: Final = ("feed.atom", "feed.json")
_VERSION: Final = "https://jsonfeed.org/version/1.1"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One text in one language, as it was published."""

    id: str
    tag: str
    title: str
    file: str
    published: str  # RFC 3339, the first time
    updated: str  # the last time
    summary: str
    content: str  # HTML


@dataclass(frozen=True, kw_only=True)
class Feed:
    """All that was published about one incident."""

    id: str
    title: str
    organisation: str
    base: str
    entries_: tuple[Entry, ...]
    current: frozenset[str]  # the ids of the entries that the pages show

    @property
    def updated(self) -> str:
        """When something was last published."""
        return max(one.updated for one in self.entries_)


def feed_id(incident_ref: str) -> str:
    """The permanent id of an incident's feed."""
    return uuid5(NAMESPACE_URL, f"tocsin:announcement:{incident_ref}").urn


def entry(text: NoticeText, *, incident_ref: str, published: str) -> Entry:
    """The entry for one text."""
    known = wording.words(text.language)
    body = "\n".join(f"<h2>{known.headings[part]}</h2>\n{wording.paragraphs(words)}" for part, words in text.sections)
    return Entry(
        id=uuid5(NAMESPACE_URL, f"tocsin:announcement:{incident_ref}:{text_hash([text])}").urn,
        tag=known.tag,
        title=text.title,
        file=f"{text.language}.html",
        published=published,
        updated=published,
        summary=text.short,
        content=body,
    )


def merged(new: Feed, earlier: Feed | None) -> Feed:
    """The new feed with what was published before, newest first; words that return keep their first date."""
    if earlier is None:
        return new
    if earlier.id != new.id:
        raise Invalid("The folder holds the announcement of another incident: publish into a folder of its own.")
    before = {one.id: one for one in earlier.entries_}
    fresh = {one.id: replace(one, published=before.get(one.id, one).published) for one in new.entries_}
    every = sorted((before | fresh).values(), key=lambda one: one.tag)
    return replace(new, entries_=tuple(sorted(every, key=lambda one: one.updated, reverse=True)))


def files(feed: Feed) -> dict[str, bytes]:
    """The feed as its two files."""
    atom = wording.templates().get_template("page.atom").render(feed=feed)
    return {"feed.atom": atom.encode() + b"\n", "feed.json": _json(feed)}


def _json(feed: Feed) -> bytes:
    document = {
        "version": _VERSION,
        "title": feed.title,
        "home_page_url": f"{feed.base}index.html",
        "feed_url": f"{feed.base}feed.json",
        "authors": [{"name": feed.organisation}],
        "_tocsin": {"id": feed.id, "base": feed.base, "current": sorted(feed.current)},
        "items": [_item(feed, one) for one in feed.entries_],
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _item(feed: Feed, one: Entry) -> dict[str, Any]:
    return {
        "id": one.id,
        "url": f"{feed.base}{one.file}",
        "title": one.title,
        "language": one.tag,
        "date_published": one.published,
        "date_modified": one.updated,
        "summary": one.summary,
        "content_html": one.content,
        "_tocsin": {"file": one.file},
    }


def read(content: bytes) -> Feed:
    """The feed that `files` wrote as JSON; raises Invalid where it is not one of ours."""
    try:
        document = json.loads(content)
        return Feed(
            id=document["_tocsin"]["id"],
            title=document["title"],
            organisation=document["authors"][0]["name"],
            base=document["_tocsin"]["base"],
            entries_=tuple(_entry(item) for item in document["items"]),
            current=frozenset(document["_tocsin"]["current"]),
        )
    except (ValueError, KeyError, IndexError, TypeError):
        raise Invalid("The folder's feed.json was not written by Tocsin: publish into another folder.") from None


def _entry(item: dict[str, Any]) -> Entry:
    return Entry(
        id=item["id"],
        tag=item["language"],
        title=item["title"],
        file=item["_tocsin"]["file"],
        published=item["date_published"],
        updated=item["date_modified"],
        summary=item["summary"],
        content=item["content_html"],
    )
