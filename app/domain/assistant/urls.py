""""""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from app.domain.errors import Invalid
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
"""Fields, alone or inside an object of that name, that hold an address this program calls.

Those of ``credentials`` are the vendors' to say.
"""


FREE = frozenset({"metadata", "variableValues"})
"""A client's own data: whatever it holds, nothing of it is called."""


UrlProblem = Callable[[str], str | None]
"""Says in a sentence why this program may not call a URL; None when it may."""


def check_urls(body: JsonObject, url_problem: UrlProblem) -> None:
    """Raises ``Invalid`` for an assistant or phone number with an address we may not call."""
    found = ((path, url_problem(url)) for path, url in _urls(body))
    problems = [f"{path}: {problem}" for path, problem in found if problem]
    if problems:
        raise Invalid(problems)


def _urls(body: JsonObject, path: str = "", holder: str = "") -> Iterator[tuple[str, str]]:
    """(path, URL) of each address that this program will call, at every depth: tools have servers."""
    for name, value in body.items():
        if name in FREE:
            continue
        if isinstance(value, str):
            if value and _is_called(holder, name):
                yield path + name, value
        elif isinstance(value, Mapping):
            yield from _urls(value, f"{path}{name}.", name)
        elif isinstance(value, list):
            for n, item in enumerate(value):
                if isinstance(item, Mapping):
                    yield from _urls(item, f"{path}{name}.{n}.", name)


def _is_called(holder: str, name: str) -> bool:
    if holder == "credentials":
        return name in registry.url_fields() or (name,) in CALLED
    return (name,) in CALLED or (holder, name) in CALLED
