"""``patchbay doctor``: checks a deployment, and says what to change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
import urllib3
from sqlalchemy.exc import SQLAlchemyError

from app.cli.database_errors import told
from app.cli.stored_values import unsendable
from app.default_org import create_default_org
from app.domain.legs import dial_limit
from app.private_files import open_to_others
from app.store import accounts, migrate
from app.store.schema import assistants, credentials, phone_numbers
from app.store.vault import WrongKey
from app.vendors import similar, stt, tts
from app.vendors.common import llm_spec
from app.vendors.common.account import VendorAccount
from app.wiring import Services
from providers.base.carrier import Carrier
from providers.base.rest import PROBE_AGENT, Account, NumberSetting, SignedProbe
from providers.base.webhook import HookKind
from providers.common.json_types import JsonObject
from providers.errors import CarrierError, NotConfigured, ProviderError

REFUSED = {401, 403, 429}
NEARLY = 0.8
"""Part of a limit of what is dialled that is worth a line."""
MARK = {"ok": "ok     ", "note": "note   ", "error": "ERROR  "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. ``level``: ok, note (works, but know it) or error (change it)."""

    level: str
    text: str

    def __str__(self) -> str:
        return MARK[self.level] + self.text


def examine(patchbay: Services) -> list[Finding]:
    """All findings. A database that cannot be used ends the examination."""
    findings = [*_plugins(patchbay), *_database(patchbay)]
    if any(finding.level == "error" for finding in findings):
        return findings
    create_default_org(patchbay.context)
    return [
        *findings,
        *_files(patchbay),
        *_keys(patchbay),
        *_stored_values(patchbay),
        *_dialling(patchbay),
        *_voices(patchbay),
        *_fallbacks(patchbay),
        *_public_url(patchbay),
        *_carriers(patchbay),
    ]


def _plugins(patchbay: Services) -> Iterator[Finding]:
    for plugin in patchbay.settings.plugins:
        yield Finding("ok", f"plugin: {plugin}")
    for failpoint in patchbay.settings.failpoints:
        yield Finding("error", f"FAILPOINT is set: {failpoint}; the bridge fails on purpose")


def _database(patchbay: Services) -> Iterator[Finding]:
    name = patchbay.store.url.get_backend_name()
    try:
        if patchbay.store.is_sqlite:
            patchbay.upgrade()
        current = migrate.is_current(patchbay.store)
    except SQLAlchemyError as error:
        yield Finding("error", f"database: {told(error)}")
        return
    if current:
        yield Finding("ok", f"database: {name}, up to date")
    else:
        yield Finding("error", "database: older than this program; run `patchbay db upgrade`")


def _files(patchbay: Services) -> Iterator[Finding]:
    """What other users of this machine may read. A start makes its own files private."""
    settings, places = patchbay.settings, list[Path]()
    if patchbay.store.is_sqlite:
        database = Path(str(patchbay.store.url.database))
        places += [database.parent, database, database.with_name("secret_key")]
    if settings.recordings_url is None:
        places.append(Path(settings.recordings_dir))
    for place in filter(open_to_others, places):
        mode = "700" if place.is_dir() else "600"
        yield Finding("note", f"other users may read {place}: chmod {mode} {place}")


def _keys(patchbay: Services) -> Iterator[Finding]:
    with patchbay.store.read() as conn:
        keys = sum(row["revoked_at"] is None for row in accounts.list_keys(conn))
        count = sa.select(sa.func.count()).select_from(assistants)
        ready = conn.execute(count).scalar_one()
    if keys:
        yield Finding("ok", f"API keys in force: {keys}")
    else:
        yield Finding("error", "no API key: set API_KEY, or run `patchbay keys create`")
    if not ready:
        yield Finding("note", "no assistant is stored; make one with POST /assistant")


def _stored_values(patchbay: Services) -> Iterator[Finding]:
    with patchbay.store.read() as conn:
        for line in unsendable(patchbay.context, conn):
            yield Finding("error", line)


