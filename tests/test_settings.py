"""Settings: defaults, one wrong value each naming its variable, and the page that lists them."""

from __future__ import annotations

import multiprocessing
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app import environment
from app.settings import DELIVERY_SCHEDULE, SettingsError, VendorSettings, load
from app.vendors.registry import with_account
from providers.base.carrier import Carrier
from providers.registry import PROVIDERS

ROOT = Path(__file__).parents[1]
SECRET = {"SECRET_KEY": "a secret key of the tests"}
PROCESSES, ROUNDS = 4, 20
PATIENCE = 60.0
"""Seconds until a test that waits for a process gives up."""


def test_defaults() -> None:
    settings = load(SECRET)
    assert settings.public_url == "http://localhost:8000"
    assert settings.database_url == "sqlite:///var/patchbay.db"
    assert settings.settle_seconds == 3
    assert settings.join_timeout_seconds == 30
    assert settings.bypass_ttl_seconds == 300
    assert settings.carriers == ()
    assert (settings.recordings_dir, settings.recordings_url) == ("var/recordings", None)


@pytest.mark.parametrize(
    ("value", "voice"),
    [
        ("openai:alloy", {"provider": "openai", "voiceId": "alloy"}),
        ("embedded", {"provider": "embedded"}),  # it has a voice of its own
        ("embedded:de", {"provider": "embedded", "voiceId": "de"}),
    ],
)
def test_fallback_voice(value: str, voice: dict[str, str]) -> None:
    assert load({**SECRET, "FALLBACK_VOICE": value}).fallback_voice == voice


def test_vapi_voices() -> None:
    given = "Elliot=11labs:a=b, KYLIE = elevenlabs:k,*=embedded"
    assert load({**SECRET, "VAPI_VOICES": given}).vapi_voices == {
        "elliot": {"provider": "11labs", "voiceId": "a=b"},
        "kylie": {"provider": "11labs", "voiceId": "k"},
        "*": {"provider": "embedded"},
    }
    assert load(SECRET).vapi_voices == {}


