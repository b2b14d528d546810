"""The methods of pipecat's classes that connect: each is replaced by one of ours, or has a reason.

Every vendor's class is looked at, with all that it inherits. So a new vendor is, and a new release of
pipecat.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from functools import cache

import pytest
from pipecat.processors.frame_processor import FrameProcessor

import app.vendors
from tests.net.test_connections import OPENERS, full_name, imported

REASONS = {
    ("AnthropicLLMService.__init__", "anthropic.AsyncAnthropic"): "only without our client",
    ("DeepgramSTTService.__init__", "deepgram.AsyncDeepgramClient"): (
        "its sockets are opened by ``connects_by``; it sends nothing else"
    ),
}
"""By the method, and what it connects with."""


def classes() -> list[type[FrameProcessor]]:
    """Ours that inherit from pipecat's services."""
    found = dict[str, type[FrameProcessor]]()
    for module in pkgutil.walk_packages(app.vendors.__path__, "app.vendors."):
        for each in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(each) and issubclass(each, FrameProcessor):
                found[f"{each.__module__}.{each.__qualname__}"] = each
    return [each for each in found.values() if each.__module__.startswith("app.")]


@cache
def connecting(kind: type) -> set[tuple[str, str]]:
    """(method, opener) of the methods that a class of pipecat defines itself."""
    source = parsed(kind.__module__)
    [body] = [
        node
        for node in ast.walk(source)
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    ]
    known = imported(source)
    return {
        (method.name, name)
        for method in body.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(ast.Module(method.body, []))  # without annotations
        if (name := full_name(node, known))
        and OPENERS.fullmatch(name)
        and not name.startswith("pipecat.")  # a base class, which is looked at too
    }


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(module)))


@pytest.mark.parametrize("ours", classes(), ids=lambda each: each.__qualname__)
def test_what_connects_is_replaced(ours: type[FrameProcessor]) -> None:
    for kind in ours.__mro__:
        if not kind.__module__.startswith("pipecat."):
            continue
        for method, opener in connecting(kind):
            if (f"{kind.__name__}.{method}", opener) in REASONS:
                continue
            used = inspect.unwrap(getattr(ours, method))
            assert used.__module__.startswith("app."), f"{kind.__name__}.{method}: {opener}"


def test_there_is_something_to_replace() -> None:
    from pipecat.services.deepgram.stt import DeepgramSTTService
    from pipecat.services.gladia.stt import GladiaSTTService
    from pipecat.services.websocket_service import WebsocketService

    assert ("_setup_gladia", "aiohttp.ClientSession") in [*connecting(GladiaSTTService)]
    assert "_websocket_connect" in dict(connecting(WebsocketService))
    assert "__init__" in dict(connecting(DeepgramSTTService))
