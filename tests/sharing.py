"""What the tests of one process share, because making it again for each takes most of their time.

Everywhere else one process has one application and one engine, and keeps these by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jwt.algorithms
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from sqlalchemy.engine import Engine
from werkzeug.routing import Rule

_open = sa.create_engine
_compile = Rule.compile
_compiled = Rule._compile_builder
_set_level = logging.Logger.setLevel


def install() -> None:
    sa.create_engine = _with_statements
    logging.Logger.setLevel = _unless_it_has  # type: ignore[method-assign]
    Rule.compile = _as_before  # type: ignore[method-assign]
    Rule._compile_builder = _when_needed  # type: ignore[method-assign]
    loaded: Any = lru_cache(serialization.load_pem_private_key)  # OpenSSL proves a key for 50 ms
    serialization.load_pem_private_key = loaded
    jwt.algorithms.load_pem_private_key = loaded  # type: ignore[attr-defined]


class Statements(dict[tuple[object, ...], object]):
    """SQLAlchemy's compiled statements, for all engines of one kind of database.

    https://docs.sqlalchemy.org/en/21/core/connections.html#sql-caching
    """

    def get(self, key: tuple[object, ...], default: Any = None) -> Any:
        return super().get(key[1:], default)  # the first is the engine's own dialect

    def __setitem__(self, key: tuple[object, ...], value: object) -> None:
        super().__setitem__(key[1:], value)


_statements: dict[str, Statements] = {}


def _with_statements(*args: Any, **options: Any) -> Engine:
    engine = _open(*args, **options)
    shared = _statements.setdefault(engine.dialect.name, Statements())
    engine.update_execution_options(compiled_cache=shared)
    return engine


def _unless_it_has(self: logging.Logger, level: int | str) -> None:
    """Each set level makes all loggers forget which levels they have."""
    if self.level != level:
        _set_level(self, level)


COMPILED = ("_parts", "_trace", "_converters", "arguments", "_build", "_build_unknown")
"""What werkzeug makes of a rule's text; nothing changes it afterwards."""

_rules: dict[tuple[object, ...], dict[str, object]] = {}


def _as_before(self: Rule) -> None:
    """The route of an earlier application is compiled: to parse all again is half of making one."""
    assert self.map is not None
    kinds = tuple(self.map.converters.values())
    text = (self.rule, self.subdomain, self.host, str(self.defaults))
    key = (*text, self.merge_slashes, self.map.host_matching, kinds)
    if key not in _rules:
        _compile(self)
        _rules[key] = {name: vars(self)[name] for name in COMPILED}
    vars(self).update(_rules[key])


def _when_needed(self: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """``url_for`` of a route, compiled at its first use: that of all is most of making an application."""
    made = list[Callable[..., tuple[str, str]]]()

    def build(rule: Rule, **values: object) -> tuple[str, str]:
        if not made:
            made.append(_compiled(self, append_unknown))
        return made[0](rule, **values)

    return build
