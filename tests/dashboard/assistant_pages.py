"""What a browser does with the page of an assistant, and what is stored of it then."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

from flask.testing import FlaskClient

from app.domain.dashboard.assistants import form
from app.wiring import Services
from bench.dashboard import ORG
from tests.domain.dashboard.assistants_json import FULL

LIST = "/dashboard/assistants"
MENU: dict[str, Any] = {"name": "Menu", "model": {"provider": "embedded"}, "metadata": {"own": 1}}
UNKNOWN = "99999999-9999-4999-8999-999999999999"
UNKNOWN_TOOL = FULL["model"]["toolIds"][0]


def keep(services: Services, assistant: dict[str, Any]) -> str:
    return str(services.resources.assistants.create(ORG, assistant)["id"])


def public(services: Services, id: str) -> dict[str, Any]:
    found = services.resources.assistants.get(ORG, id)
    return {k: v for k, v in found.items() if k not in {"id", "orgId", "createdAt", "updatedAt"}}


def whole(services: Services, id: str) -> dict[str, Any]:
    """With its secrets."""
    assistants = services.resources.assistants
    with services.store.read() as conn:
        return assistants.full(assistants.row(conn, ORG, id))


def inputs(client: FlaskClient, path: str, view: str = "form", **changes: Any) -> dict[str, Any]:
    """What a browser would send of the page, with changes to some inputs."""
    page = client.get(f"{path}?view={view}").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    found: dict[str, Any] = {"csrf": csrf[1], "view": view, "read_at": read_at(page)}
    if view == "json":
        found["json"] = re.search(r'<textarea id="json"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)[
            1
        ]  # type: ignore[index]
        found["json"] = unescape(found["json"])
    else:
        base = re.search(r'name="json" value="([^"]*)"', page)
        assert base
        found["json"] = unescape(base[1])
        shown = form.values(json.loads(found["json"]))
        found |= {name: list(texts) for name, texts in shown.items() if texts}
    return {**found, **{name.replace("__", "."): value for name, value in changes.items()}}


def read_at(page: str) -> str:
    found = re.search(r'name="read_at" value="([^"]*)"', page)
    assert found
    return found[1]


def beside(page: str, name: str) -> str:
    found = re.search(rf'<div id="v-{re.escape(name)}"[^>]*>(.*?)</div>', page, re.DOTALL)
    assert found, name
    return found[1]
