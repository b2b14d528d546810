"""The request that tries a vendor's key: where it goes, and that the key is in one header of it."""

from __future__ import annotations

import pytest

from app.net.addresses import check_url
from app.net.headers import header_problem
from app.vendors import registry
from app.vendors.common.account import VendorAccount
from app.vendors.key_requests import ROWS, key_request

KEY = "the-key-of-a-test"
EXTRA = {"region": "westeurope"}
WITHOUT_ADDRESS = {"azure-openai"}
"""Each account has one of its own."""


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_a_request_of_its_vendor(name: str) -> None:
    vendor = registry.VENDORS[name]
    url = "https://own.example" if name in WITHOUT_ADDRESS else None
    request = key_request(name, VendorAccount(KEY, url, EXTRA))
    assert vendor.env_prefix
    assert request is not None
    assert check_url(request.url, allow_private=False).secure
    assert KEY not in request.url
    assert KEY not in repr(request)
    assert sum(KEY in value for value in request.headers.values()) == 1
    assert [header_problem(*header) for header in request.headers.items()] == [None] * len(
        request.headers
    )


@pytest.mark.parametrize("name", sorted(set(ROWS)))
def test_an_account_with_an_address_is_asked_there_or_not_at_all(name: str) -> None:
    """The operator's key must not go to the vendor when it belongs to another server."""
    request = key_request(name, VendorAccount(KEY, "wss://own.example/base/", EXTRA))
    if ROWS[name].elsewhere:
        assert request is None
    else:
        assert request is not None
        assert request.url == f"https://own.example/base{ROWS[name].path}"


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("rime-ai", VendorAccount(KEY)),  # nothing that only tries the key
        ("azure", VendorAccount(KEY)),  # whose region?
        ("azure-openai", VendorAccount(KEY)),  # whose resource?
        ("openai", VendorAccount(None, "https://own.example")),  # no key
        ("no vendor", VendorAccount(KEY)),
    ],
)
def test_what_cannot_be_tried_is_no_request(name: str, account: VendorAccount) -> None:
    assert key_request(name, account) is None
