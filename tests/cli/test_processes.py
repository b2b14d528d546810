"""Commands that start a bridge in processes of its own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner

from app.cli import demo
from app.cli.main import main
from app.cli.scenarios import run


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("module", "name", "command"),
    [(demo, "run", ["demo"]), (run, "check", ["test", "docs/scenarios/keys.yaml"])],
)
def test_sigterm_stops_the_bridge_too(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, command: list[str]
) -> None:
    """By default it ends the command alone, whose bridge then serves for ever."""

    def limit(*_: Any, **__: Any) -> NoReturn:
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
        raise KeyboardInterrupt

    monkeypatch.setattr(module, name, limit)
    ended = CliRunner().invoke(main, command)
    assert (ended.exit_code, ended.output.strip()) == (1, "Aborted!")
