"""The set-up pages as the operator meets them."""

from __future__ import annotations

import pytest

from app.default_org import ORG_ID
from app.domain.dashboard import credentials, numbers
from tests.browser.chromium import DESK, Tab
from tests.browser.conftest import Site
from tests.browser.test_dashboard import faults

PAGES = (
    "/first-steps",
    "/numbers",
    "/numbers/new",
    "/credentials",
    "/credentials/new?provider=vonage",
    "/keys",
    "/doctor",
)


@pytest.fixture
def paths(site: Site) -> list[str]:
    """Every set-up page, with that of each number and account of the settings."""
    context = site.services.context
    return [
        *PAGES,
        *(f"/numbers/{row.id}" for row in numbers.listing(context, ORG_ID)),
        *(f"/credentials/{row.id}" for row in credentials.listing(context, ORG_ID) if row.id),
    ]


def test_every_page(site: Site, operator: Tab, paths: list[str]) -> None:
    assert {path: found for path in paths if (found := faults(site, operator, path))} == {}


def test_the_parts_of_the_doctor_come_by_themselves(site: Site, operator: Tab) -> None:
    operator.show_on(DESK)
    operator.go(f"{site.url}/dashboard/doctor")
    operator.until("!document.body.textContent.includes('Not checked yet')")
    text = operator.run("document.querySelector('main').textContent")
    assert "written and read" in text
    assert "signatures: the true one is let in" in text


def test_a_key_is_made_tested_and_revoked_by_keyboard(site: Site, operator: Tab) -> None:
    operator.go(f"{site.url}/dashboard/keys")
    operator.reach("#f-name")
    operator.write("By keyboard")
    operator.press_to_load("Enter")
    key = operator.run("document.querySelector('.secret').textContent")
    headers = f"{{headers: {{Authorization: 'Bearer {key}'}}}}"
    assert operator.run(f"fetch('/call', {headers}).then(answer => answer.status)") == 200
    operator.asked.clear()
    operator.reach("button.danger[aria-label^='Revoke By keyboard']")
    operator.press_to_load("Enter")
    assert operator.asked[0].startswith("Revoke By keyboard?")
    assert operator.run(f"fetch('/call', {headers}).then(answer => answer.status)") == 401


def test_an_account_is_tried_in_its_row(site: Site, operator: Tab) -> None:
    operator.go(f"{site.url}/dashboard/credentials")
    operator.reach("td button")
    operator.press("Enter")
    operator.until("document.querySelector('.findings')")
    assert "account" in operator.run("document.querySelector('.findings').textContent")


def test_a_number_has_what_the_carrier_says_today(site: Site, operator: Tab) -> None:
    """No carrier plays here: its page says that it was asked in vain."""
    number = numbers.listing(site.services.context, ORG_ID)[0]
    operator.go(f"{site.url}/dashboard/numbers/{number.id}")
    operator.until("document.querySelector('#urls').textContent.includes('was asked')")
    assert operator.run("document.querySelectorAll('#urls [data-copy]').length") >= 2
