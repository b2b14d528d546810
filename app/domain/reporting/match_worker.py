"""Matches a client's regular expressions, as a program of its own: no one knows how long one takes.

Reads one JSON object and writes one. ``app/domain/reporting/matching.py`` starts and stops it.
Python's own parts alone are imported, except the library for JSON Schema.
"""

import json
import re
import sys
from typing import Any

FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
LITERAL = re.compile(r"/(?P<body>.*)/(?P<flags>[a-z]*)", re.DOTALL)
"""A pattern as JavaScript writes it. Its other flags change nothing here."""


def compiled(pattern: str) -> re.Pattern[str]:
    """The expression, written as Python or as JavaScript does. Raises ``re.error``."""
    literal = LITERAL.fullmatch(pattern)
    if literal is None:
        return re.compile(pattern)
    flags = sum(FLAGS.get(flag, 0) for flag in set(literal["flags"]))
    return re.compile(literal["body"], flags)


def found(pattern: str, text: str, kind: str) -> Any:
    """The match as the value of a schema's ``type``; None: there is none."""
    matches = [match[1] if match.re.groups else match[0] for match in _every(pattern, text)]
    if kind == "boolean":
        return bool(matches)
    if kind == "array":
        return matches
    if not matches:
        return None
    if kind in {"number", "integer"}:
        return int(float(matches[0])) if kind == "integer" else float(matches[0])
    return matches[0]


def _every(pattern: str, text: str) -> list[re.Match[str]]:
    return list(compiled(pattern).finditer(text))[:1000]


def problem(schema: Any, value: Any) -> str | None:
    """What of the value is not as the schema says."""
    from jsonschema import validators  # type: ignore[import-untyped]
    from referencing import Registry

    # An empty registry: a reference to another document is an error, and nothing is fetched.
    validator = validators.validator_for(schema)(schema, registry=Registry())
    for error in validator.iter_errors(value):
        place = ".".join(map(str, error.absolute_path))
        return f"{place}: {error.message[:300]}" if place else str(error.message[:300])
    return None


def main() -> None:
    asked = json.load(sys.stdin)
    try:
        if "pattern" in asked:
            answer = {"value": found(asked["pattern"], asked["text"], asked["kind"])}
        else:
            answer = {"problem": problem(asked["schema"], asked["value"])}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
