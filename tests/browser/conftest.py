"""One bridge with stored calls and one browser for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from websockets.sync.client import ClientConnection

from app import create_app
from app.default_org import ORG_ID
from app.domain.login import sessions, tokens
from app.settings import Settings
from app.wiring import Services
from bench.dashboard import ORG, fill
from tests.bridge import Bridge
from tests.browser.chromium import DESK, Tab, chromium, program
from tests.databases import fresh_database

collect_ignore_glob = [] if program() else ["test_*.py"]


class Site(NamedTuple):
    """A running bridge, and the use cases on its database."""

    url: str
    services: Services

    def link(self, role: str = sessions.ACT, org_id: str = ORG) -> str:
        """A login link to the bridge."""
        token = tokens.new_link(self.services.context, org_id, role).partition("#")[2]
        return f"{self.url}/dashboard/login#{token}"


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("browser")
    with fresh_database(directory) as url:
        bridge = Bridge(url, directory)
        keys = (bridge.environ["SECRET_KEY"],)
        settings = Settings(secret_keys=keys, database_url=url, recordings_dir=str(directory))
        app = create_app(settings)
        fill(app, 60)
        with bridge:
            services: Services = app.extensions["patchbay"]
            yield Site(bridge.url, services)
            services.store.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[ClientConnection]:
    with chromium() as socket:
        yield socket


@pytest.fixture(scope="package")
def tab(site: Site, browser: ClientConnection) -> Tab:
    """Signed in, by a link."""
    made = Tab(browser, DESK)
    made.go(site.link())
    made.click("main button")
    return made


@pytest.fixture(scope="package")
def operator(site: Site, browser: ClientConnection) -> Tab:
    """Signed in to the installation's own organisation, which has accounts and numbers."""
    made = Tab(browser, DESK)
    made.go(site.link(org_id=ORG_ID))
    made.click("main button")
    return made
