"""A kept row that somebody changes would change for every later request: here it is noticed."""

from __future__ import annotations

from collections.abc import Hashable
from copy import deepcopy
from typing import Any

from app.store.kept import Kept

_find, _keep = Kept.find, Kept.keep


def watch() -> None:
    """From now on a kept row is compared with its copy whenever it is used."""
    Kept.find, Kept.keep = _found, _kept  # type: ignore[method-assign]


def _kept(self: Kept, revision: int, key: Hashable, value: Any) -> None:
    _keep(self, revision, key, value)
    if isinstance(value, dict | list):
        _keep(self, revision, ("copy", key), deepcopy(value))


def _found(self: Kept, revision: int, key: Hashable) -> Any:
    value = _find(self, revision, key)
    if isinstance(value, dict | list):
        copy = _find(self, revision, ("copy", key))
        assert copy in (None, value), f"the kept row {key} was changed"
    return value
