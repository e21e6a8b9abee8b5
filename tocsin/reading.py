"""YAML and JSON from outside, read so that nothing is guessed and nothing explodes.

YAML 1.2 words only: `NO` is Norway, `2026-11-20` is text, `1:30` is text. Duplicate keys, anchors, tags, deep nesting
and large documents are refused with the line; numbers are finite.
"""

import json
import math
import re
from typing import Any, Final

import yaml

from tocsin.errors import Invalid

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 32
_MAX_DIGITS: Final = 30


class _Refused(yaml.YAMLError):
    """A document that is YAML, but not one that we read."""

    def __init__(self, problem: str, mark: Any) -> None:
        super().__init__(problem)
        self.problem = problem
        self.problem_mark = mark


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # libyaml where it is there
    """The safe loader with YAML 1.2's implicit types, strict about keys."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML copies it per class

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = True) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=deep)
            if not isinstance(key, str):
                raise _Refused("a name before `:` must be text; put it in quotation marks", key_node.start_mark)
            if key in mapping:
                raise _Refused(f"`{_shown(key)}` stands there twice", key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping

    def construct_yaml_map(self, node: yaml.MappingNode) -> dict[str, Any]:
        return self.construct_mapping(node)


for _tag, _pattern, _starts in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:(?:(?:0|[1-9][0-9]*)?\.[0-9]+|(?:0|[1-9][0-9]*)\.)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)",
        "-+.0123456789",
    ),
):
    for _start in _starts:
        _Loader.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [_start.strip("\0")]
        )
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)


def document(text: str | bytes, *, source: str) -> dict[str, Any]:
    """The mapping that a YAML or JSON text holds; raises Invalid in one sentence with `source` and the line."""
    decoded = _decoded(text, source)
    try:
        read = _json(decoded) if decoded.lstrip()[:1] == "{" else _NOT_JSON
        if read is _NOT_JSON:
            read = _yaml(decoded)
    except yaml.MarkedYAMLError as error:
        raise Invalid(f"{source}{_line(error.problem_mark or error.context_mark)}: {_problem(error)}.") from None
    except _Refused as error:
        raise Invalid(f"{source}{_line(error.problem_mark)}: {error.problem}.") from None
    except yaml.reader.ReaderError as error:
        raise Invalid(
            f"{source}: character {error.position} may not stand in a text file; save it as plain UTF-8."
        ) from None
    if read is None:
        raise Invalid(f"{source} is empty: write at least `title: ...`.")
    if not isinstance(read, dict):
        raise Invalid(
            f"{source} must hold `name: value` lines, not {'a list' if isinstance(read, list) else 'one value'}."
        )
    _check(read, source, "", 1)
    return read


def our_own(text: bytes, *, source: str) -> dict[str, Any]:
    """The mapping in a file that ships with the program: read once, without the search for what strangers may hide."""
    try:
        read = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        raise Invalid(f"{source} cannot be read ({error}): install Tocsin again.") from None
    if not isinstance(read, dict):
        raise Invalid(f"{source} must hold `name: value` lines.")
    return read


def _decoded(text: str | bytes, source: str) -> str:
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise Invalid(f"{source} is larger than {MAX_BYTES // 1024} KiB: lists of people belong in a roster.")
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{source} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from None


_NOT_JSON: Final = object()


def _json(text: str) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(found)
        if len(mapping) < len(found):
            names = [name for name, _ in found]
            raise _Refused(f"`{_shown(next(n for n in names if names.count(n) > 1))}` stands there twice", None)
        return mapping

    def constant(word: str) -> Any:
        raise _Refused(f"{word} is no number", None)

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError:
        return _NOT_JSON
    except RecursionError:
        raise _Refused(f"it is nested deeper than {MAX_DEPTH} levels", None) from None
    except ValueError:
        raise _Refused("a number in it is too long", None) from None


def _yaml(text: str) -> Any:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _Refused(f"it is nested deeper than {MAX_DEPTH} levels", event.start_mark)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise _Refused("anchors (&) and aliases (*) are not read; write the value out", event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise _Refused("tags (!) are not read; write a plain value", event.start_mark)
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except ValueError:
        raise _Refused("a number in it is too long", None) from None


def _check(value: Any, source: str, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Invalid(f"{source}: it is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check(inner, source, f"{path}.{_shown(key)}".lstrip("."), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, source, path, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Invalid(f"{source}: `{path}` is not a finite number.")
    elif isinstance(value, int) and abs(value) >= 10**_MAX_DIGITS:
        raise Invalid(f"{source}: `{path}` has too many digits.")


def _shown(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."


def _line(mark: yaml.Mark | None) -> str:
    return f", line {mark.line + 1}" if mark is not None else ""


def _problem(error: yaml.MarkedYAMLError) -> str:
    # PyYAML's problem names characters and tokens only, never the text around them.
    return f"this is not readable YAML or JSON ({error.problem or error.context})"
