"""The address at which carriers reach the bridge."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import urllib3

from app.doctor.finding import Finding
from app.domain.context import Context


def check(context: Context) -> Iterator[Finding]:
    url = context.settings.public_url
    if context.settings.development:
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
