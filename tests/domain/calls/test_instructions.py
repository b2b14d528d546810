"""The URLs that a document gives to a carrier."""

from __future__ import annotations

from dataclasses import replace

from app.domain.calls.instructions import hook_url
from app.settings import Settings
from providers.base.webhook import Hook, HookKind
from tests.domain.use_cases import domain
from tests.fakes.carriers.twilio import TWILIO


def test_each_carrier_has_its_own_urls(settings: Settings) -> None:
    with domain(settings) as (ours, _):
        known = ours.context.providers[TWILIO.name]
        other = replace(known, hooks=(Hook(HookKind.STATUS, "/other/<token>/status", ("POST",)),))
        before = hook_url(ours.context, known, HookKind.STREAM, "T")
        ask_other = {hook_url(ours.context, other, kind, "T") for kind in HookKind}
        after = hook_url(ours.context, known, HookKind.STREAM, "T2")
    assert ask_other == {f"{settings.public_url}/other/T/status"}
    assert after == before.replace("T", "T2")
