"""What this program will send of a client's body: URLs that it calls, secrets and headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from app.domain.errors import Invalid
from app.net.headers import header_problem, value_problem
from app.vendors import registry
from providers.common.json_types import JsonObject

CALLED = frozenset(
    {
        ("serverUrl",),
        ("server", "url"),
        ("transport", "url"),
        ("model", "url"),
    }
)
"""Fields, alone or in an object of that name, that hold an address this program calls.

The vendors define the address fields of ``credentials``.
"""


FREE = frozenset({"metadata", "variableValues"})
"""Fields with a client's own data: this program calls no address in them."""

SECRETS = frozenset({("serverUrlSecret",), ("server", "secret")})
"""Fields, alone or in an object of that name, that are sent as the value of a header."""

HEADERS = frozenset({("server", "headers"), ("transport", "headers"), ("model", "headers")})
"""Fields in an object of that name that hold headers by their names."""

NAMES = frozenset(field[-1] for field in CALLED | SECRETS | HEADERS)

UrlProblem = Callable[[str], str | None]
"""Returns the reason, a sentence, why this program may not call a URL; None when it may."""


def check_outgoing(body: JsonObject, url_problem: UrlProblem, path: str = "") -> None:
    """Raises ``Invalid`` for an assistant or phone number with what we cannot or may not send.

    ``path``: of the body within the client's, with a dot.
    """
    problems = list[str]()
    for field in _fields(body, path):
        problems += [*_url_problems(field, url_problem), *_header_problems(field)]
    _raise(problems)


def check_urls(body: JsonObject, url_problem: UrlProblem) -> None:
    """Raises ``Invalid`` for an assistant or phone number with an address we may not call."""
    _raise([text for field in _fields(body) for text in _url_problems(field, url_problem)])


def check_headers(body: JsonObject) -> None:
    """Raises ``Invalid`` for a secret or a header that cannot be sent."""
    _raise([text for field in _fields(body) for text in _header_problems(field)])


def _raise(problems: list[str]) -> None:
    if problems:
        raise Invalid(problems)


class _Field(NamedTuple):
    """A field with a value. ``path``: its own, ``holder``: the name of the object it is in."""

    path: str
    holder: str
    name: str
    value: object

    def is_one_of(self, fields: frozenset[tuple[str, ...]]) -> bool:
        return (self.name,) in fields or (self.holder, self.name) in fields


def _fields(body: JsonObject, path: str = "", holder: str = "") -> Iterator[_Field]:
    """The fields that may be sent, at every depth: tools have servers. Nulls count as absent."""
    objects = [(body, path, holder)]
    while objects:
        each, path, holder = objects.pop()
        for name, value in each.items():
            if value is None or name in FREE:
                continue
            if name in NAMES or holder == "credentials":
                yield _Field(path + name, holder, name, value)
            if isinstance(value, dict):
                objects.append((value, f"{path}{name}.", name))
            elif isinstance(value, list):
                inner = ((n, item) for n, item in enumerate(value) if isinstance(item, dict))
                objects += [(item, f"{path}{name}.{n}.", name) for n, item in inner]


def _url_problems(field: _Field, url_problem: UrlProblem) -> Iterator[str]:
    if isinstance(field.value, str) and field.value and _is_called(field.holder, field.name):
        problem = url_problem(field.value)
        if problem:
            yield f"{field.path}: {problem}"


def _header_problems(field: _Field) -> Iterator[str]:
    if field.is_one_of(SECRETS) or _is_key(field):
        problem = value_problem(field.value)
        if problem:
            yield f"{field.path} {problem}"
    elif field.is_one_of(HEADERS):
        yield from _wrong_headers(field)


def _wrong_headers(field: _Field) -> Iterator[str]:
    if not isinstance(field.value, Mapping):
        yield f"{field.path} must be an object"
        return
    for name, value in field.value.items():
        problem = header_problem(name, value)
        if problem:
            yield f"{field.path}.{name} {problem}"


def _is_key(field: _Field) -> bool:
    """Whether it is a text of an account, which goes into a header."""
    return field.holder == "credentials" and field.name in registry.key_fields()


def _is_called(holder: str, name: str) -> bool:
    if holder == "credentials":
        return name in registry.url_fields() or (name,) in CALLED
    return (name,) in CALLED or (holder, name) in CALLED
