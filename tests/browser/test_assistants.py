"""The page of one assistant as people meet it: by keyboard, while they type, and by the microphone."""

from __future__ import annotations

import pytest

from app.dashboard.pages import PAGES
from bench.dashboard import ORG
from tests.browser.chromium import DESK, Tab
from tests.browser.conftest import Site
from tests.browser.test_dashboard import faults, findings
from tests.domain.dashboard.assistants_json import FULL

MOST_TABS = 80
FOCUSED = "document.activeElement.id"


@pytest.fixture(scope="module")
def assistant(site: Site) -> str:
    model = {name: value for name, value in FULL["model"].items() if name != "toolIds"}
    made = site.services.resources.assistants.create(ORG, {**FULL, "model": model})
    return str(made["id"])


def tab_to(tab: Tab, id: str) -> None:
    for _ in range(MOST_TABS):
        if tab.run(FOCUSED) == id:
            return
        tab.press("Tab")
    raise AssertionError(f"the keyboard does not reach {id}")


def test_the_form_and_the_json(site: Site, tab: Tab, assistant: str) -> None:
    assert "/assistants/<assistant_id>" in {page.path for page in PAGES}
    for path in (f"/assistants/{assistant}", f"/assistants/{assistant}?view=json"):
        assert faults(site, tab, path) == []
    assert faults(site, tab, f"/assistants/{assistant}/delete") == []


def test_an_assistant_is_made_by_keyboard_alone(site: Site, tab: Tab) -> None:
    """Its name is checked while it is typed, its JSON keeps the edit, and it is saved."""
    tab.show_on(DESK)
    tab.go(f"{site.url}/dashboard/assistants/new")
    tab.faults.clear()
    tab_to(tab, "f-name")
    tab.write("x" * 41)
    beside = "document.getElementById('v-name').textContent"
    tab.until(f"{beside}.includes('shorter than or equal to 40')")
    assert tab.run("document.activeElement.getAttribute('aria-invalid')") == "true"
    assert findings(tab) == []
    tab.run("document.activeElement.select()")
    tab.write("By keyboard")
    tab.until(f"{beside}.includes('served')")
    tab_to(tab, "f-endCall")
    tab.press(" ")
    tab.run("document.getElementById('show-json').focus()")
    tab.press("Enter")
    tab.until("document.getElementById('json')")
    text = tab.run("document.getElementById('json').value")
    assert '"name": "By keyboard"' in text
    assert '"type": "endCall"' in text
    assert tab.run(FOCUSED) == "show-json"
    tab_to(tab, "save")
    tab.press_to_load("Enter")
    assert tab.run("document.querySelector('.said').textContent") == "Saved."
    assert tab.faults == []
    made = tab.run("location.pathname").rpartition("/")[2]
    assert site.services.resources.assistants.get(ORG, made)["name"] == "By keyboard"


def test_talk(site: Site, tab: Tab, assistant: str) -> None:
    """The microphone of the browser beeps, and the bridge's assistant repeats it."""
    tab.show_on(DESK)
    tab.go(f"{site.url}/dashboard/assistants/{assistant}")
    tab.faults.clear()
    tab.run("document.querySelector('[data-talk-start]').focus()")
    tab.press("Enter")
    said = "document.querySelector('[data-talk-state]').textContent"
    tab.until(f"{said}.includes('Connected')")
    assert tab.run("document.activeElement.matches('[data-talk-stop]')")
    tab.until("document.querySelector('[data-talk-volume]').value > 0.01")
    tab.press("Enter")
    tab.until(f"{said} === 'The call is over.'")
    assert tab.run("document.activeElement.matches('[data-talk-start]')")
    call = tab.run("document.querySelector('[data-talk-call] a').href").rpartition("/")[2]
    tab.go(f"{site.url}/dashboard/calls/{call}")
    tab.until("document.body.textContent.includes('customer-ended-call')")
    assert tab.faults == []
