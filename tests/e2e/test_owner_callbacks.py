"""The bridge is killed after it has taken an owner's callback: it is passed on after the next start."""

from __future__ import annotations

from pathlib import Path

import pytest
import urllib3

from providers.registry import PROVIDERS
from tests.fakes.carriers import FAKES
from tests.fakes.client_server import Receiver
from tests.spawner import WarmBridge

STATUS = {"twilio": "/twilio/status", "vonage": "/vonage/event"}
WORDS = {
    "twilio": ("ringing", "in-progress", "completed"),
    "vonage": ("ringing", "answered", "completed"),
}


def said(ref: str, name: str) -> list[dict[str, str]]:
    return [FAKES[name].status(ref, word, second) for second, word in enumerate(WORDS[name])]


def test_killed_between_the_answer_and_the_passing_on(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """The last one is stored, and its carrier gets no answer: it sends it again, which is once."""
    legs = {name: said(fake.new_ref(), name) for name, fake in FAKES.items()}
    taken = {"RUN_JOBS": "0", "FAILPOINT": f"callback.after-commit:kill@{2 * len(legs) + 1}"}
    with WarmBridge(database_url, tmp_path, OWNER_CALLBACK_URL=receiver.url, **taken) as bridge:

        def send(name: str, fields: dict[str, str]) -> int:
            return FAKES[name].send(bridge, STATUS[name], fields)[0]

        for name, words in legs.items():
            assert [send(name, fields) for fields in words[:2]] == [204, 204]
        with pytest.raises(urllib3.exceptions.HTTPError):
            send("twilio", legs["twilio"][2])
        bridge.kill()
        assert receiver.requests == []
        del bridge.environ["RUN_JOBS"], bridge.environ["FAILPOINT"]
        bridge.start()
        assert [send(name, words[2]) for name, words in legs.items()] == [204, 204]
        came = receiver.wait(6)
    for name, words in legs.items():
        proof = PROVIDERS[name].proof_headers[0]
        of_carrier = [each.body.decode() for each in came if proof in each.headers]
        assert [next(w for w in WORDS[name] if w in body) for body in of_carrier] == [*WORDS[name]]
        assert len(words) == len(of_carrier)
    assert len({each.headers["webhook-id"] for each in came}) == len(came)
