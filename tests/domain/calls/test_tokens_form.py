"""The form of the tokens: what makes one, what they hold, and what is none."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calls import tokens
from app.domain.calls.tokens import LENGTHS, Purpose
from app.store.vault import Vault
from providers.base.instructions import is_stream_id, stream_id

NEW, OLD, OTHER = (f"the {which} key of the tests" for which in ("new", "old", "other"))
VAULT = Vault((OLD,))
CALL = "2ffb1f23-87e3-46cc-bc1e-a1f6054cce14"
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

purposes = st.sampled_from(list(LENGTHS))
calls = st.uuids().map(str)


CHARACTERS = {
    Purpose.MEDIA: 67,
    Purpose.CALLBACK: 51,
    Purpose.FORWARD: 64,
    Purpose.OPERATOR: 67,
}


@st.composite
def parts_of_tokens(draw: st.DrawFn) -> tuple[Purpose, bytes, str]:
    purpose = draw(purposes)
    length = LENGTHS[purpose]
    return purpose, draw(st.binary(min_size=length, max_size=length)), draw(calls)


@given(parts_of_tokens())
def test_what_is_written_is_read(parts: tuple[Purpose, bytes, str]) -> None:
    purpose, facts, call_id = parts
    token = tokens.write(VAULT, purpose, facts, call_id)
    assert set(token) <= set(URL_SAFE)
    assert len(token) == CHARACTERS[purpose]
    assert tokens.read(VAULT, purpose, token) == (facts, call_id)


@given(parts_of_tokens(), st.data())
def test_a_changed_bit_is_noticed(parts: tuple[Purpose, bytes, str], data: st.DataObject) -> None:
    purpose, facts, call_id = parts
    token = tokens.write(VAULT, purpose, facts, call_id)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    place = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[place // 8] ^= 1 << place % 8
    changed = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert tokens.read(VAULT, purpose, changed) is None


@given(parts_of_tokens(), st.data())
def test_another_text_is_another_token(
    parts: tuple[Purpose, bytes, str], data: st.DataObject
) -> None:
    """A token that is used once has one text: spare bits, spaces and padding make no second one."""
    purpose, facts, call_id = parts
    token = tokens.write(VAULT, purpose, facts, call_id)
    place = data.draw(st.integers(0, len(token) - 1))
    for other in (
        token[:place] + data.draw(st.characters()) + token[place + 1 :],
        token[:place] + data.draw(st.sampled_from(" \n=+/.%é\ud800")) + token[place:],
        token[:place] + data.draw(st.sampled_from(URL_SAFE)) + token[place + 1 :],
        token[:-1] + data.draw(st.sampled_from(URL_SAFE)),
        token[:place],
        token + "=" * (-len(token) % 4),
    ):
        found = tokens.read(VAULT, purpose, other)
        assert found is None or other == token


@given(st.text())
def test_any_text_is_no_token(text: str) -> None:
    assert not any(tokens.read(VAULT, purpose, text) for purpose in LENGTHS)
    assert not tokens.is_name(VAULT, text, CALL)


@given(parts_of_tokens(), purposes)
def test_a_token_has_one_purpose(parts: tuple[Purpose, bytes, str], other: Purpose) -> None:
    purpose, facts, call_id = parts
    token = tokens.write(VAULT, purpose, facts, call_id)
    assert (tokens.read(VAULT, other, token) is not None) is (other is purpose)


@pytest.mark.parametrize("purpose", [Purpose.CALLBACK, Purpose.FORWARD, Purpose.STREAM])
def test_the_mac_is_of_the_purpose(purpose: Purpose) -> None:
    """Also where the lengths are alike."""
    facts = bytes(LENGTHS[Purpose.MEDIA])
    token = tokens.write(VAULT, purpose, facts, CALL)
    assert tokens.read(VAULT, Purpose.MEDIA, token) is None


@given(parts_of_tokens(), calls)
def test_a_token_of_one_call_is_none_of_another(
    parts: tuple[Purpose, bytes, str], other: str
) -> None:
    purpose, facts, call_id = parts
    token = tokens.write(VAULT, purpose, facts, call_id)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    moved = raw.replace(UUID(call_id).bytes, UUID(other).bytes)
    text = base64.urlsafe_b64encode(moved).decode().rstrip("=")
    assert (tokens.read(VAULT, purpose, text) is None) is (moved != raw)


@pytest.mark.parametrize(
    ("keys", "verified"),
    [
        ((OLD,), True),
        ((NEW, OLD), True),  # the rotation: the new key signs
        ((OLD, NEW), True),  # the step before it, where instances start one by one
        ((NEW, OTHER, OLD), True),
        ((NEW,), False),  # the rotation is over
        ((NEW, OTHER), False),
    ],
)
@pytest.mark.parametrize("purpose", LENGTHS)
def test_every_listed_key_verifies(purpose: Purpose, keys: tuple[str, ...], verified: bool) -> None:
    token = tokens.write(VAULT, purpose, bytes(LENGTHS[purpose]), CALL)
    assert (tokens.read(Vault(keys), purpose, token) is not None) is verified


def test_the_first_key_signs() -> None:
    facts = bytes(LENGTHS[Purpose.CALLBACK])
    both, new = (
        tokens.write(Vault(keys), Purpose.CALLBACK, facts, CALL) for keys in ((NEW, OLD), (NEW,))
    )
    assert both == new


def test_a_token_is_the_one_of_earlier_versions() -> None:
    """The URLs of a call in progress survive a deploy."""
    at = datetime(2026, 11, 29, 12, tzinfo=UTC)
    name = tokens.stream_name(VAULT, b"nonce6", at, CALL)
    written = {
        purpose: tokens.write(VAULT, purpose, facts, CALL)
        for purpose, facts in (
            (Purpose.MEDIA, name),
            (Purpose.CALLBACK, b"nonce6"),
            (Purpose.FORWARD, b"sixteen bytes..."),
        )
    }
    assert written == {
        Purpose.MEDIA: "bm9uY2U2awwTwL77deBlw5qUL_sfI4fjRsy8HqH2BUzOFLvRpFaJIfXXCv09Ghd-Yso",
        Purpose.CALLBACK: "bm9uY2U2L_sfI4fjRsy8HqH2BUzOFBQsMlEHKSn1Hu4fcemRJUw",
        Purpose.FORWARD: "c2l4dGVlbiBieXRlcy4uLi_7HyOH40bMvB6h9gVMzhTBF0V1Nnix4aVn9d3nVqyk",
    }


# ------------------------------------------------------------------ the name of a stream

nonces = st.binary(min_size=tokens.NONCE, max_size=tokens.NONCE)
times = st.datetimes(datetime(1970, 1, 2), datetime(2106, 1, 1), timezones=st.just(UTC))


@given(nonces, times, calls)
def test_a_media_token_begins_with_its_streams_name(
    nonce: bytes, at: datetime, call_id: str
) -> None:
    facts = tokens.stream_name(VAULT, nonce, at, call_id)
    token = tokens.write(VAULT, Purpose.MEDIA, facts, call_id)
    name = stream_id(f"wss://patchbay.example/media/carrier/{token}")
    assert token.startswith(name)
    assert is_stream_id(name)
    assert tokens.is_name(VAULT, name, call_id)
    assert facts[:6] == nonce
    assert int.from_bytes(facts[6:10], "big") == int(at.timestamp())


@given(nonces, times, calls, calls, st.data())
def test_a_foreign_name_is_noticed(
    nonce: bytes, at: datetime, call_id: str, other: str, data: st.DataObject
) -> None:
    facts = tokens.stream_name(VAULT, nonce, at, call_id)
    token = tokens.write(VAULT, Purpose.MEDIA, facts, call_id)
    name = token[:24]
    place = data.draw(st.integers(0, 23))
    changed = name[:place] + data.draw(st.sampled_from(URL_SAFE)) + name[place + 1 :]
    assert tokens.is_name(VAULT, changed, call_id) is (changed == name)
    assert tokens.is_name(VAULT, name, other) is (other == call_id)
    assert not tokens.is_name(VAULT, token, call_id)
    assert not tokens.is_name(Vault((OTHER,)), name, call_id)
    assert tokens.is_name(Vault((NEW, OLD)), name, call_id)


def test_a_name_is_not_enough_for_a_token() -> None:
    """It stands in logs and in the event log: its MAC is another one than the token's."""
    facts = tokens.stream_name(VAULT, b"nonce6", datetime.now(UTC), CALL)
    mac = facts[-tokens.NAME_MAC :]
    token = tokens.write(VAULT, Purpose.MEDIA, facts, CALL)
    raw = base64.urlsafe_b64decode(token + "=")
    assert mac not in raw[len(facts) :]


OTHERS: dict[str, Callable[[], str]] = {
    "random, as the version before made them": lambda: "r" * 43,
    "of another length": lambda: "a" * 66,
    "with another character": lambda: "a" * 66 + ".",
}


@pytest.mark.parametrize("made", OTHERS.values(), ids=OTHERS)
def test_what_is_no_token_of_ours_is_named_by_its_digest(made: Callable[[], str]) -> None:
    name = stream_id(f"wss://patchbay.example/media/carrier/{made()}")
    assert len(name) == 16
    assert is_stream_id(name)
    assert not tokens.is_name(VAULT, name, str(uuid4()))


@pytest.mark.parametrize(
    "name", ["", "a" * 15, "A" * 16, "a" * 23, "a" * 25, "é" * 24, "a" * 24 + "\n"]
)
def test_another_form_is_no_name(name: str) -> None:
    assert not is_stream_id(name)
