"""What lies in the store encrypted: sealing, opening, and the rotation of SECRET_KEY."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.vault import HEADER, Vault, WrongKey, digest, new_token, of_text, to_text
from tests.store.rows import fernet_token

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


@pytest.mark.parametrize("place", [0, 1, HEADER, HEADER + 12, 40, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    changed = bytearray(sealed(vault))
    changed[place] ^= 1
    with pytest.raises(WrongKey):
        vault.open(bytes(changed))


@given(st.integers(0, 80))
def test_a_part_of_a_seal_does_not_open(length: int) -> None:
    whole = sealed(vault)
    for part in (whole[: min(length, len(whole) - 1)], whole[length + 1 :]):
        with pytest.raises(WrongKey):
            vault.open(part)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda end: b"gAAAA" + end))
def test_what_is_no_seal_does_not_open(data: bytes) -> None:
    with pytest.raises(WrongKey):
        vault.open(data)


def test_a_seal_names_its_key() -> None:
    """So that of several keys one is tried; the name tells nothing else."""
    one, other = sealed(vault), sealed(Vault((NEW,)))
    assert one[:HEADER] == sealed(vault)[:HEADER]
    assert one[:1] == other[:1]
    assert one[1:HEADER] != other[1:HEADER]
    with pytest.raises(WrongKey):  # another key's name on it
        Vault((NEW, OLD)).open(other[:HEADER] + one[HEADER:])


def test_nonces_do_not_repeat() -> None:
    nonces = {sealed(vault)[HEADER : HEADER + 12] for _ in range(1000)}
    assert len(nonces) == 1000


def test_a_rotation_opens_the_old_and_seals_with_the_new() -> None:
    both = Vault((NEW, OLD))
    assert both.open(sealed(vault)) == SECRET
    assert Vault((NEW,)).open(sealed(both)) == SECRET
    with pytest.raises(WrongKey):
        vault.open(sealed(both))


def test_an_opened_secret_may_be_changed_by_its_owner() -> None:
    """No change shows in the next one's."""
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


@given(st.dictionaries(st.text(), json, min_size=1, max_size=3))
def test_what_earlier_versions_sealed_opens_as_it_was(secret: dict[str, Any]) -> None:
    assert vault.open(fernet_token(OLD, secret)) == secret


def test_a_secret_of_the_first_version_opens() -> None:
    assert vault.open(OF_THE_FIRST_VERSION) == {"authToken": "canary-token"}


def test_a_secret_of_the_first_version_opens_during_a_rotation() -> None:
    both = Vault((NEW, OLD))
    assert both.open(OF_THE_FIRST_VERSION) == {"authToken": "canary-token"}
    with pytest.raises(WrongKey):
        Vault((NEW,)).open(OF_THE_FIRST_VERSION)


def test_a_seal_of_today_opens_in_the_next_versions() -> None:
    """The form does not change without a new version byte."""
    known = bytes.fromhex(
        "019d2ba63920900a9922a307713b6f19228bcb7a4f1db016f5c5b81ce8fded24"
        "99e31c90f3a81acebeb69b02fbc375bfba8e36417d1b100a6aadb76ecd"
    )
    assert vault.open(known) == {"authToken": "canary-token"}


def test_a_seal_becomes_text_and_comes_back() -> None:
    kept = sealed(vault)
    assert of_text(to_text(kept)) == kept
    assert to_text(kept).isascii()


def test_a_seal_of_the_first_version_is_its_own_text() -> None:
    """So that jobs which that version has queued still run."""
    assert to_text(OF_THE_FIRST_VERSION) == OF_THE_FIRST_VERSION.decode()
    assert of_text(OF_THE_FIRST_VERSION.decode()) == OF_THE_FIRST_VERSION


def test_a_link_signed_by_the_first_version_is_known() -> None:
    known = "8a0ac732dc1d13f9ada5d8e367e5ec85e1df66a6a1646561a9c41510e85e1477"
    assert vault.sign("/recordings/1") == known
