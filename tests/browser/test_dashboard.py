"""Each page as people meet it: on a desk and on a phone, by keyboard, with nothing that shuts out."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from app.dashboard.pages import PAGES
from app.store import calls
from bench.dashboard import TALK
from tests.browser.chromium import DESK, PHONE, Screen, Tab
from tests.browser.conftest import Site

NOT_PAGES = {"/calls/live", "/wallboard/board", "/login"}
"""Parts of pages, and the login, which a session does not see."""
PATHS = [
    page.path
    for page in PAGES
    if "GET" in page.methods and "<" not in page.path and page.path not in NOT_PAGES
]
SCREENSHOTS = os.environ.get("SCREENSHOTS")
"""A folder for a picture of each page, if any is wanted."""


@cache
def axe() -> str:
    return Path(__file__).with_name("axe.min.js").read_text()


def findings(tab: Tab) -> list[str]:
    """What axe-core calls serious or critical."""
    tab.run(f"window.axe ? 0 : (() => {{ {axe()} }})()")
    found: list[str] = tab.run(
        "axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations"
        ".filter(each => ['serious', 'critical'].includes(each.impact))"
        ".map(each => each.id + ': ' + each.nodes[0].html))"
    )
    return found


def test_every_page(site: Site, tab: Tab) -> None:
    """One test, so that one browser sees them all, however the suite is divided."""
    assert {path: found for path in PATHS if (found := faults(site, tab, path))} == {}


def faults(site: Site, tab: Tab, path: str) -> list[str]:
    """What is wrong with a page: for its readers, on either screen, and by its own console."""
    tab.faults.clear()
    tab.show_on(DESK)
    tab.go(f"{site.url}/dashboard{path}")
    found = []
    for screen in (DESK, PHONE):
        tab.show_on(screen)
        found += findings(tab)
        if (width := tab.run("document.documentElement.scrollWidth")) > screen.width:
            found.append(f"{width} pixels wide on a screen of {screen.width}")
        picture(tab, path, screen)
    if (titles := tab.run("document.querySelectorAll('h1').length")) != 1:
        found.append(f"{titles} titles")
    if tab.run("typeof htmx") != "object":
        found.append("htmx is not there")
    return found + tab.faults


def picture(tab: Tab, path: str, screen: Screen) -> None:
    if SCREENSHOTS:
        name = path.strip("/").replace("/", "-") or "overview"
        tab.screenshot(Path(SCREENSHOTS) / f"{name}-{screen.width}.png")


def test_the_login_forgets_the_token_of_its_link(site: Site, tab: Tab) -> None:
    tab.show_on(PHONE)
    tab.run("fetch('/dashboard/logout', {method: 'POST'})")
    tab.go(f"{site.url}/dashboard/calls")
    assert tab.run("location.pathname") == "/dashboard/login"
    assert findings(tab) == []
    tab.go("about:blank")
    tab.go(site.link())
    assert tab.run("document.querySelector('#secret').value.length") > 20
    assert tab.run("location.hash") == ""
    tab.click("main button")
    assert tab.run("location.pathname") == "/dashboard/"


def test_a_live_call_moves_by_itself(site: Site, tab: Tab) -> None:
    tab.go(f"{site.url}/dashboard/calls")
    live = "document.querySelector('[data-live]').textContent"
    assert "ringing" in tab.run(live)
    now = site.services.context.now()
    with site.services.store.write() as conn:
        changes = {"status": "forwarding", "updated_at": now}
        calls.update(conn, "00000000-0000-0000-0000-000000000002", changes)
    tab.until(f"{live}.includes('forwarding')")
    with site.services.store.write() as conn:
        changes = {"status": "ringing", "updated_at": site.services.context.now()}
        calls.update(conn, "00000000-0000-0000-0000-000000000002", changes)
    tab.until(f"{live}.includes('ringing')")


def test_the_keyboard_reaches_the_content_first(site: Site, tab: Tab) -> None:
    tab.show_on(DESK)
    tab.go(f"{site.url}/dashboard/calls")
    tab.press("Tab")
    assert tab.run("document.activeElement.className") == "skip"
    tab.press("Enter")
    tab.until("location.hash === '#main'")
    tab.press("Tab")
    assert tab.run("document.querySelector('main').contains(document.activeElement)")


def test_a_search(site: Site, tab: Tab) -> None:
    tab.go(f"{site.url}/dashboard/calls")
    word = TALK[3][1].partition(",")[0]
    tab.run(f"document.querySelector('#q').value = '{word} A-17'")
    tab.click(".search button")
    assert tab.run("document.querySelectorAll('tbody tr').length") == 3 + 1  # the live ones
