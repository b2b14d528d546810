"""The pages without a mouse: from the list to a call, and all that a person does to a live one."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from app.store.schema import call_commands, call_events, calls, messages
from bench.dashboard import call_row, event_rows
from tests.browser.chromium import DESK, Tab
from tests.browser.conftest import Site

TEXT = "#text"
PATH = "location.pathname"


@pytest.fixture
def live(site: Site) -> Iterator[str]:
    """The id of a call in progress whose assistant takes what a person says."""
    id, now = str(uuid4()), site.services.context.now()
    row = {**call_row(0, now), "id": id, "provider_call_id": f"CA{id}"}
    row["resolved"] = {**row["resolved"], "assistant": {"transport": {"provider": "local"}}}
    with site.services.store.write() as conn:
        conn.execute(calls.insert(), row)
        log = [{**each, "call_id": id} for each in event_rows(range(1), now)]
        conn.execute(call_events.insert(), log)
    yield id
    with site.services.store.write() as conn:
        for table in (call_commands, call_events, messages):
            conn.execute(table.delete().where(table.c.call_id == id))
        conn.execute(calls.delete().where(calls.c.id == id))


def said(tab: Tab) -> str:
    return str(tab.run("(document.querySelector('.said') || document.body).textContent"))


def test_from_the_list_to_a_call(site: Site, tab: Tab) -> None:
    tab.show_on(DESK)
    tab.go(f"{site.url}/dashboard/calls")
    tab.reach("#q")
    tab.write("appointment")
    tab.press_to_load("Enter")
    assert "q=appointment" in tab.run("location.search")
    tab.reach("tbody a")
    tab.press_to_load("Enter")
    assert tab.run(PATH).startswith("/dashboard/calls/0000")


def test_a_call_that_is_over(site: Site, tab: Tab) -> None:
    """Its transcript plays line by line, its timeline opens, and the way back is the first link."""
    tab.go(f"{site.url}/dashboard/calls/00000000-0000-0000-0000-000000000005")
    tab.reach("main a")
    assert tab.run("document.activeElement.textContent") == "Calls"
    tab.reach("summary")
    tab.press("Enter")
    assert tab.run("document.activeElement.parentElement.open")


def test_taking_part_in_a_live_call(site: Site, tab: Tab, live: str) -> None:
    path = f"/dashboard/calls/{live}"
    tab.go(site.url + path)
    tab.reach(TEXT)
    tab.write("We are closing soon.")
    tab.reach("button[value=say]")
    tab.press_to_load("Enter")
    assert "The assistant says it." in said(tab)
    tab.reach("button[value=mute]")
    tab.press_to_load("Enter")
    assert "The assistant is muted." in said(tab)
    tab.reach(TEXT)
    tab.write("not a number")
    tab.reach("button[value=transfer]")
    tab.press_to_load("Enter")
    assert "That did not work" in said(tab)
    tab.go(site.url + path)
    tab.asked.clear()
    tab.reach("button[value=end]")
    tab.press_to_load("Enter")
    assert tab.asked == ["End this call?"]
    assert "The call is being ended." in said(tab)


def test_a_transfer(site: Site, tab: Tab, live: str) -> None:
    tab.go(f"{site.url}/dashboard/calls/{live}")
    tab.reach(TEXT)
    tab.write("+1 415 555 0188")
    tab.reach("button[value=transfer]")
    tab.press_to_load("Enter")
    assert "The call is being transferred." in said(tab)
    assert "forwarding" in tab.run("document.querySelector('.why-card').textContent")


def test_the_wallboard(site: Site, tab: Tab) -> None:
    tab.go(f"{site.url}/dashboard/wallboard")
    tab.reach(".board a")
    tab.press_to_load("Enter")
    assert tab.run(PATH).startswith("/dashboard/calls/0000")
