"""Keys and secrets that are changed at one process: the next request of another one knows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from providers.twilio.simulator.config import TwilioSigner
from tests.bridge import Bridge
from tests.databases import fresh_database
from tests.e2e.test_killed import QUIET, order
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver
from tests.spawner import WarmBridge

ACCOUNT = "AC" + "c" * 32
OLD, NEW = "the secret before the change", "the secret after the change"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bridge, Bridge]]:
    """Two processes on one database, behind one public URL."""
    directory = tmp_path_factory.mktemp("two")
    with (
        fresh_database(directory) as url,
        WarmBridge(url, directory, **QUIET) as one,
        WarmBridge(url, directory, **QUIET, PUBLIC_URL=one.url) as other,
    ):
        yield one, other


def test_a_revoked_key(two: tuple[Bridge, Bridge], receiver: Receiver) -> None:
    one, _ = two
    key = one.run("keys", "create", "--name", "second").strip()
    auth, body = {"Authorization": f"Bearer {key}"}, order(one, receiver)
    for bridge in two:
        assert bridge.ask("POST", "/call", body, auth)[0] == 201
    one.run("keys", "revoke", key[:8])
    for bridge in two:
        assert bridge.ask("POST", "/call", body, auth)[0] == 401
        assert bridge.ask("POST", "/call", body)[0] == 201


def test_a_carrier_s_secret(two: tuple[Bridge, Bridge]) -> None:
    one, other = two
    account = {"provider": "twilio", "accountSid": ACCOUNT}
    credential = one.api("POST", "/credential", account | {"authToken": OLD}, expect=201)
    number = {"provider": "twilio", "number": "+14155550166", "credentialId": credential["id"]}
    number = one.api("POST", "/phone-number", number, expect=201)
    path = f"/credential/{credential['id']}"
    for second, (changed, works, refused) in enumerate(
        [
            ({"authToken": OLD}, [OLD], [NEW]),
            ({"authTokens": [NEW, OLD]}, [OLD, NEW], []),
            ({"authToken": NEW}, [NEW], [OLD]),
        ]
    ):
        one.api("PATCH", path, {"accountSid": ACCOUNT, **changed}, expect=200)
        call = one.create(phoneNumberId=number["id"])
        for at, process in enumerate((other, one)):
            assert {callback(process, call, each, 9 * second + at) for each in refused} <= {403}
            assert {callback(process, call, each, 9 * second + at) for each in works} == {204}


def callback(bridge: Bridge, call: Any, secret: str, second: int) -> int:
    """The status of the answer to a callback that is signed with the secret, at this process."""
    path = target(TWILIO.status_url(call["phoneCallProviderDetails"]))
    sid = "CA" + call["id"].replace("-", "")
    fields = TWILIO.status(sid, "ringing", second) | {"AccountSid": ACCOUNT, "To": CUSTOMER}
    signed = TwilioSigner(secret).request("POST", bridge.environ["PUBLIC_URL"] + path, fields)
    url = bridge.url + path
    return bridge.http.request("POST", url, body=signed.body, headers=signed.headers).status


def test_a_changed_assistant(two: tuple[Bridge, Bridge], receiver: Receiver) -> None:
    """The next call has it, wherever it is made."""
    one, other = two
    body = order(one, receiver)
    assistant = one.api("POST", "/assistant", body.pop("assistant"), expect=201)
    with Receiver() as later:
        for server in (receiver, later):
            change = {"server": {"url": server.url}}
            one.api("PATCH", f"/assistant/{assistant['id']}", change, expect=200)
            call = other.api("POST", "/call", body | {"assistantId": assistant["id"]}, expect=201)
            assert call["id"].encode() in server.wait(1)[0].body
    assert len(receiver.requests) == 1
