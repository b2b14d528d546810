"""``patchbay doctor`` looks at carriers; other accounts are none of its findings."""

from __future__ import annotations

from flask import Flask

from app.doctor.examination import examine
from tests.routes.api import Api


def test_a_vendors_account_is_no_carriers(app: Flask, api: Api) -> None:
    api.made("/credential", {"provider": "openai", "apiKey": "key"})
    found = [str(finding) for finding in examine(app.extensions["patchbay"].context, offline=True)]
    assert any("no carrier account" in line for line in found)
    assert not any("openai" in line for line in found)
