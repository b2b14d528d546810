"""Kinds of object that are not served: their lists are empty, and making one is refused."""

from __future__ import annotations

import pytest

from app.routes.not_kept import NOT_KEPT
from tests.routes.api import Api, refused


@pytest.mark.parametrize("path", NOT_KEPT)
def test_there_are_none(api: Api, path: str) -> None:
    assert api.get(path).json == []
    assert "not served here" in str(refused(api.post(path, {"name": "x"})))
    assert Api(api.app, "wrong").get(path).status_code == 401
