"""What a browser does with a page: fill its form, find its token."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def enter(client: FlaskClient, secret: str, **options: Any) -> TestResponse:
    return client.post("/dashboard/login", data={"secret": secret, **options})


def csrf_of(client: FlaskClient, path: str = "/dashboard/calls") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]
