"""What an operator sees of the programs before a call: the start, the doctor, the choices."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.doctor import last_resorts
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.installation import Installation, check
from app.domain.assistant.served_fields import Fate
from app.domain.dashboard.assistants.choices import NOT_HERE, OTHER, READY, providers, starter
from app.settings import Settings, load
from app.vendors import preload, registry
from app.vendors.common.account import VendorAccount
from tests.vendors.local.conftest import Install

Put = Callable[..., Any]
OPENAI = {"openai": VendorAccount("key")}
NOT_INSTALLED = "not installed: pip install 'patchbay[local]'"


def settings(**more: str) -> Settings:
    return load({"SECRET_KEY": "s" * 16, **more})


def doctor(given: Settings, *checks: Callable[[Any], Any]) -> list[str]:
    context: Any = SimpleNamespace(settings=given)
    return [str(finding) for each in checks for finding in each(context)]


def test_both_start_before_the_bridge_is_ready(
    account: VendorAccount, hearing: Put, voice_program: Put, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, preload.log.name)
    [ears], mouth = hearing("hears"), voice_program("speaks")
    names = registry.local_programs()
    preload.load_parts(names, dict.fromkeys(names, account))
    assert None not in {ears.pid, mouth.pid}
    assert caplog.text == ""


def test_one_that_does_not_start_is_logged_and_keeps_nothing_up(
    account: VendorAccount, hearing: Put, caplog: pytest.LogCaptureFixture
) -> None:
    hearing("refuses")
    preload.load_parts(["whisper"], {"whisper": account})
    assert "whisper does not start: RuntimeError: the model is broken" in caplog.text


@pytest.mark.parametrize("wanted", [False, True])
def test_one_that_is_not_installed_is_logged_where_it_is_wanted(
    install: Install, folder: Path, wanted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    install()
    asked = settings(LOCAL_MODELS_DIR=str(folder)) if wanted else settings()
    accounts = {each.provider: VendorAccount(extra=each.extra) for each in asked.vendors}
    preload.load_parts(["whisper", "piper"], accounts)
    assert caplog.text.count(NOT_INSTALLED) == (2 if wanted else 0)


def test_the_doctor_says_what_is_there(account: VendorAccount, folder: Path) -> None:
    assert doctor(settings(LOCAL_MODELS_DIR=str(folder)), last_resorts.local_speech) == [
        "ok     transcriber whisper: installed, with a model",
        "ok     voice piper: installed, with a model",
    ]


def test_and_what_is_missing(install: Install, folder: Path) -> None:
    install()
    assert doctor(settings(), last_resorts.local_speech) == []  # nobody asked for it
    lines = doctor(settings(LOCAL_MODELS_DIR=str(folder)), last_resorts.local_speech)
    assert [line.startswith("note") and NOT_INSTALLED in line for line in lines] == [True, True]
    [line] = doctor(settings(FALLBACK_VOICE="piper"), last_resorts.fallbacks)
    assert line.startswith("ERROR  FALLBACK_VOICE does not work: ")
    assert NOT_INSTALLED in line


def test_an_assistant_is_checked_for_them(account: VendorAccount, install: Install) -> None:
    assistant = AssistantConfig(
        {
            "model": {"provider": "openai", "model": "gpt-4o"},
            "voice": {"provider": "piper"},
            "transcriber": {"provider": "whisper"},
        }
    )
    here = Installation(settings(), {**OPENAI, "whisper": account, "piper": account})
    assert not [each for each in check(assistant, here) if each.fate is Fate.REFUSED]
    install()
    refused = [each for each in check(assistant, here) if each.fate is Fate.REFUSED]
    assert [each.path for each in refused] == ["transcriber", "voice"]
    assert all(NOT_INSTALLED in str(each.why) for each in refused)


def test_they_are_offered_where_they_work(account: VendorAccount, install: Install) -> None:
    accounts = {**OPENAI, "whisper": account, "piper": account}
    for stage, name in (("transcriber", "whisper"), ("voice", "piper")):
        told = {each.told for each in providers(stage, accounts)[READY] if each.value == name}
        assert told == {f"{name} (on this machine)"}
    minimax = {"minimax": VendorAccount("key"), "whisper": account}  # it has no transcriber
    assert starter(minimax)["transcriber"] == {"provider": "whisper"}
    assert starter(accounts)["transcriber"] == {"provider": "openai"}
    install()
    told = {each.told for each in providers("voice", accounts)[OTHER] if each.value == "piper"}
    assert told == {f"piper ({NOT_HERE})"}
