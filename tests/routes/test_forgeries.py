"""Forged webhooks at both carriers' routes: refused, without a row or a message.

``python -m bench.forgeries`` sends the same to a server.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.store.engine import Store
from app.store.schema import call_events, call_refs, calls, messages
from bench.paths import Caller, caller
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.forgeries import FORGERIES, Genuine, genuine
from tests.fakes.carriers.mutations import new_target

TABLES = (calls, call_events, call_refs, messages)
CASES = [(carrier, name) for carrier, table in FORGERIES.items() for name in table]


@pytest.fixture(scope="module")
def client() -> Iterator[Caller]:
    with caller() as found:
        yield found


@pytest.fixture(scope="module")
def targets(client: Caller) -> dict[str, list[Genuine]]:
    def ask(method: str, path: str, body: object) -> Any:
        return client.api(method, path, body).get_json()

    made = {name: new_target(client.public_url, name, ask) for name in FAKES}
    return {name: list(genuine(name, target)) for name, target in made.items()}


UNSIGNED = {"no token", "the older signature"}
"""Of Vonage's: 503 asks for the callback again, signed."""


def rows(client: Caller) -> list[int]:
    store: Store = client.http.application.extensions["patchbay"].store
    with store.read() as conn:
        counts = [sa.select(sa.func.count()).select_from(table) for table in TABLES]
        return [conn.execute(count).scalar_one() for count in counts]


@pytest.mark.parametrize(("carrier", "name"), CASES)
def test_it_is_refused_and_leaves_nothing(
    client: Caller, targets: dict[str, list[Genuine]], carrier: str, name: str
) -> None:
    before = rows(client)
    for it in targets[carrier]:
        raw = FORGERIES[carrier][name](it)
        answer = client.http.open(
            raw.target,
            method=raw.method,
            data=raw.body,
            headers=list(raw.headers),
            environ_overrides={
                "patchbay.raw_target": raw.target,
                "patchbay.headers": [(name.lower(), value) for name, value in raw.headers],
            },
        )
        again = carrier == "vonage" and name in UNSIGNED and answer.status_code == 503
        assert again or 400 <= answer.status_code < 500, answer.text
    assert rows(client) == before


def test_there_are_enough_of_them() -> None:
    assert sum(map(len, FORGERIES.values())) >= 60


def test_what_they_are_made_of_is_let_in(client: Caller, targets: dict[str, list[Genuine]]) -> None:
    """Else every row would be refused for another cause than its own."""
    for carrier, cases in targets.items():
        for it in cases:
            signed = FAKES[carrier].signer.request("POST", it.base + it.path, it.fields)
            answer = client.http.post(it.path, data=signed.body, headers=signed.headers)
            assert answer.status_code in {200, 204}, answer.text
