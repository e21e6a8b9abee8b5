"""What an approval is bound to, and what has changed since, in words.

A binding is a small document: the words, and what they go out with. Its hash is what is approved; the document is kept
beside the hash, so that whoever must approve again reads what changed instead of two hashes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tocsin.ledger import fingerprint

WORDS: Final = ("subject", "words", "texts", "version")  # what is left of a binding where the plan says `rebind: text`
Binding = Mapping[str, Any]


def of(document: Binding, *, words_only: bool) -> dict[str, Any]:
    """The part of a document to which the plan binds its approvals."""
    return {name: value for name, value in document.items() if not words_only or name in WORDS}


def hash_of(binding: Binding) -> str:
    """The SHA-256 that is approved."""
    return fingerprint(dict(binding))


def changes(before: Binding, after: Binding) -> tuple[str, ...]:
    """What is different now, one clause each; empty where nothing that we can name is."""
    return tuple(
        clause
        for name, say in _SAY.items()
        if before.get(name) != after.get(name) and name in before and name in after
        for clause in say(before[name], after[name])
    )


def _texts(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[str]:
    other = [language for language in after if language in before and after[language] != before[language]]
    new = [language for language in after if language not in before]
    if other:
        yield f"other words in {', '.join(other)}"
    if new:
        yield f"words in {', '.join(new)} besides"


def _facts(before: int, after: int) -> Iterator[str]:
    yield f"the facts are version {after}, not {before}"


def _people(before: int, after: int) -> Iterator[str]:
    many = abs(after - before)
    yield f"{many:,} {'person' if many == 1 else 'people'} {'more' if after > before else 'fewer'}"


def _providers(before: list[str], after: list[str]) -> Iterator[str]:
    for word, names in (("new", set(after) - set(before)), ("gone", set(before) - set(after))):
        if names:
            yield f"provider{'s' if len(names) > 1 else ''} {', '.join(sorted(names))} {word}"


def _ladder(_before: str, _after: str) -> Iterator[str]:
    yield "the plan's channels have changed"


def _channels(_before: list[str], after: list[str]) -> Iterator[str]:
    yield f"it is to be published by {', '.join(after)}"


def _version(before: int, after: int) -> Iterator[str]:
    yield f"it is version {after}, not {before}"


_SAY: Final[dict[str, Callable[[Any, Any], Iterator[str]]]] = {
    "texts": _texts,
    "version": _version,
    "people": _people,
    "facts": _facts,
    "ladder": _ladder,
    "channels": _channels,
    "providers": _providers,
}
