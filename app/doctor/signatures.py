"""A signed and a forged request to PUBLIC_URL."""

from __future__ import annotations

from collections.abc import Iterator

import urllib3

from app.doctor.finding import Finding
from app.domain.context import Context
from app.domain.resources.number_urls import path_of
from providers.base.carrier import Carrier
from providers.base.rest import PROBE_AGENT, Account, SignedProbe
from providers.base.webhook import HookKind
from providers.errors import ProviderError

REFUSED = {401, 403, 429}


def check(context: Context, carrier: Carrier, account: Account, label: str) -> Iterator[Finding]:
    """Send a signed and a forged request to PUBLIC_URL. Only the first may be accepted."""
    now, url = context.now(), context.settings.public_url
    url += str(path_of(carrier, HookKind.STATUS))
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