def test_fallback_transcriber_and_model() -> None:
    found = load({**SECRET, "FALLBACK_TRANSCRIBER": "gladia", "FALLBACK_MODEL": "groq:a:b"})
    assert found.fallback_transcriber == {"provider": "gladia"}
    assert found.fallback_model == {"provider": "groq", "model": "a:b"}
    assert load({**SECRET, "FALLBACK_MODEL": "openai"}).fallback_model == {"provider": "openai"}
    assert load(SECRET).fallback_model is None


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"PORT": "http"}, "PORT"),  # not a number
        ({"PORT": "70000"}, "PORT"),  # no such port
        ({"PORT": "80.5"}, "PORT"),  # not whole
        ({"PUBLIC_URL": "example.com"}, "PUBLIC_URL"),  # no scheme
        ({"PUBLIC_URL": "https://example.com/?a=b"}, "PUBLIC_URL"),  # signatures would not hold
        ({"PUBLIC_URL": "https://ex ample.com"}, "PUBLIC_URL"),  # no carrier would call it
        ({"SERVER_SECRET": "café"}, "SERVER_SECRET"),  # libraries encode it differently
        ({"SERVER_SECRET": "a\nb"}, "SERVER_SECRET"),  # would be another header
        ({"API_KEY": "ключ"}, "API_KEY"),  # no client can send it
        ({"DEEPGRAM_API_KEY": "a\nb"}, "DEEPGRAM_API_KEY"),
        ({"DEEPGRAM_BASE_URL": "wss://[a"}, "DEEPGRAM_BASE_URL"),
        ({"SERVER_URL": "https://exämple.com"}, "SERVER_URL"),
        ({"SERVER_URL": "http://10.0.0.1/hook"}, "SERVER_URL"),  # never called
        ({"STREAM_URL": "wss://user:password@example.com"}, "STREAM_URL"),
        ({"PRICES_FILE": "/no/such/file"}, "PRICES_FILE"),
        ({"PRICES_FILE": __file__}, "PRICES_FILE"),  # not JSON
        ({"RECORDINGS_URL": "https://bucket/x"}, "RECORDINGS_URL"),  # not S3
        ({"RECORDINGS_URL": "s3://bucket/../x y"}, "RECORDINGS_URL"),  # no prefix
        ({"RECORDINGS_URL": "s3://bucket"}, "S3_ACCESS_KEY_ID"),  # nobody to be there
        ({"RECORDINGS_URL": "s3://bucket", "S3_REGION": "eu central"}, "S3_REGION"),
        ({"RECORDINGS_URL": "s3://bucket", "S3_ACCESS_KEY_ID": "x"}, "S3_SECRET_ACCESS_KEY"),
        ({"RECORDING_RETENTION_DAYS": "-1"}, "RECORDING_RETENTION_DAYS"),
        ({"RECORDING_URL_SECONDS": "8640000"}, "RECORDING_URL_SECONDS"),  # over a week
        ({"ARTIFACT_WAIT_SECONDS": "no"}, "ARTIFACT_WAIT_SECONDS"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL"),  # not one of the two databases
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        (
            {"SECRET_KEY": "", "DATABASE_URL": "postgresql://x/y"},
            "SECRET_KEY",
        ),  # nowhere to keep one
        ({"SECRET_KEY_FILE": "/does/not/exist"}, "SECRET_KEY_FILE"),
        ({"SERVER_URL": "ftp://example.com"}, "SERVER_URL"),
        ({"SETTLE_SECONDS": "-1"}, "SETTLE_SECONDS"),
        ({"SETTLE_SECONDS": "nan"}, "SETTLE_SECONDS"),
        ({"JOIN_TIMEOUT_SECONDS": "0"}, "JOIN_TIMEOUT_SECONDS"),
        ({"BYPASS_TTL_SECONDS": "soon"}, "BYPASS_TTL_SECONDS"),
        ({"RECONCILE_SECONDS": "0"}, "RECONCILE_SECONDS"),
        ({"PRICE_SECONDS": "-1"}, "PRICE_SECONDS"),
        ({"CURRENCY_RATES": "EUR"}, "CURRENCY_RATES"),  # without a rate
        ({"CURRENCY_RATES": "EUR=1,08"}, "CURRENCY_RATES"),  # the comma is between rates
        ({"CURRENCY_RATES": "EUR=0"}, "CURRENCY_RATES"),
        ({"CURRENCY_RATES": "USD=1"}, "CURRENCY_RATES"),  # what the others are given in
        ({"ASSISTANT_BACKEND": "robot"}, "ASSISTANT_BACKEND"),
        ({"ASSISTANT_BACKEND": "stream"}, "STREAM_URL"),  # stream of what?
        ({"STREAM_URL": "https://example.com"}, "STREAM_URL"),  # not a websocket
        ({"FALLBACK_VOICE": "jennifer"}, "FALLBACK_VOICE"),  # whose?
        ({"FALLBACK_VOICE": "openai"}, "FALLBACK_VOICE"),  # which?
        ({"FALLBACK_TRANSCRIBER": "custom-transcriber"}, "FALLBACK_TRANSCRIBER"),  # where?
        ({"FALLBACK_TRANSCRIBER": "nova-3"}, "FALLBACK_TRANSCRIBER"),  # whose?
        ({"FALLBACK_MODEL": "groq"}, "FALLBACK_MODEL"),  # which?
        ({"FALLBACK_MODEL": "custom-llm:a"}, "FALLBACK_MODEL"),  # where?
        ({"FALLBACK_VOICE": "playht:jennifer"}, "FALLBACK_VOICE"),  # cannot speak itself
        ({"VAPI_VOICES": "Elliot"}, "VAPI_VOICES"),  # by whom?
        ({"VAPI_VOICES": "=openai:alloy"}, "VAPI_VOICES"),  # which?
        ({"VAPI_VOICES": "Leo=openai:a,leo=openai:b"}, "VAPI_VOICES"),  # one of the two
        ({"VAPI_VOICES": "Leo=openai"}, "VAPI_VOICES"),
        ({"VAPI_VOICES": "Leo=vapi:Mia"}, "VAPI_VOICES"),  # cannot be had
        ({"VAPI_VOICES": "Leo=playht:jennifer"}, "VAPI_VOICES"),
        ({"DRAIN_SECONDS": "-1"}, "DRAIN_SECONDS"),
        ({"KEEP_ALIVE_SECONDS": "0"}, "KEEP_ALIVE_SECONDS"),
        ({"MAX_CONNECTIONS": "-1"}, "MAX_CONNECTIONS"),
        ({"MAX_UNFINISHED_PER_ADDRESS": "many"}, "MAX_UNFINISHED_PER_ADDRESS"),
        ({"TRUSTED_PROXIES": "11"}, "TRUSTED_PROXIES"),
        ({"PROTECT_METRICS": "maybe"}, "PROTECT_METRICS"),
        ({"PROTECT_DOCS": "maybe"}, "PROTECT_DOCS"),
        ({"PUBLIC_URL": "https://a.example", "API_KEY": "k" * 19}, "API_KEY"),  # can be guessed
        ({"PUBLIC_URL": "http://10.0.0.1", "API_KEY": "short"}, "API_KEY"),  # others reach it
        ({"PUBLIC_URL": "https://a.example", "METRICS_TOKEN": "k" * 19}, "METRICS_TOKEN"),
        ({"MAX_CALLS_PER_PROCESS": "2.5"}, "MAX_CALLS_PER_PROCESS"),
        ({"MEDIA_URL": "https://a.example, b.example"}, "MEDIA_URL"),  # the second has no scheme
        ({"SERVE_MEDIA": "sometimes"}, "SERVE_MEDIA"),
        ({"ENDED_REASONS": "all"}, "ENDED_REASONS"),
        ({"ALLOWED_COUNTRIES": "US, Germany"}, "ALLOWED_COUNTRIES"),
        ({"ALLOW_PRIVATE_SERVER_URLS": "maybe"}, "ALLOW_PRIVATE_SERVER_URLS"),
        ({"TWILIO_ACCOUNT_SID": "AC" + "0" * 32}, "TWILIO_AUTH_TOKEN"),  # half an account
        ({"TWILIO_AUTH_TOKEN": "token"}, "TWILIO_ACCOUNT_SID"),
        ({"VONAGE_API_KEY": "abcd1234"}, "VONAGE_SIGNATURE_SECRET"),  # nothing could be verified
        ({"VONAGE_PHONE_NUMBER": "15550100"}, "VONAGE_API_KEY"),
        ({"GROQ_BASE_URL": "groq.com"}, "GROQ_BASE_URL"),
        ({"GROQ_API_KEY": "ключ"}, "GROQ_API_KEY"),  # no header can hold it
        ({"CUSTOM_LLM_API_KEY": "key"}, "CUSTOM_LLM_BASE_URL"),  # any client's server would get it
        ({"DATABASE_URL": "sqlite:///"}, "DATABASE_URL"),  # where?
        ({"DATABASE_URL": "sqlite:///:memory:"}, "DATABASE_URL"),  # gone with the process
        ({"DATABASE_URL": "postgresql://u:p@host:port/x"}, "DATABASE_URL"),  # no number
        ({"ASSISTANT_ID": "Reception"}, "ASSISTANT_ID"),  # a name
        ({"DYNO": "web.1", "ALLOW_SQLITE": "1"}, "PUBLIC_URL"),  # carriers could not reach it
        ({"DYNO": "web.1"}, "DATABASE_URL"),  # a dyno's disk is wiped daily
    ],
)
def test_a_wrong_value_names_its_variable(environ: dict[str, str], names: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{names}\b"):
        load({**SECRET, **environ})


@pytest.mark.parametrize("path", ["", "/", "/hook/", "/hook?team=a", "/hook/?team=a&b="])
def test_a_target_address_is_called_as_it_is(path: str) -> None:
    """A base address gets paths of ours, so its last slash says nothing. A target's does."""
    http, socket = f"https://a.example{path}", f"wss://a.example{path}"
    settings = load({**SECRET, "SERVER_URL": http, "STREAM_URL": socket})
    assert (settings.server_url, settings.stream_url) == (http, socket)


@pytest.mark.parametrize("name", ["SERVER_URL", "STREAM_URL", "PUBLIC_URL", "GROQ_BASE_URL"])
def test_no_address_has_a_fragment(name: str) -> None:
    scheme = "wss" if name == "STREAM_URL" else "https"
    with pytest.raises(SettingsError, match=f"^{name} must be .* without a fragment"):
        load({**SECRET, name: f"{scheme}://a.example/x#y"})


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://a.example", "k" * 20),
        ("http://localhost:8000", "short"),  # development
        ("http://127.0.0.1:8000", "short"),
        ("http://[::1]:8000", "short"),
        ("https://a.example", ""),  # made, and printed once
    ],
)
def test_keys_that_may_be_used(url: str, key: str) -> None:
    environ = {**SECRET, "PUBLIC_URL": url, "API_KEY": key, "METRICS_TOKEN": key}
    settings = load(environ)
    assert (settings.api_key or "", settings.metrics_token or "") == (key, key)
    assert not key or key not in repr(settings)