def _dialling(patchbay: Services) -> Iterator[Finding]:
    """The limits of what is dialled, and the keys that are close to them."""
    settings = patchbay.settings
    limits = {
        "DIAL_LIMIT_PER_HOUR": settings.dial_limit_per_hour,
        "DIAL_MINUTES_PER_HOUR": settings.dial_minutes_per_hour,
    }
    for name in (name for name, most in limits.items() if not most):
        yield Finding("note", f"{name} is 0: a stolen key may dial without a limit")
    with patchbay.store.read() as conn:
        for key in accounts.list_keys(conn):
            used = dial_limit.used(patchbay.context, conn, key["id"])
            for name, share in zip(limits, used, strict=True):
                if share >= NEARLY:
                    text = f"API key {key['prefix']}…: {share:.0%} of {name} is used"
                    yield Finding("note", f"{text}; raise it, or revoke the key")


def _voices(patchbay: Services) -> Iterator[Finding]:
    """Who speaks in place of Vapi's own voices, with the accounts of the environment."""
    settings = patchbay.settings
    accounts = {v.provider: VendorAccount(v.key, v.url, v.extra) for v in settings.vendors}
    others = tts.choose({"provider": "vapi"}, accounts, settings.fallback_voice)
    named = dict(settings.vapi_voices)
    speakers = [f"{name} is {_spoken(voice)}" for name, voice in named.items()]
    if similar.ANY not in named:
        speakers.append(f"{'any other' if named else 'each'} is one of {others['provider']}'s")
    yield Finding("ok", f"voices of provider vapi: {', '.join(speakers)}")


def _fallbacks(patchbay: Services) -> Iterator[Finding]:
    """The operator's last resorts that the accounts of the environment do not reach."""
    settings = patchbay.settings
    accounts = {v.provider: VendorAccount(v.key, v.url, v.extra) for v in settings.vendors}
    for variable, problem_of, config in (
        ("FALLBACK_VOICE", tts.problem, settings.fallback_voice),
        ("FALLBACK_TRANSCRIBER", stt.problem, settings.fallback_transcriber),
        ("FALLBACK_MODEL", llm_spec.problem, settings.fallback_model),
    ):
        if config and (problem := problem_of(config, accounts)):
            yield Finding("note", f"{variable} works with a stored credential only: {problem}")


def _spoken(voice: JsonObject) -> str:
    """``openai:alloy``"""
    return ":".join(voice.values())


def _public_url(patchbay: Services) -> Iterator[Finding]:
    url = patchbay.settings.public_url
    if patchbay.settings.development:
        yield Finding("note", f"PUBLIC_URL is {url}: carriers cannot reach it; set your https URL")
    elif urlsplit(url).scheme != "https":
        yield Finding("error", f"PUBLIC_URL is {url}: carriers dial media only over TLS; use https")
    try:
        answer = urllib3.request("GET", url + "/healthz", timeout=5.0, retries=False)
        healthy = answer.status == 200
    except urllib3.exceptions.HTTPError:
        healthy = False
    if healthy:
        yield Finding("ok", f"{url}/healthz answers")
    else:
        yield Finding("note", f"{url}/healthz does not answer; is the bridge running there?")


def _carriers(patchbay: Services) -> Iterator[Finding]:
    with patchbay.store.read() as conn:
        known = credentials.c.provider.in_(patchbay.providers)
        rows = conn.execute(sa.select(credentials).where(known)).mappings().all()
        numbers = conn.execute(sa.select(phone_numbers)).mappings().all()
    if not rows:
        yield Finding(
            "note", "no carrier account: set the carrier's variables, or POST /credential"
        )
    named = {row["id"]: {str(name): value for name, value in row.items()} for row in rows}
    for row in named.values():
        yield from _account(patchbay, row)
    for number in numbers:
        row = {str(name): value for name, value in number.items()}
        yield from _number(patchbay, row)
        yield from _set_up(patchbay, row, named[row["credential_id"]])


def _account(patchbay: Services, row: JsonObject) -> Iterator[Finding]:
    label = f"{row['provider']} account {row['account_ref']}"
    provider = patchbay.providers[row["provider"]]
    try:
        account = patchbay.context.account(row)
    except (WrongKey, ProviderError) as error:
        yield Finding("error", f"{label}: {error}")
        return
    yield from _round_trip(patchbay, provider, account, label)
    try:
        yield Finding("ok", f"{label}: {provider.client(account, timeout=5.0).check()}")
    except NotConfigured as error:
        yield Finding("note", f"{label}: its API is not used: {error}")
    except CarrierError as error:
        yield Finding("error", f"{label}: {error}")


