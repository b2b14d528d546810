"""pydantic's errors in the sentences of class-validator, which Vapi's clients expect.

This is a pure function of the error list. The path of the object stands before the sentence, as
NestJS writes it: ``customer.number must be ...``, ``customer.property x should not exist``.
https://github.com/typestack/class-validator#validation-decorators
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from app.routes.schemas.not_served import NOT_SERVED

# pydantic's error type -> sentence. https://docs.pydantic.dev/latest/errors/validation_errors/
WORDING: Mapping[str, str] = {
    "extra_forbidden": "property {property} should not exist",
    "missing": "{property} should not be empty",
    "string_type": "{property} must be a string",
    "string_too_long": "{property} must be shorter than or equal to {max_length} characters",
    "string_too_short": "{property} must be longer than or equal to {min_length} characters",
    "string_pattern_mismatch": "{property} must match {pattern} regular expression",
    "bool_type": "{property} must be a boolean value",
    "float_type": "{property} must be a number conforming to the specified constraints",
    "int_type": "{property} must be an integer number",
    "int_parsing": "{property} must be an integer number",
    "int_from_float": "{property} must be an integer number",
    "greater_than_equal": "{property} must not be less than {ge}",
    "less_than_equal": "{property} must not be greater than {le}",
    "dict_type": "{property} must be an object",
    "model_type": "{property} must be an object",
    "model_attributes_type": "{property} must be an object",
    "list_type": "{property} must be an array",
    "literal_error": "{property} must be one of the following values: {values}",
    "enum": "{property} must be one of the following values: {values}",
    "union_tag_invalid": "type of {property} must be one of the following values: {values}",
    "union_tag_not_found": "type of {property} should not be empty",
}

FIELD = "patchbay_field"
# Types of the errors that our own validators raise: about a field, or about an object.
OBJECT = "patchbay_object"


def wrong(sentence: str) -> PydanticCustomError:
    """The error for a field's validator to raise. ``$property`` stands for the field's name."""
    return PydanticCustomError(FIELD, "{sentence}", {"sentence": sentence})


def wrong_object(sentence: str) -> PydanticCustomError:
    """The error for an object's validator to raise."""
    return PydanticCustomError(OBJECT, "{sentence}", {"sentence": sentence})


def messages(error: ValidationError) -> list[str]:
    """One sentence per fault, in pydantic's order, without repetitions."""
    found = error.errors(include_url=False, include_input=False)
    return list(dict.fromkeys(_message(detail) for detail in found))


def _message(detail: ErrorDetails) -> str:
    parents, name = _place(detail["loc"], whole=detail["type"] == OBJECT)
    return ".".join([*parents, _sentence(detail, name)])


def _place(loc: Sequence[int | str], *, whole: bool) -> tuple[list[str], str]:
    """The objects above the faulty field, and its name.

    An item of a list has no name of its own.
    """
    path = [str(part) for part in loc]
    if whole or not path:
        return path, ""
    if len(path) > 1 and isinstance(loc[-1], int):
        return path[:-2], f"each value in {path[-2]}"
    return path[:-1], path[-1]


def _sentence(detail: ErrorDetails, name: str) -> str:
    context = {key: _plain(value) for key, value in detail.get("ctx", {}).items()}
    if "sentence" in context:
        return str(context["sentence"]).replace("$property", name)
    template = WORDING.get(detail["type"], "{property} is not valid")
    if detail["type"] == "extra_forbidden" and name in NOT_SERVED:
        template += f": {NOT_SERVED[name]}"
    expected = context.get("expected") or context.get("expected_tags", "")
    values = ", ".join(re.findall(r"'([^']*)'", str(expected)))
    return template.format(**{**context, "property": name, "values": values})


def _plain(value: Any) -> Any:
    """Write 300.0 as 300."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