@pytest.mark.parametrize(
    ("environ", "own", "only"),
    [
        ({}, "wss://web.example", False),
        ({"MEDIA_URL": "https://web.example"}, "wss://web.example", False),  # said once more
        ({"MEDIA_URL": "https://a.example"}, "wss://a.example", True),
        ({"MEDIA_URL": "https://a.example", "SERVE_MEDIA": "0"}, None, False),
        ({"MEDIA_URL": "https://a.example,https://b.example"}, None, False),  # not in two places
    ],
)
def test_where_a_process_takes_sockets(
    environ: dict[str, str], own: str | None, only: bool
) -> None:
    settings = load({**SECRET, "PUBLIC_URL": "https://web.example", **environ})
    assert (settings.own_media_base, settings.only_media) == (own, only)


def test_rates_are_exact() -> None:
    rates = load({**SECRET, "CURRENCY_RATES": "EUR=1.08, GBP=1.27"}).currency_rates
    assert rates == {"EUR": Decimal("1.08"), "GBP": Decimal("1.27")}


def test_accounts_are_read_with_rotation() -> None:
    twilio, vonage = load(
        {
            **SECRET,
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": "new, old",
            "TWILIO_PHONE_NUMBER": "+15550100",
            "VONAGE_API_KEY": "abcd1234",
            "VONAGE_SIGNATURE_SECRET": "signature",
            "VONAGE_APPLICATION_ID": "application",
            "VONAGE_PRIVATE_KEY": "-----BEGIN KEY\\n-----",
        }
    ).carriers
    assert twilio.credential["authTokens"] == ["new", "old"]
    assert twilio.number == "+15550100"
    assert vonage.credential["vonageApplicationPrivateKey"] == "-----BEGIN KEY\n-----"


