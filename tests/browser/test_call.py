"""The page of one call as people meet it, on a large screen and on a phone."""

from __future__ import annotations

import pytest

from app.dashboard.pages import PAGES
from tests.browser.chromium import Tab
from tests.browser.conftest import Site
from tests.browser.test_dashboard import faults

ENDED, LIVE = (f"/calls/00000000-0000-0000-0000-{number:012x}" for number in (5, 1))


@pytest.mark.parametrize("path", [ENDED, LIVE])
def test_the_page_of_a_call(site: Site, tab: Tab, path: str) -> None:
    assert "/calls/<call_id>" in {page.path for page in PAGES}
    assert faults(site, tab, path) == []
