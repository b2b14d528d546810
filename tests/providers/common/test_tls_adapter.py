"""Which servers the carriers' clients trust, and that they read the certificates once."""

from __future__ import annotations

import io
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from providers.base.rest import Account
from providers.common import download
from providers.errors import CarrierError
from providers.twilio import TWILIO
from providers.vonage import VONAGE
from tests import certificate
from tests.fakes.carriers.accounts import ACCOUNT, API_KEY, APPLICATION, AUTH_TOKEN, private_key
from tests.net.wire import Asked, Wire, http_answer, served

Ask = Callable[[str], None]

GONE = http_answer(b'{"code": 20404}', "404 Not Found", "Content-Type: application/json")
"""What both carriers say of a leg that they do not know."""


def of_twilio(url: str) -> None:
    account = Account(ACCOUNT, {"authTokens": [AUTH_TOKEN]}, api_url=url)
    assert TWILIO.client(account).fetch("CA1") is None


def of_vonage(url: str) -> None:
    secrets = {"applicationId": APPLICATION, "privateKey": private_key()}
    assert VONAGE.client(Account(API_KEY, secrets, api_url=url)).fetch("leg") is None


def recording(url: str) -> None:
    download.save(url, {}, io.BytesIO(), limit=1, timeout=30.0, trusted=lambda _: False)


def refused(ask: Ask, url: str) -> None:
    with pytest.raises(CarrierError, match="SSLError"):
        ask(url)


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    """The server's certificate."""
    return certificate.write(tmp_path / "server.pem", ["localhost"])


@pytest.fixture
def server(trusted: Path) -> Iterator[Wire]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(trusted)

    def talk(conn: socket.socket, _asked: Asked) -> None:
        conn.sendall(GONE)

    with served(talk, tls) as wire:
        yield wire


@pytest.mark.parametrize("ask", [of_twilio, of_vonage, recording])
def test_certificates_are_read_once(
    ask: Ask, server: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certifi's, which do not vouch for this server."""
    refused(ask, f"https://localhost:{server.port}")
    read = certificate.note_reads(monkeypatch)
    refused(ask, f"https://localhost:{server.port}")
    assert (server.asked, len(server.names), read) == ([], 2, [])


@pytest.mark.parametrize("ask", [of_twilio, of_vonage])
@pytest.mark.parametrize("is_folder", [False, True])
def test_an_operators_own_certificates(
    ask: Ask, is_folder: bool, server: Wire, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_folder:
        subprocess.run(["openssl", "rehash", trusted.parent], check=True, capture_output=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted.parent if is_folder else trusted))
    ask(f"https://localhost:{server.port}")
    assert len(server.asked) == 1


@pytest.mark.parametrize("ask", [of_twilio, of_vonage])
def test_a_certificate_of_another_name_is_refused(
    ask: Ask, server: Wire, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    refused(ask, f"https://127.0.0.1:{server.port}")
    assert server.asked == []
