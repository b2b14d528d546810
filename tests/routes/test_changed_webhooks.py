"""Signed webhooks with changed fields: read, or refused, and never an error of ours.

``python -m bench.fuzz_callbacks`` does the same by the thousand.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.paths import Caller, caller
from providers.simulation.timeline import Request
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.mutations import VALUES, Target, mutated, new_target
from tests.fakes.carriers.vonage import VONAGE


@pytest.fixture(scope="module")
def client() -> Iterator[Caller]:
    with caller() as found:
        yield found


@pytest.fixture(scope="module")
def targets(client: Caller) -> dict[str, Target]:
    def ask(method: str, path: str, body: object) -> Any:
        return client.api(method, path, body).get_json()

    return {name: new_target(client.public_url, name, ask) for name in FAKES}


def status_of(client: Caller, request: Request) -> int:
    path = target(request.url)
    return client.http.open(
        path,
        method=request.method,
        data=request.body,
        headers=dict(request.headers),
        environ_overrides={"patchbay.raw_target": path},
    ).status_code


@given(seed=st.integers(0, 2**32), carrier=st.sampled_from(list(FAKES)))
def test_no_change_is_an_error_of_ours(
    client: Caller, targets: dict[str, Target], seed: int, carrier: str
) -> None:
    assert status_of(client, mutated(Random(seed), carrier, targets[carrier])) < 500


@pytest.mark.parametrize("value", [v for v in VALUES if not isinstance(v, str)], ids=str)
def test_a_conversation_that_a_leg_cannot_move_to_is_a_note(client: Caller, value: object) -> None:
    """``conversation_uuid_to`` as anything but an id: the leg stays in its conversation."""
    fields = VONAGE.arrival(VONAGE.new_ref())
    moved = {**fields, "type": "transfer", "conversation_uuid_to": value}
    for path, payload in (("/vonage/answer", fields), ("/vonage/event", moved)):
        signed = VONAGE.signer.request("POST", client.public_url + path, payload)
        assert status_of(client, signed) in {200, 204, 400}
    calls = client.api("GET", f"/call?phoneCallProviderId={fields['conversation_uuid']}").get_json()
    assert len(calls) == 1
