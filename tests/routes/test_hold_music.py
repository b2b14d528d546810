"""The route that carriers fetch the hold music from."""

from __future__ import annotations

import pytest

from tests.routes.api import Api


def test_it_needs_no_key_and_is_kept(entry: Api) -> None:
    answer = entry.app.test_client().get("/hold-music/3.wav")
    assert (answer.status_code, answer.mimetype) == (200, "audio/wav")
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert answer.data[:4] == b"RIFF"


@pytest.mark.parametrize("name", ["0", "13", "999999999999", "-1", "x"])
def test_there_is_no_other(entry: Api, name: str) -> None:
    assert entry.app.test_client().get(f"/hold-music/{name}.wav").status_code == 404