TWILIO = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "token"}
VONAGE = {"VONAGE_API_KEY": "abcd1234", "VONAGE_SIGNATURE_SECRET": "signature"}


@pytest.mark.parametrize(
    ("account", "wrong", "value"),
    [
        (TWILIO, "TWILIO_ACCOUNT_SID", "AC1"),
        (TWILIO, "TWILIO_ACCOUNT_SID", "AC" + "A" * 32),  # its letters are small
        (TWILIO, "TWILIO_AUTH_TOKEN", "tökén"),
        (TWILIO, "TWILIO_PHONE_NUMBER", "bad"),
        (TWILIO, "TWILIO_PHONE_NUMBER", "(415) 555-0100"),
        (TWILIO, "TWILIO_PHONE_NUMBER", "+0155550100"),
        (VONAGE, "VONAGE_API_KEY", "a b"),
        (VONAGE, "VONAGE_API_SECRET", "sécret"),
        (VONAGE, "VONAGE_APPLICATION_ID", "äpp"),
        (
            VONAGE,
            "VONAGE_PRIVATE_KEY",
            "private.key",
        ),  # a path: the file is VONAGE_PRIVATE_KEY_FILE
        (VONAGE, "VONAGE_PHONE_NUMBER", "bad"),
    ],
)
def test_an_account_of_the_wrong_form_is_named(
    account: dict[str, str], wrong: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{wrong}\\b") as refused:
        load({**SECRET, **account, wrong: value})
    assert "\n" not in str(refused.value)
    if not wrong.endswith(("NUMBER", "SID")):
        assert value not in str(refused.value)  # it may be a secret


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        load({**SECRET, "DATABASE_URL": "postgresql://u:canary@host:port/x"})
    assert "canary" not in str(refused.value)


DYNO = {**SECRET, "DATABASE_URL": "postgresql://u@host/x", "PORT": "4711"}


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        (
            {"DYNO": "web.1", "HEROKU_APP_DEFAULT_DOMAIN_NAME": "a-0.herokuapp.com"},
            "https://a-0.herokuapp.com",
        ),
        (
            {
                "DYNO": "web.1",
                "HEROKU_APP_DEFAULT_DOMAIN_NAME": "a-0.herokuapp.com",
                "PUBLIC_URL": "https://phone.example",
            },
            "https://phone.example",  # a domain of its own
        ),
        ({"DYNO": "release.1"}, "http://localhost:4711"),  # it serves nobody: it must migrate
        ({"DYNO": "run.1"}, "http://localhost:4711"),
        ({"HEROKU_APP_DEFAULT_DOMAIN_NAME": ""}, "http://localhost:4711"),
    ],
)
def test_a_dyno_knows_its_address(environ: dict[str, str], url: str) -> None:
    assert load({**DYNO, **environ}).public_url == url


