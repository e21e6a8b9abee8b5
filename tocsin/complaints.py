"""Many validation problems as one sentence a person can act on."""

from collections.abc import Collection
from typing import Any, Final, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from tocsin import vocabulary
from tocsin.errors import Invalid

_SHOWN: Final = 3
_PHRASES: Final = {
    "missing": "is missing",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "model_type": "must hold `name: value` lines",
    "model_attributes_type": "must hold `name: value` lines",
    "dict_type": "must hold `name: value` lines",
    "mapping_type": "must hold `name: value` lines",
    "list_type": "must be a list such as [a, b]",
    "tuple_type": "must be a list such as [a, b]",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
}


class Strict(BaseModel):
    """A frozen value read from a document: unknown names are refused, and the nearest names suggested."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _known_names(cls, value: Any) -> Any:
        if isinstance(value, dict):
            names = {field.alias or name for name, field in cls.model_fields.items()}
            for key in value:
                if key not in names:
                    refuse_name(key, names)
        return value


def refuse_name(key: str, names: Collection[str]) -> NoReturn:
    """Refuse an unknown name inside a validator."""
    raise PydanticCustomError(
        "unknown_name",
        "is no name known here: {advice}",
        {"key": str(key)[:60], "advice": vocabulary.suggestion(str(key), names)},
    )


def invalid(error: ValidationError, *, source: str) -> Invalid:
    """The sentence for the first few problems, each with its path."""
    found = error.errors(include_url=False, include_input=False)
    told = list(dict.fromkeys(_one(problem) for problem in found))
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return Invalid(f"{source}: {'; '.join(told[:_SHOWN])}{more}.")


def _one(problem: ErrorDetails) -> str:
    context = problem.get("ctx", {})
    steps = [*(step for step in problem["loc"] if step != "[key]"), *([context["key"]] if "key" in context else [])]
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    kind = problem["type"]
    phrase = _PHRASES.get(kind) or (str(context["error"]) if kind == "value_error" else problem["msg"])
    phrase = phrase.rstrip(".")
    return f"`{path}`{':' if phrase.startswith('`') else ''} {phrase}" if path else phrase
