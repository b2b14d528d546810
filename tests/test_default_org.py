"""The default organisation at each start: made, followed, and left alone when nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from app import default_org
from app.domain.context import Context
from app.settings import CarrierSettings, Settings
from app.store import accounts, resources
from app.store.engine import Columns, Store
from app.store.schema import credentials, phone_numbers, revisions
from app.store.vault import Vault
from app.wiring import Services
from tests.store.together import impatient

SECRET = {"server_url": "https://server.example/", "server_secret": "a secret"}


@pytest.fixture
def start(settings: Settings, store: Store) -> Callable[..., Context]:
    """One start of the server with these settings, or one command."""

    def start(*, is_start: bool = True, **changes: object) -> Context:
        services = Services(replace(settings, api_key="a key of the operator", **changes))
        default_org.create_default_org(services.context, is_start=is_start)
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


GIVEN = {**SECRET, "owner_callback_url": "https://owner.example/status"}


def test_a_command_without_the_addresses_forgets_none(
    start: Callable[..., Context], store: Store
) -> None:
    """Else the servers would learn nothing, or messages go unsigned, until the next start."""
    context = start(**GIVEN)
    start(is_start=False)
    assert given(store, context) == list(GIVEN.values())
    start(is_start=False, server_secret="a newer secret")
    assert given(store, context)[1] == "a newer secret"
    start()
    assert given(store, context) == [None, None, None]


def given(store: Store, context: Context) -> list[str | None]:
    """What the organisation has of ``GIVEN``."""
    with store.read() as conn:
        org = accounts.get_org(conn, default_org.ORG_ID)
    assert org is not None
    secret = context.vault.open(org["secret"]).get("serverSecret")
    return [org["server_url"], secret, org["owner_callback_url"]]


# ------------------------------------------------------------------ the number of the settings

FIRST, SECOND = "0" * 8 + "-0000-4000-8000-" + "1" * 12, "0" * 8 + "-0000-4000-8000-" + "2" * 12


def twilio(number: str | None) -> tuple[CarrierSettings, ...]:
    body = {"accountSid": "AC" + "0" * 32, "authTokens": ["token"]}
    return (CarrierSettings("twilio", body, number),)


def numbers(store: Store) -> list[tuple[str, str | None]]:
    columns = phone_numbers.c.number, phone_numbers.c.assistant_id
    with store.read() as conn:
        return [(row[0], row[1]) for row in conn.execute(sa.select(*columns).order_by(columns[0]))]


ONE = {"carriers": twilio("+14155550100"), "assistant_id": FIRST}
STARTS: list[tuple[dict[str, object], list[tuple[str, str | None]]]] = [
    (ONE, [("+14155550100", FIRST)]),
    ({**ONE, "carriers": twilio("14155550100")}, [("+14155550100", FIRST)]),  # the same one
    ({**ONE, "assistant_id": SECOND}, [("+14155550100", SECOND)]),
    ({**ONE, "assistant_id": None}, [("+14155550100", None)]),
    ({**ONE, "carriers": twilio("+14155550101")}, [("+14155550101", FIRST)]),
    ({**ONE, "carriers": twilio(None)}, []),
    ({}, []),
]


@pytest.mark.parametrize(("second", "left"), STARTS)
def test_the_number_follows_the_settings(
    start: Callable[..., Context],
    store: Store,
    second: dict[str, object],
    left: list[tuple[str, str | None]],
) -> None:
    start(**ONE)
    assert numbers(store) == [("+14155550100", FIRST)]
    start(**second)
    assert numbers(store) == left
    start(**ONE)
    assert numbers(store) == [("+14155550100", FIRST)]


def test_an_assistant_of_a_patch_stays_without_the_setting(
    start: Callable[..., Context], store: Store
) -> None:
    start(**ONE)
    with store.write() as conn:
        conn.execute(phone_numbers.update().values(assistant_id=SECOND))
    start(carriers=ONE["carriers"])
    start(carriers=ONE["carriers"])
    assert numbers(store) == [("+14155550100", SECOND)]


def test_a_start_with_the_same_number_changes_nothing(
    start: Callable[..., Context], store: Store
) -> None:
    start(**ONE)
    before = revision(store)
    start(**ONE)
    assert revision(store) == before


def test_a_change_by_the_api_waits_for_the_whole_start(
    start: Callable[..., Context], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start changes several numbers, and each change counts the revision: a circle, else."""
    put, refused = accounts.put_number, list[str]()

    def put_while_another_changes_numbers(conn: sa.Connection, values: Columns) -> None:
        with pytest.raises(OperationalError), impatient(store) as other:
            resources.hold_org(other, default_org.ORG_ID)
        refused.append(values["number"])
        put(conn, values)

    start(**ONE)
    monkeypatch.setattr(accounts, "put_number", put_while_another_changes_numbers)
    start(**ONE)
    assert refused == ["+14155550100"]


def test_a_command_without_the_settings_takes_nothing_back(
    start: Callable[..., Context], store: Store
) -> None:
    start(**ONE)
    start(is_start=False)
    assert numbers(store) == [("+14155550100", FIRST)]
    start(carriers=ONE["carriers"])  # the command has not forgotten what the first start set
    assert numbers(store) == [("+14155550100", None)]


def test_a_clients_own_number_stays(start: Callable[..., Context], store: Store) -> None:
    start(**ONE)
    with store.write() as conn:
        row = dict(conn.execute(sa.select(phone_numbers)).mappings().one())
        row |= {"id": SECOND, "number": "+14155550109"}
        conn.execute(phone_numbers.insert(), row)
    start()
    assert numbers(store) == [("+14155550109", FIRST)]
    with store.read() as conn:
        assert conn.execute(sa.select(credentials.c.account_ref)).scalars().all()
