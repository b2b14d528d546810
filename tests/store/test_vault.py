"""What lies in the store encrypted: sealing, opening, and the rotation of SECRET_KEY."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.vault import Vault, WrongKey, digest, new_token

OLD, NEW = "an old key of the tests, long enough", "a new key of the tests, long enough"
SECRET = {"authToken": "canary-token", "headers": {"X-Key": "Grüße"}, "n": 1}

vault = Vault((OLD,))


def sealed(by: Vault, secret: dict[str, Any] = SECRET) -> bytes:
    found = by.seal(secret)
    assert found is not None
    return found


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json, min_size=1, max_size=5))
def test_what_is_sealed_opens_as_it_was(secret: dict[str, Any]) -> None:
    assert vault.open(vault.seal(secret)) == secret


def test_nothing_is_sealed_as_nothing() -> None:
    assert vault.seal({}) is None
    assert vault.open(None) == {}


def test_what_is_sealed_shows_nothing_and_differs_each_time() -> None:
    first, second = sealed(vault), sealed(vault)
    assert first != second
    for found in (first, second):
        assert b"canary" not in found
        assert vault.open(found) == SECRET


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(WrongKey, match="SECRET_KEY") as caught:
        Vault((NEW,)).open(sealed(vault))
    assert OLD not in str(caught.value)
    assert NEW not in str(caught.value)


@pytest.mark.parametrize("place", [0, 9, 40, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    changed = bytearray(sealed(vault))
    changed[place] ^= 1
    with pytest.raises(WrongKey):
        vault.open(bytes(changed))


def test_a_rotation_opens_the_old_and_seals_with_the_new() -> None:
    both = Vault((NEW, OLD))
    assert both.open(sealed(vault)) == SECRET
    assert Vault((NEW,)).open(sealed(both)) == SECRET
    with pytest.raises(WrongKey):
        vault.open(sealed(both))


def test_an_opened_secret_may_be_changed_by_its_owner() -> None:
    """It is remembered as text: no change shows in the next one's."""
    kept = sealed(vault)
    vault.open(kept)["authToken"] = "changed"
    vault.open(kept)["headers"].clear()
    assert vault.open(kept) == SECRET


def test_tokens_are_random_and_fit_into_a_url() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    for token in tokens:
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)  # 256 bits


def test_a_digest_is_sha256() -> None:
    """It stands in every database there is: it never changes."""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest("") == empty
    assert digest("a") != digest("b")
    assert len(digest("a")) == 64  # the column's width


# Sealed by the first version with this key: rows like it are in databases today.
OF_THE_FIRST_VERSION = (
    b"gAAAAABrC9lVmUdvl4-DsPhAIPq8t1LFPBb39gucTAFhlzXAnE-MI3vYty9g"
    b"kJH1XzkdrC7jXOkqxh_TykIzSzzEsUG4PC6W4GZ9PyfIv4OaQI_CKgkb-0o="
)


def test_a_secret_of_the_first_version_opens() -> None:
    assert vault.open(OF_THE_FIRST_VERSION) == {"authToken": "canary-token"}


def test_a_link_signed_by_the_first_version_is_known() -> None:
    known = "8a0ac732dc1d13f9ada5d8e367e5ec85e1df66a6a1646561a9c41510e85e1477"
    assert vault.sign("/recordings/1") == known
