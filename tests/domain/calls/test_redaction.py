"""What is hidden of a call's words, and what stays readable."""

from __future__ import annotations

import pytest

from app.domain.calls.redaction import redacted

TOKEN = "gjoD7rr_awyaqvocWkrA7bU8" + "x" * 43
READABLE = (
    "CA0d6ac90c718b40c4a2b8f68977d1ee85",
    "01a22940-d654-7009-997f-6101e88efc71",
    "CON-1e244558-f0e4-415f-ba98-e484bafe49ee",
    "https://flow.example.com/back?vapiStatus=ended",
)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (f"wss://x.example/media/twilio/{TOKEN}#rc=3", "wss://x.example/media/twilio/gjoD7r…#rc=3"),
        ("https://x.example/a?token=abc&b=1", "https://x.example/a?token=…&b=1"),
        ({"AuthToken": "abc", "From": "+1"}, {"AuthToken": "…", "From": "+1"}),
        ([{"url": f"/x/{TOKEN}"}, 7, None], [{"url": "/x/gjoD7r…"}, 7, None]),
    ],
)
def test_secrets_are_hidden(given: object, shown: object) -> None:
    assert redacted(given) == shown
    assert redacted(redacted(given)) == shown


@pytest.mark.parametrize("text", READABLE)
def test_ids_are_not(text: str) -> None:
    assert redacted(text) == text
