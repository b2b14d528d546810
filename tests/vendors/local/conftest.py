"""A machine with the packages and with models of its own, and programs that stand in for both."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.vendors.common import local_models
from app.vendors.common.account import MODELS_DIR, VendorAccount
from app.vendors.common.subprocess_worker import SubprocessWorker
from app.vendors.piper import speaking
from app.vendors.whisper import listening
from tests.clock import PATIENCE
from tests.vendors.local import program
from tests.vendors.local.installed import lack

collect_ignore = ["test_real.py"] if lack() else []
Install = Callable[..., None]


def stand_in(*arguments: str, most: int | None = None) -> SubprocessWorker:
    """A program that is started by its first request."""
    command = [sys.executable, "-I", "-S", program.__file__, *arguments]
    return SubprocessWorker("program", lambda: command, PATIENCE, most)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes these packages, and no others, the installed ones: a name, or a name and its folder."""

    def install(*packages: str, **folders: Path) -> None:
        found: dict[str, Any] = dict.fromkeys(packages, SimpleNamespace(origin=None))
        for name, folder in folders.items():
            found[name] = SimpleNamespace(origin=str(folder / "__init__.py"))
        monkeypatch.setattr(local_models, "find_spec", found.get)

    return install


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """LOCAL_MODELS_DIR, with two models and two voices, and with what is neither."""
    for name in ("small", "tiny.en"):
        model = tmp_path / "whisper" / name
        model.mkdir(parents=True)
        for file in ("model.bin", "config.json", "tokenizer.json"):
            (model / file).touch()
    (tmp_path / "whisper" / "half").mkdir()
    (tmp_path / "whisper" / "half" / "model.bin").touch()
    voices = tmp_path / "piper"
    voices.mkdir()
    for name in ("de_DE-eva-low", "en_GB-alan-medium"):
        (voices / f"{name}.onnx").touch()
        (voices / f"{name}.onnx.json").write_text(json.dumps({"audio": {"sample_rate": 22050}}))
    (voices / "half.onnx").touch()
    return tmp_path


@pytest.fixture
def account(folder: Path, install: Install) -> VendorAccount:
    """The packages are installed, and these are the models."""
    install("faster_whisper", "piper")
    return VendorAccount(extra={MODELS_DIR: str(folder)})


@pytest.fixture
def stand_ins() -> Iterator[list[SubprocessWorker]]:
    """Those of one test. They end with it."""
    made = list[SubprocessWorker]()
    yield made
    for pid in filter(None, (each.pid for each in made)):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def hearing(
    monkeypatch: pytest.MonkeyPatch, stand_ins: list[SubprocessWorker]
) -> Callable[..., tuple[SubprocessWorker, ...]]:
    """Puts stand-ins in the place of the recogniser's programs."""

    def put(*arguments: str, programs: int = 1, most: int | None = None) -> Any:
        made = tuple(stand_in(*arguments, most=most) for _ in range(programs))
        stand_ins.extend(made)
        monkeypatch.setattr(listening, "LISTENERS", made)
        return made

    return put


@pytest.fixture
def voice_program(
    monkeypatch: pytest.MonkeyPatch, stand_ins: list[SubprocessWorker]
) -> Callable[..., SubprocessWorker]:
    """Puts a stand-in in the place of the voice's program."""

    def put(*arguments: str, most: int | None = None) -> SubprocessWorker:
        made = stand_in(*arguments, most=most)
        stand_ins.append(made)
        monkeypatch.setattr(speaking, "SPEAKER", made)
        return made

    return put