def _number(patchbay: Services, row: JsonObject) -> Iterator[Finding]:
    provider = patchbay.providers[row["provider"]]
    url = patchbay.settings.public_url + _arrival(provider)
    assistant = row["assistant_id"]
    answers = (
        f"assistant {assistant}" if assistant else "no assistant: add ?assistantId= to the URL"
    )
    yield Finding(
        "ok", f"phone number {row['number']} ({provider.name}, id {row['id']}): {answers}"
    )
    yield Finding("note", f"  point it, or your flow, at {url}")


def _arrival(carrier: Carrier) -> str:
    return str(_path(carrier, HookKind.ARRIVE))


def _path(carrier: Carrier, kind: HookKind) -> str | None:
    """Our URL of this kind that identifies a call by its leg, not by a token."""
    plain = (hook.path for hook in carrier.hooks if hook.kind is kind and "<" not in hook.path)
    return next(plain, None)


# ------------------------------------------------------------------ signature round trip


def _round_trip(
    patchbay: Services, carrier: Carrier, account: Account, label: str
) -> Iterator[Finding]:
    """Send a signed and a forged request to PUBLIC_URL. Only the first may be accepted."""
    now, url = patchbay.context.now(), patchbay.settings.public_url
    url += str(_path(carrier, HookKind.STATUS))
    try:
        ours, other = (carrier.signature.probe(url, account, now) for _ in range(2))
    except ProviderError as error:
        yield Finding("error", f"{label}: {error}")
        return
    true, forged = _sent(url, ours), _sent(url, SignedProbe(other.headers, ours.body))
    if true is None or forged is None:
        yield Finding("note", f"{label}: signatures are not tried: {url} does not answer")
    elif not 200 <= true < 300:
        yield Finding(
            "error",
            f"{label}: what is signed for {url} is answered {true} there: the bridge that runs there "
            "must have the same PUBLIC_URL, DATABASE_URL and SECRET_KEY, and its proxy must leave "
            "path, headers and body alone",
        )
    elif forged not in REFUSED:
        yield Finding(
            "error",
            f"{label}: a forged request to {url} is answered {forged}: something else than this "
            "bridge answers there; check PUBLIC_URL and the proxy",
        )
    else:
        yield Finding(
            "ok", f"{label}: signatures: the true one is let in at {url}, a forged one not"
        )


def _sent(url: str, probe: SignedProbe) -> int | None:
    """Send on a connection of its own: a kept-alive one may be closing just now."""
    try:
        with urllib3.PoolManager() as pool:
            answer = pool.request(
                "POST",
                url,
                body=probe.body,
                headers={**probe.headers, "User-Agent": PROBE_AGENT},
                timeout=5.0,
                retries=False,
            )
    except urllib3.exceptions.HTTPError:
        return None
    return int(answer.status)


# ------------------------------------------------------------------ the number at the carrier


def _set_up(patchbay: Services, row: JsonObject, credential: JsonObject) -> Iterator[Finding]:
    provider = patchbay.providers[row["provider"]]
    label = f"  {row['number']} at {provider.name}"
    try:
        client = provider.client(patchbay.context.account(credential), timeout=5.0)
        settings = client.number(row["number"])
    except WrongKey:
        return  # reported with the account
    except CarrierError as error:
        yield Finding("error", f"{label}: {error}")
        return
    except ProviderError as error:
        yield Finding("note", f"{label}: not looked up: {error}")
        return
    for setting in settings:
        yield _judged(patchbay, provider, label, setting)


def _judged(patchbay: Services, carrier: Carrier, label: str, setting: NumberSetting) -> Finding:
    """Judge one setting. A URL of another server is no error: a flow may own the number."""
    base = patchbay.settings.public_url
    said = f"{label}: {setting.name}: {setting.value or 'not set'}"
    if setting.problem:
        return Finding("error", f"{said}; {setting.problem}")
    path = _path(carrier, setting.kind) if setting.kind else None
    if path is None or (setting.value or "").partition("?")[0] == base + path:
        return Finding("ok", said)
    ours = (setting.value or "").startswith(base + "/")
    advice = (
        f"set {base + path}"
        if ours
        else f"for calls that come to us by themselves set {base + path}"
    )
    return Finding("error" if ours else "note", f"{said}; {advice}")
