"""The public notice as a folder of plain files: a page a language, a page to choose, a feed, and checksums.

The pages are whole in themselves: no script, no font, image or style from anywhere, so that they can be served by any
web server, saved, printed and archived. The same texts and times give the same bytes.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pendulum import DateTime

from documents import wording
from documents.announcements import feed
from documents.notices.drafting import organisation_name
from documents.notices.text import NoticeText, text_hash
from tocsin.errors import Invalid, NotAllowed

Files = dict[str, bytes]
_BASE = re.compile(r"https?://[^\s\"'<>?#]+/")


def page(
    texts: Sequence[NoticeText],
    *,
    plan: Mapping[str, Any],
    incident_ref: str,
    published_at: DateTime,
    facts: Mapping[str, Any] | None = None,
    base_url: str = "",
) -> Files:
    """Every file of the publication by its name.

    `facts` name the organisation where the plan does not. `base_url` is where the folder will be served, with its last
    slash; links are relative without it. Raises Invalid
    without texts or for two in one language, NotAllowed where the words around a text changed since its approval.
    """
    _check(texts, base_url)
    names = {text.language: organisation_name(plan, facts or {}, text.language) or "" for text in texts}
    zone = (plan.get("organisation") or {}).get("zone")
    local = published_at.in_timezone(zone) if zone else published_at
    shared = _shared(texts, names, incident_ref, base_url)
    shared |= {"published": published_at.in_timezone("UTC").format("YYYY-MM-DDTHH:mm:ss[Z]")}
    made = {f"{text.language}.html": _one(text, shared, names, local) for text in texts}
    made["index.html"] = _render("page.index.html", {**shared, "words": wording.words(texts[0].language)})
    return sealed(made | feed.files(_feed(texts, shared)))


def sealed(made: Mapping[str, bytes]) -> Files:
    """The files with `SHA256SUMS` over all others, in the form that `sha256sum -c` reads."""
    named = {name: made[name] for name in sorted(made) if name != "SHA256SUMS"}
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in named.items()]
    return {**named, "SHA256SUMS": "".join(lines).encode()}


def _check(texts: Sequence[NoticeText], base_url: str) -> None:
    languages = [text.language for text in texts]
    if not texts or any(text.kind != "announcement" for text in texts):
        raise Invalid("A public page is made from announcement texts, at least one: draft the announcement first.")
    if len(set(languages)) < len(languages):
        raise Invalid("There are two announcement texts in one language: keep one of them.")
    if base_url and not _BASE.fullmatch(base_url):
        raise Invalid("The address of the public folder must be like https://example.com/notice/ with its last slash.")
    for text in texts:
        if text.layout != wording.layout("announcement", text.language):
            raise NotAllowed(
                f"The words around the announcement ({text.language}) have changed since it was written: "
                "edit it and have it approved again."
            )


def _shared(texts: Sequence[NoticeText], names: Mapping[str, str], incident_ref: str, base_url: str) -> dict[str, Any]:
    css = (Path(__file__).parents[1] / "templates" / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return {
        "css": css,
        "css_hash": f"sha256-{digest}",
        "base": base_url,
        "incident_ref": incident_ref,
        "organisation": names[texts[0].language],
        "alternates": [_alternate(text) for text in texts],
    }


def _alternate(text: NoticeText) -> dict[str, Any]:
    known = wording.words(text.language)
    return {"tag": known.tag, "name": known.name, "file": f"{text.language}.html", "title": text.title, "words": known}


def _one(text: NoticeText, shared: Mapping[str, Any], names: Mapping[str, str], at: DateTime) -> bytes:
    known = wording.words(text.language)
    own = {
        "text": text,
        "words": known,
        "organisation": names[text.language],
        "published_words": at.format(f"{known.date_format}, HH:mm [(UTC]Z[)]", locale=text.language),
        "fingerprint": text_hash([text]),
    }
    return _render("page.html", {**shared, **own})


def _feed(texts: Sequence[NoticeText], shared: Mapping[str, Any]) -> feed.Feed:
    ref, published = shared["incident_ref"], shared["published"]
    known = wording.words(texts[0].language)
    entries = tuple(feed.entry(text, incident_ref=ref, published=published) for text in texts)
    return feed.Feed(
        id=feed.feed_id(ref),
        title=" – ".join(part for part in (shared["organisation"], f"{known.page.public_notice} {ref}") if part),
        organisation=shared["organisation"] or known.page.public_notice,
        base=shared["base"],
        entries_=entries,
        current=frozenset(one.id for one in entries),
    )


def _render(name: str, context: Mapping[str, Any]) -> bytes:
    return wording.templates().get_template(name).render(context).encode() + b"\n"
