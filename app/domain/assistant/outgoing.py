"""What this program will send of a client's body: URLs, secrets, headers, fields of vendors."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from app.domain.assistant.behaviour import behaviour_problems
from app.domain.assistant.fields import FREE
from app.domain.assistant.line_sound import BUILT_IN
from app.domain.assistant.vendor_fields import vendor_field_problems
from app.domain.errors import Invalid
from app.net.headers import header_problem, value_problem
from app.vendors import registry
from app.vendors.common.address import EITHER, ENDPOINT, STREAM, AddressForm
from providers.common.json_types import JsonObject

CALLED: Mapping[tuple[str, ...], AddressForm] = {
    ("transcriber", "server", "url"): EITHER,
    ("serverUrl",): ENDPOINT,
    ("server", "url"): ENDPOINT,
    ("ownerCallbackUrl",): ENDPOINT,
    ("transport", "url"): STREAM,
    ("model", "url"): ENDPOINT,
    ("backgroundSound",): ENDPOINT,
    ("tools", "url"): ENDPOINT,
    ("tools:append", "url"): ENDPOINT,
    ("authenticationPlan", "url"): ENDPOINT,  # of an own credential
    ("tool", "url"): ENDPOINT,  # of a hook's action
}
"""Fields, alone or in objects of these names, that hold an address this program calls.

The vendors define the address fields of ``credentials``.
"""

SECRETS = frozenset({("serverUrlSecret",), ("server", "secret")})
"""Fields, alone or in an object of that name, that are sent as the value of a header."""

HEADERS = frozenset({("server", "headers"), ("transport", "headers"), ("model", "headers")})
"""Fields in an object of that name that hold headers by their names."""

CREDENTIALS = frozenset(
    {
        ("server", "credentialId"),
        ("tools", "credentialId"),
        ("tools:append", "credentialId"),
        ("tool", "credentialId"),
    }
)
"""Fields that name a credential of a server."""
TEMPLATE = re.compile(r"\{\{(?:(?!\{\{)[^}])*\}\}")
"""No search goes beyond the next beginning: many without an end would take minutes."""

NAMES = frozenset(field[-1] for field in CALLED.keys() | SECRETS | HEADERS | CREDENTIALS)

UrlProblem = Callable[[str], str | None]
"""Returns the reason, a sentence, why this program may not call a URL; None when it may."""

Behaviour = Callable[[JsonObject, str], Iterator[str]]
"""Returns what of a body can never work, as sentences. The text is the body's path, with a dot."""


def check_outgoing(
    body: JsonObject,
    url_problem: UrlProblem,
    path: str = "",
    holders: tuple[str, ...] = (),
    behaviour: Behaviour = behaviour_problems,
) -> None:
    """Raises ``Invalid`` for an assistant, phone number or tool with what we cannot or may not do.

    ``path``: of the body within the client's, with a dot. ``holders``: as of a ``_Field``.
    ``behaviour``: of ``behaviour.py``, for this kind of body.
    """
    problems = list[str]()
    for field in _fields(body, path, holders):
        problems += [*_url_problems(field, url_problem)] or [*_unsendable(field)]
    _raise([*problems, *vendor_field_problems(body, path), *behaviour(body, path)])


def check_credential_ids(
    body: JsonObject,
    problem: Callable[[object], str | None],
    path: str = "",
    holders: tuple[str, ...] = (),
) -> None:
    """Raises ``Invalid`` for a server whose credential the organisation does not have."""
    found = (field for field in _fields(body, path, holders) if field.is_one_of(CREDENTIALS))
    _raise([f"{each.path}: {why}" for each in found if each.value and (why := problem(each.value))])


def check_urls(body: JsonObject, url_problem: UrlProblem) -> None:
    """Raises ``Invalid`` for an assistant or phone number with an address we may not call."""
    _raise([text for field in _fields(body) for text in _url_problems(field, url_problem)])


def check_sendable(body: JsonObject) -> None:
    """Raises ``Invalid`` for a secret, header, address or field that no connector can use."""
    problems = [text for field in _fields(body) for text in _unsendable(field)]
    _raise([*problems, *vendor_field_problems(body)])


def _raise(problems: list[str]) -> None:
    if problems:
        raise Invalid(problems)


class _Field(NamedTuple):
    """A field with a value. ``holders``: the names of the objects it is in, the inmost last."""

    path: str
    holders: tuple[str, ...]
    name: str
    value: object
    owner: JsonObject
    """The object it is in."""

    @property
    def is_credentials(self) -> bool:
        return self.holders[-1:] == ("credentials",)

    def is_one_of(self, fields: Collection[tuple[str, ...]]) -> bool:
        return any(field in fields for field in self.spellings)

    @property
    def spellings(self) -> Iterator[tuple[str, ...]]:
        """As the tables above name it, the longest first."""
        return ((*self.holders[-depth:], self.name)[-depth - 1 :] for depth in (2, 1, 0))


def _fields(body: JsonObject, path: str = "", holders: tuple[str, ...] = ()) -> Iterator[_Field]:
    """The fields that may be sent, at every depth: tools have servers. Nulls count as absent."""
    objects: list[tuple[JsonObject, str, tuple[str, ...]]] = [(body, path, holders)]
    while objects:
        each, path, holders = objects.pop()
        holder = holders[-1] if holders else ""
        for name, value in each.items():
            if value is None or name in FREE or (name == "backgroundSound" and value in BUILT_IN):
                continue
            if name in NAMES or holder == "credentials":
                yield _Field(path + name, holders, name, value, each)
            if isinstance(value, dict):
                objects.append((value, f"{path}{name}.", (*holders[-1:], name)))
            elif isinstance(value, list):
                inner = ((n, item) for n, item in enumerate(value) if isinstance(item, dict))
                within = (*holders[-1:], name)
                objects += [(item, f"{path}{name}.{n}.", within) for n, item in inner]


def _url_problems(field: _Field, url_problem: UrlProblem) -> Iterator[str]:
    if isinstance(field.value, str) and field.value and _is_called(field):
        problem = url_problem(_without_templates(field.value))
        if problem and field.name == "backgroundSound":
            yield f"{field.path} must be off, office, or the URL of a sound file: {problem}"
        elif problem:
            yield f"{field.path}: {problem}"


def _unsendable(field: _Field) -> Iterator[str]:
    form = _form(field) if field.value else None
    value = _without_templates(field.value) if isinstance(field.value, str) else field.value
    problem = form.problem(value) if form else None
    if problem:
        yield f"{field.path} {problem}"
    elif field.is_one_of(SECRETS) or _is_key(field):
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
    return field.is_credentials and field.name in registry.key_fields()


def _is_called(field: _Field) -> bool:
    return field.is_one_of(CALLED) or (field.is_credentials and field.name in registry.url_fields())


def _without_templates(address: str) -> str:
    """The address with a word for each template, which is known at the call only."""
    return TEMPLATE.sub("x", address)


def _form(field: _Field) -> AddressForm | None:
    """The form of the field's address. None: it is not called, or is no text of an account."""
    if not field.is_credentials:
        return next((CALLED[each] for each in field.spellings if each in CALLED), None)
    vendor = registry.with_account().get(str(field.owner.get("provider")))
    is_its = vendor is not None and vendor.credential.url == field.name
    return vendor.form if vendor and is_its and isinstance(field.value, str) else None
