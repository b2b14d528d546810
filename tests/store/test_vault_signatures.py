"""Signatures: which keys make and verify them, and what is refused."""

from __future__ import annotations

import pytest

from app.store.vault import Vault
from tests.conftest import SECRET_KEY

NEW, OLD = "the new key of the tests", "the old key of the tests"
DATA = b"what a token tells"
TEXT = "control 11111111-1111-4111-8111-111111111111"


def test_a_signature_is_the_one_of_earlier_versions(vault: Vault) -> None:
    """The links of a call in progress survive a deploy."""
    signature = "58e57e804ea882b46025da1342989ebd2101ad2408528181aafe79655f01ec1a"
    assert vault.sign(TEXT) == signature
    assert vault.is_signed(TEXT, signature)


@pytest.mark.parametrize(
    ("keys", "verified"),
    [
        ((OLD,), True),
        ((NEW, OLD), True),  # the rotation: the new key signs
        ((OLD, NEW), True),  # the step before it, where instances start one by one
        ((NEW, SECRET_KEY, OLD), True),
        ((NEW,), False),  # the rotation is over
        ((NEW, SECRET_KEY), False),
    ],
)
def test_every_listed_key_verifies(keys: tuple[str, ...], verified: bool) -> None:
    assert Vault(keys).is_signed(TEXT, Vault((OLD,)).sign(TEXT)) is verified


def test_the_first_key_signs() -> None:
    assert Vault((NEW, OLD)).sign(TEXT) == Vault((NEW,)).sign(TEXT)


def test_another_text_is_not_signed(vault: Vault) -> None:
    assert not vault.is_signed(TEXT.replace("control", "listen"), vault.sign(TEXT))


@pytest.mark.parametrize(
    "change",
    [
        lambda right: "0" * 64,
        lambda right: right[:-1] + ("1" if right[-1] == "0" else "0"),
        lambda right: right[:-2],
        lambda right: right + "00",
        lambda right: right + "\n",
        lambda right: right.upper(),
        lambda right: right[:32] + " " + right[32:],
        lambda right: "",
        lambda right: "schlüssel",
        lambda right: "٠" * 64,  # digits of another script
        lambda right: "\ud800",  # no text at all
    ],
)
def test_a_changed_signature_is_refused(vault: Vault, change: object) -> None:
    assert callable(change)
    assert not vault.is_signed(TEXT, change(vault.sign(TEXT)))


# ------------------------------------------------------------------ the MACs of tokens


@pytest.mark.parametrize(
    ("keys", "verified"),
    [((OLD,), True), ((NEW, OLD), True), ((OLD, NEW), True), ((NEW,), False)],
)
def test_every_listed_key_verifies_a_mac(keys: tuple[str, ...], verified: bool) -> None:
    mac = Vault((OLD,)).mac("media", DATA)
    assert len(mac) == 32
    assert Vault(keys).has_mac("media", DATA, mac) is verified
    assert Vault(keys).has_mac("media", DATA, mac[:16]) is verified
    assert Vault((NEW, OLD)).mac("media", DATA) == Vault((NEW,)).mac("media", DATA)


def test_a_mac_is_of_one_purpose_and_one_text(vault: Vault) -> None:
    mac = vault.mac("media", DATA)
    assert not vault.has_mac("callback", DATA, mac)
    assert not vault.has_mac("media", DATA + b".", mac)
    assert not vault.has_mac("medi", b"a\0" + DATA, mac)


def test_the_beginning_of_a_mac_may_not_be_too_short(vault: Vault) -> None:
    mac = vault.mac("media", DATA)
    assert vault.has_mac("media", DATA, mac[:8])
    for length in range(8):
        assert not vault.has_mac("media", DATA, mac[:length])
    assert not vault.has_mac("media", DATA, mac[1:9])


def test_tokens_have_a_key_of_their_own(vault: Vault) -> None:
    """A link's signature is no token's MAC."""
    assert vault.mac("", b"").hex() != vault.sign("\0")