@pytest.mark.parametrize(
    ("environ", "lost"),
    [
        ({}, False),
        ({"DYNO": "run.1"}, True),
        (
            {
                "DYNO": "run.1",
                "RECORDINGS_URL": "s3://bucket",
                "S3_ACCESS_KEY_ID": "id",
                "S3_SECRET_ACCESS_KEY": "secret",
            },
            False,
        ),
    ],
)
def test_where_recordings_are_lost(environ: dict[str, str], lost: bool) -> None:
    assert load({**DYNO, **environ}).loses_recordings is lost


def test_vendors_are_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("the key\n")
    environ = {
        **SECRET,
        "OPENAI_API_KEY_FILE": str(tmp_path / "key"),
        "OPENAI_BASE_URL": "http://localhost:9000/v1/",
        "AZURE_SPEECH_API_KEY": "speech",
        "AZURE_SPEECH_REGION": "eastus",
        "DEEPGRAM_BASE_URL": "ws://localhost:9001",  # a server of the operator's needs no key
        "PLAYHT_USER_ID": "alone it names no account",
    }
    settings = load(environ)
    assert settings.vendors == (
        VendorSettings("openai", "the key", "http://localhost:9000/v1"),
        VendorSettings("deepgram", None, "ws://localhost:9001"),
        VendorSettings("azure", "speech", None, {"region": "eastus"}),
    )
    assert "the key" not in repr(settings)


def test_secrets_may_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("the api key\n")
    assert load({**SECRET, "API_KEY_FILE": str(tmp_path / "key")}).api_key == "the api key"


def test_without_secret_key_one_is_made_beside_the_database(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/x/patchbay.db"}
    first, second = load(environ), load(environ)
    assert first.secret_keys == second.secret_keys
    assert (tmp_path / "x" / "secret_key").stat().st_mode & 0o077 == 0


def _first_start(urls: list[str], together: Any, seen: Any) -> None:
    """One of several processes that start on each of these databases at once."""
    for url in urls:
        together.wait(PATIENCE)
        seen.put((url, load({"DATABASE_URL": url}).secret_keys))


def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{number}/patchbay.db" for number in range(ROUNDS)]
    spawn = multiprocessing.get_context("spawn")
    together, seen = spawn.Barrier(PROCESSES), spawn.Queue()
    processes = [
        spawn.Process(target=_first_start, args=(urls, together, seen)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    found = [seen.get(timeout=PATIENCE) for _ in range(ROUNDS * PROCESSES)]
    for process in processes:
        process.join()
    for url in urls:
        [(key,)] = {keys for of, keys in found if of == url}
        assert len(key) >= 32
    assert sorted(path.name for path in (tmp_path / "0").iterdir()) == ["secret_key"]


def test_an_empty_key_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(SettingsError, match=r"^SECRET_KEY is not set, and .*secret_key is empty"):
        load({"DATABASE_URL": f"sqlite:///{tmp_path}/patchbay.db"})


def test_no_secret_is_printed() -> None:
    settings = load({**SECRET, "API_KEY": "canary-key", "SERVER_SECRET": "canary-secret"})
    assert "canary" not in repr(settings)
    assert SECRET["SECRET_KEY"] not in repr(settings)


def test_the_schedule_is_the_documented_one() -> None:
    assert len(DELIVERY_SCHEDULE) == 10
    assert sum(DELIVERY_SCHEDULE) == 75 * 3600 + 35 * 60 + 5


def names_read() -> set[str]:
    """Every variable that the source reads, and those that the carriers declare."""
    files = [Path(environment.__file__), *(ROOT / "app" / "settings").glob("*.py")]
    source = "".join(file.read_text() for file in files)
    call = r'self\.(?:text|secret|header|words|words_secret|choice|flag|number|integer|url|target_url|called_url)\(\s*"([A-Z_]+)"'
    declared = {s.variable for carrier in PROVIDERS.values() for s in carrier.settings}
    return set(re.findall(call, source)) | declared


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))
    not_ours: set[Any] = {"WEB_CONCURRENCY"}  # gunicorn's own
    assert documented - not_ours == names_read()


@pytest.mark.parametrize("carrier", PROVIDERS.values(), ids=PROVIDERS)
def test_every_carriers_variables_are_documented_as_it_declares_them(carrier: Carrier) -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for each in carrier.settings:
        assert f"| `{each.variable}` | {each.default} | {each.meaning} |" in page


def test_every_vendors_variables_are_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for name, vendor in with_account().items():
        more = ", ".join(f"`{variable}`" for variable in vendor.extra_variables.values())
        assert f"| `{name}` | `{vendor.key_variable}` | `{vendor.url_variable}` | {more} |" in page
