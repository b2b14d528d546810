"""One bridge with stored calls and one browser for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from app import create_app
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

    def link(self, role: str = sessions.ACT) -> str:
        """A login link to the bridge."""
        token = tokens.new_link(self.services.context, ORG, role).partition("#")[2]
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
def tab(site: Site) -> Iterator[Tab]:
    """Signed in, by a link."""
    with chromium() as socket:
        made = Tab(socket, DESK)
        made.go(site.link())
        made.click("main button")
        yield made
