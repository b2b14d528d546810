"""Every vendor's part is imported and built ahead of the first call, without asking anyone."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest

from app.vendors import preload, registry
from app.vendors.common import local_models
from tests.certificate import note_reads

NOT_BUILT = {
    "custom-transcriber": "has no address",
    "custom-voice": "voice.server.url is missing",
    "whisper": "the transcriber whisper is not installed",
    "piper": "the voice piper is not installed",
}
"""Imported, and no more: the assistant names their server, or an operator installs them."""
BUILT = [name for name in registry.VENDORS if name not in NOT_BUILT]


@pytest.fixture(autouse=True)
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_models, "find_spec", lambda name: None)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", BUILT)
def test_it_is_built(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, preload.log.name)
    preload.load_parts([name])
    assert not [each.getMessage() for each in caplog.records if each.name == preload.log.name]


@pytest.mark.parametrize("name", BUILT)
def test_a_second_service_reads_no_certificates(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    preload.load_parts([name])
    read = note_reads(monkeypatch)
    preload.load_parts([name])
    assert not read


@pytest.mark.parametrize("name", NOT_BUILT)
def test_it_is_imported(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, preload.log.name)
    preload.load_parts([name])
    assert NOT_BUILT[name] in caplog.text


def test_what_is_no_vendor_is_left_out() -> None:
    preload.load_parts(["a carrier", "of-a-plugin-that-is-gone"])


def test_a_faulty_part_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, preload.log.name)
    asked = list[str]()

    def resolve(name: str) -> Any:
        asked.append(name)
        raise SystemError("an SDK that does not fit this machine")

    monkeypatch.setattr(preload, "resolve_name", resolve)
    preload.load_parts(["deepgram", "openai"])
    assert len(asked) == 6  # two parts, and four
    assert caplog.text.count("does not fit this machine") == 6
