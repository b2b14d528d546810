"""python-liquid with bounds: no files, no attributes of objects, little time and little memory.

The library is imported when the first template needs it, because the import takes half a second.
https://jg-rp.github.io/liquid/ (resource limits)
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import BlockNode
from liquid.builtin.tags.for_tag import ForNode, ForTag
from liquid.exceptions import LiquidError, ResourceLimitError
from liquid.token import Token

from app.domain.assistant.liquid.filters import FILTERS, bounded

SECONDS = 0.25
"""The time that one template may take. A thread renders, so a call's sound goes on."""
MAX_ITERATIONS = 1_000
"""Of nested loops together."""
MAX_LOCALS = 1_000_000
"""Bytes of what ``assign`` and ``capture`` hold."""
MAX_OUTPUT = 4_000_000
"""Bytes of a rendered text. A long call's transcript goes into one."""
NO_TAGS = ("include", "render", "tablerow")
"""Tags that read other templates, or write HTML."""
NOT_ESCAPED = "safe"
"""The library's own filter, by which a value would become markup."""


class _Context(RenderContext):
    """The values of one rendering, and its deadline."""

    __slots__ = ("until",)

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.until = time.monotonic() + SECONDS

    def raise_for_loop_limit(self, length: int = 1) -> None:
        check_time(self)
        super().raise_for_loop_limit(length)


def check_time(context: RenderContext) -> None:
    """Raises ``ResourceLimitError`` after the deadline."""
    if isinstance(context, _Context) and time.monotonic() > context.until:
        raise ResourceLimitError(f"the template takes longer than {SECONDS:g} s", token=None)


class _TimedBlock(BlockNode):
    """The body of a loop: the clock is read before each of its nodes."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        count = 0
        for node in self.nodes:
            check_time(context)
            count += node.render(context, buffer)
        return count


class _TimedFor(ForNode):
    def __init__(
        self, token: Token, expression: Any, block: BlockNode, default: BlockNode | None = None
    ) -> None:
        super().__init__(token, expression, _TimedBlock(block.token, block.nodes), default)


class _TimedForTag(ForTag):
    node_class = _TimedFor


class _Template(BoundTemplate):
    context_class = _Context


class _Sandbox(Environment):
    """Strict while it parses. A node that fails later renders as nothing."""

    template_class = _Template
    loop_iteration_limit = MAX_ITERATIONS
    local_namespace_limit = MAX_LOCALS
    output_stream_limit = MAX_OUTPUT
    rendering = False

    def error(self, exc: Any, msg: str | None = None, token: Token | None = None) -> None:
        if self.rendering and isinstance(exc, LiquidError):
            if isinstance(exc, ResourceLimitError):
                raise exc
            return
        super().error(exc, msg, token)


@cache
def _sandbox(*, rendering: bool, escapes: bool = False) -> _Sandbox:
    made = _Sandbox(strict_filters=False, autoescape=escapes)
    made.rendering = rendering
    made.add_tag(_TimedForTag)
    for name in NO_TAGS:
        made.tags.pop(name)
    made.filters |= FILTERS
    made.filters.pop(NOT_ESCAPED)
    made.filters = {name: bounded(name, each) for name, each in made.filters.items()}
    return made


def parse(text: str, *, escapes: bool = False) -> Template:
    """Raises ``LiquidError``, whose text says what is wrong, or ``RecursionError``.

    ``escapes``: values are escaped as in XML.
    """
    nodes = _sandbox(rendering=False, escapes=escapes).from_string(text).nodes
    return Template(_Template(_sandbox(rendering=True, escapes=escapes), nodes))


class Template:
    """A parsed template. Thread-safe: nothing in it changes."""

    def __init__(self, bound: BoundTemplate) -> None:
        self._bound = bound

    def render(self, values: Mapping[str, Any]) -> str:
        """Raises ``ResourceLimitError``, and what a filter raises for unsuitable values."""
        return self._bound.render(values)

    def unknown_filters(self) -> list[str]:
        """The names of filters that do not exist. Their values pass unchanged."""
        known = _sandbox(rendering=True).filters
        return sorted(set(self._bound.analyze().filters) - known.keys())
