"""The default organisation at each start: made, followed, and left alone when nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from app import default_org
from app.domain.context import Context
from app.settings import Settings
from app.store import accounts
from app.store.engine import Store
from app.store.schema import credentials, revisions
from app.store.vault import Vault
from app.wiring import Services

SECRET = {"server_url": "https://server.example/", "server_secret": "a secret"}


@pytest.fixture
def start(settings: Settings, store: Store) -> Callable[..., Context]:
    """One start of a process with these settings."""

    def start(**changes: object) -> Context:
        services = Services(replace(settings, api_key="a key of the operator", **changes))
        default_org.create_default_org(services.context)
        services.store.close()
        return services.context

    return start


def revision(store: Store) -> int:
    with store.read() as conn:
        return int(conn.execute(sa.select(revisions.c.number)).scalar_one())


def seals(store: Store) -> list[bytes | None]:
    with store.read() as conn:
        org = accounts.get_org(conn, default_org.ORG_ID)
        assert org is not None
        found = conn.execute(sa.select(credentials.c.secret).order_by(credentials.c.id)).scalars()
        return [org["secret"], *found]


def test_a_start_with_the_same_settings_changes_nothing(
    start: Callable[..., Context], store: Store
) -> None:
    """Other processes need not read their rows anew, and can open every seal."""
    start(**SECRET)
    before, sealed = revision(store), seals(store)
    start(**SECRET)
    assert (revision(store), seals(store)) == (before, sealed)


@pytest.mark.parametrize(
    "changes",
    [
        {**SECRET, "server_secret": "another secret"},
        {**SECRET, "server_url": "https://elsewhere.example/"},
    ],
)
def test_a_changed_setting_is_followed(
    start: Callable[..., Context], store: Store, changes: dict[str, str]
) -> None:
    start(**SECRET)
    context = start(**changes)
    with store.read() as conn:
        org = accounts.get_org(conn, default_org.ORG_ID)
    assert org is not None
    assert org["server_url"] == changes["server_url"]
    assert context.vault.open(org["secret"]) == {"serverSecret": changes["server_secret"]}


def test_a_seal_of_a_lost_key_is_made_anew(
    start: Callable[..., Context], store: Store, settings: Settings
) -> None:
    start(**SECRET)
    start(**SECRET, secret_keys=("a new key of the operator",))
    [sealed, *_] = seals(store)
    assert Vault(["a new key of the operator"]).open(sealed) == {"serverSecret": "a secret"}
