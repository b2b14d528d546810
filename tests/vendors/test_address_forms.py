"""An address is refused when it comes, by the form that its connector asks again."""

from __future__ import annotations

import re
from itertools import product

import pytest

from app.vendors import vapi
from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.llm_spec import read_spec
from app.vendors.registry import VENDORS, with_account
from app.vendors.stt import make_transcriber
from app.vendors.tts import problem
from app.vendors.vapi.calls import address_problem

HTTP, SOCKET = ("https", "http"), ("wss", "ws")
ORIGINS = {"deepgram", "gladia", "assembly-ai", "soniox", "speechmatics", "talkscriber"}
SOCKET_BASES = {"11labs", "cartesia", "rime-ai"}
ANYWHERE = {"custom-llm"}
"""Everything else has requests over HTTP, below a path."""
TAILS = ("", "/", "/v1", "/v1/", "?a=b", "/v1?a=b", "#top")
WRONG = ("ftp://a.example", "a.example", "https:///v1", "https://[", "//a.example", "")
URLS = [f"{scheme}://a.example{tail}" for scheme, tail in product(HTTP + SOCKET, TAILS)]


def accepts(vendor: str, url: str) -> bool:
    """As the table above says."""
    scheme, _, rest = url.partition("://")
    tail = rest.removeprefix("a.example")
    if scheme in SOCKET and vendor not in ORIGINS | SOCKET_BASES:
        return False
    if vendor in ANYWHERE:
        return True
    return not re.search("[?#]", tail) and (vendor not in ORIGINS or tail in ("", "/"))


@pytest.mark.parametrize("vendor", with_account())
def test_the_form_of_each(vendor: str) -> None:
    form = VENDORS[vendor].form
    assert [url for url in URLS if form.problem(url) is None] == [
        url for url in URLS if accepts(vendor, url)
    ]
    assert all(form.problem(url) for url in (*WRONG, 7, None, []))


def refused_at_use(vendor: str, url: str) -> str:
    """What the connectors say of it, as far as they can be asked without their engines."""
    account, found = {vendor: VendorAccount("key", url, {"region": "a"})}, list[str]()
    part = VENDORS[vendor]
    try:
        if part.llm:
            read_spec({"provider": vendor, "model": "m"}, account, {})
        if part.stt and not accepts(vendor, url):
            make_transcriber({"provider": vendor}, account, 8000)
    except UnbuildableAssistant as error:
        found.append(str(error))
    if part.tts and (text := problem({"provider": vendor, "voiceId": "v"}, account)):
        found.append(text)
    if vendor == vapi.VENDOR.name:
        found += filter(None, [address_problem(account[vendor])])
    return " ".join(found)


@pytest.mark.parametrize("vendor", with_account())
def test_what_entry_accepts_the_connectors_accept(vendor: str) -> None:
    for url in URLS:
        told = refused_at_use(vendor, url)
        assert bool(told) != accepts(vendor, url), (url, told)
        assert not told or f"{vendor} must" in told
