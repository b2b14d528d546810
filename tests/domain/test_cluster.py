"""What processes of one deployment know of each other, through a real store."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.cluster import FRESH, KEPT, ProcessRegistry
from app.settings import Settings
from app.store import processes
from app.store.engine import Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE, TWO = "https://one.example", "https://two.example"
BASES = ("wss://one.example", "wss://two.example")
TOKENS = [f"token-{number}" for number in range(200)]


@pytest.fixture
def web(settings: Settings) -> ProcessRegistry:
    """The API, with sound at two addresses."""
    return ProcessRegistry(replace(settings, media_urls=(ONE, TWO)))


@pytest.fixture
def sound(settings: Settings) -> ProcessRegistry:
    return ProcessRegistry(replace(settings, media_urls=(ONE,), max_calls_per_process=1))


@pytest.fixture
def more_sound(settings: Settings) -> ProcessRegistry:
    return ProcessRegistry(replace(settings, media_urls=(TWO,)))


def met(store: Store, *all_: ProcessRegistry, now: datetime = NOW) -> None:
    """Each has told and heard."""
    for _ in range(2):
        for each in all_:
            each.heartbeat(store, now)


def spread(registry: ProcessRegistry) -> Counter[str]:
    return Counter(registry.media_base(token) for token in TOKENS)


def test_sockets_are_spread_over_all_addresses(
    store: Store, web: ProcessRegistry, sound: ProcessRegistry, more_sound: ProcessRegistry
) -> None:
    met(store, web, sound, more_sound)
    shares = spread(web)
    assert set(shares) == set(BASES)
    assert min(shares.values()) > len(TOKENS) / 4


def test_one_token_is_at_one_address(
    store: Store, web: ProcessRegistry, sound: ProcessRegistry, more_sound: ProcessRegistry
) -> None:
    """A document that is asked for again is the same."""
    met(store, web, sound, more_sound)
    assert [web.media_base(token) for token in TOKENS] == [
        web.media_base(token) for token in TOKENS
    ]


@pytest.mark.parametrize("how", ["draining", "full", "gone", "dead"])
def test_who_has_no_room_gets_none(
    store: Store,
    web: ProcessRegistry,
    sound: ProcessRegistry,
    more_sound: ProcessRegistry,
    how: str,
) -> None:
    met(store, web, sound, more_sound)
    now = NOW
    match how:
        case "draining":
            sound.draining = True
        case "full":
            assert sound.acquire("local") is None
        case "gone":
            sound.deregister(store)
        case "dead":
            now += FRESH + timedelta(seconds=1)
    met(store, *([sound] if how in ("draining", "full") else []), more_sound, web, now=now)
    assert set(spread(web)) == {BASES[1]}


def test_where_nobody_is_known_all_addresses_are_tried(web: ProcessRegistry) -> None:
    assert set(spread(web)) == set(BASES)


def test_a_process_alone_has_no_heir(store: Store, settings: Settings) -> None:
    alone = ProcessRegistry(settings)
    alone.heartbeat(store, NOW)
    assert (alone.has_web_peer, alone.can_hand_over) == (False, False)


def test_two_that_do_everything_are_each_others_heirs(store: Store, settings: Settings) -> None:
    one, other = ProcessRegistry(settings), ProcessRegistry(settings)
    met(store, one, other)
    assert one.can_hand_over
    assert other.can_hand_over
    other.draining = True
    met(store, other, one)
    assert (one.has_web_peer, one.can_hand_over) == (False, False)


def test_sound_needs_sound_for_an_heir(
    store: Store, web: ProcessRegistry, sound: ProcessRegistry, more_sound: ProcessRegistry
) -> None:
    met(store, web, sound)
    assert sound.has_web_peer
    assert not sound.can_hand_over
    met(store, web, sound, more_sound)
    assert sound.can_hand_over
    assert not web.has_web_peer  # carriers' webhooks do not go where only sound does


def test_rows_of_killed_processes_go(store: Store, settings: Settings) -> None:
    ProcessRegistry(settings).heartbeat(store, NOW)
    ProcessRegistry(settings).heartbeat(store, NOW + KEPT + timedelta(seconds=1))
    with store.read() as conn:
        assert len(processes.seen(conn, NOW - KEPT)) == 1
