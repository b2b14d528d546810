"""A spy on connections, and a certificate for names of the tests."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tests import certificate as certificates

pytest.register_assert_rewrite("tests.net.contract")

from tests.net.contract import IDN, NAME, Spy  # noqa: E402


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """The addresses that sockets are connected to; every connection is refused."""
    tried: Spy = []

    def connect(_sock: socket.socket, address: tuple[Any, ...]) -> None:
        tried.append(address[:2])
        raise ConnectionRefusedError("spied upon")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for ``NAME`` and ``IDN``, with its key."""
    return certificates.write(tmp_path_factory.mktemp("tls") / "certificate.pem", (NAME, IDN))
