"""What our Flask leaves out changes no answer."""

from __future__ import annotations

import pytest
from flask import Response

from app.routes.lean_flask import LeanFlask, WholeResponse


@pytest.fixture
def app() -> LeanFlask:
    app = LeanFlask("lean")
    app.add_url_rule("/whole/<int:status>", "whole", _whole)
    app.add_url_rule("/folder/", "folder", lambda: "here")
    return app


def _whole(status: int) -> Response:
    return WholeResponse(b"body", status, "text/x")


@pytest.mark.parametrize("host", ["localhost", "a.example:8080", "_", "x" * 300])
def test_every_host_is_served(app: LeanFlask, host: str) -> None:
    answer = app.test_client().get("/whole/200", headers={"Host": host})
    assert (answer.status_code, answer.data) == (200, b"body")


@pytest.mark.parametrize(
    ("method", "status", "body", "length"),
    [
        ("GET", 200, b"body", "4"),
        ("GET", 503, b"body", "4"),
        ("HEAD", 200, b"", "4"),
        ("GET", 204, b"", None),
    ],
)
def test_the_length_is_that_of_the_body(
    app: LeanFlask, method: str, status: int, body: bytes, length: str | None
) -> None:
    answer = app.test_client().open(f"/whole/{status}", method=method)
    assert (answer.status_code, answer.data) == (status, body)
    assert answer.headers.get("Content-Length") == length
    assert answer.headers["Content-Type"] == "text/x"


def test_a_missing_slash_is_redirected_with_the_query(app: LeanFlask) -> None:
    answer = app.test_client().get("/folder?a=1%202", headers={"Host": "a.example"})
    assert (answer.status_code, answer.headers["Location"]) == (
        308,
        "http://a.example/folder/?a=1%202",
    )
