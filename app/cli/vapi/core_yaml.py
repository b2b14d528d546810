"""Reads YAML as Vapi's gitops writes it: version 1.2, by its core schema.

PyYAML reads version 1.1, in which a plain ``on`` or ``yes`` is a boolean and a date is no text. The
hooks of an assistant have a key ``on``. https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml  # type: ignore[import-untyped]

from app.cli.vapi.source import SourceError
from providers.common.json_types import JsonDict

MOST_BYTES = 1_000_000
MOST_ALIASES = 100
"""Of one file: a few lines of aliases may stand for gigabytes."""

# Type, pattern, and the first characters of what it fits.
CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", [*"-+0123456789"]),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        [*"-+.0123456789"],
    ),
)
BASES = {"0o": 8, "0x": 16}


class CoreLoader(yaml.SafeLoader):  # type: ignore[misc]
    """Knows no types but those of JSON."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # the library's form


for _type, _pattern, _first in CORE:
    CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_type}", re.compile(f"(?:{_pattern})\\Z"), _first
    )


def _int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    base = BASES.get(text[:2])
    return int(text[2:], base) if base else int(text)


CoreLoader.add_constructor("tag:yaml.org,2002:int", _int)


def read(text: str, where: str) -> JsonDict:
    """The object in a file. Raises ``SourceError``."""
    if len(text) > MOST_BYTES:
        raise SourceError(f"{where} is larger than {MOST_BYTES} bytes")
    try:
        aliases = sum(isinstance(each, yaml.AliasEvent) for each in yaml.parse(text, CoreLoader))
        if aliases > MOST_ALIASES:
            raise SourceError(f"{where} has more than {MOST_ALIASES} aliases")
        found = yaml.load(text, CoreLoader)  # noqa: S506  # a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SourceError(f"{where} cannot be read as YAML: {_reason(error)}") from error
    if not isinstance(found, dict):
        raise SourceError(f"{where} is not a YAML object")
    _check(found, where)
    return found


def _reason(error: Exception) -> str:
    """Where and why, without the text around it, which may hold a secret."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return type(error).__name__


def _check(value: Any, where: str) -> None:
    """Raises ``SourceError`` for what JSON cannot hold."""
    if isinstance(value, dict):
        wrong = next((name for name in value if not isinstance(name, str)), None)
        if wrong is not None:
            raise SourceError(f"{where}: the key {wrong!r} is not a text")
        for inner in value.values():
            _check(inner, where)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, where)
    elif not isinstance(value, (str, int, float, type(None))):
        raise SourceError(f"{where} holds a value that JSON does not have")
    elif isinstance(value, float) and not math.isfinite(value):
        raise SourceError(f"{where} holds a number that JSON does not have")
