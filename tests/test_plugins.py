"""Plugins: what is named is loaded and nothing else; what cannot be used stops the start."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

import pytest

from app import plugins
from app.plugins import BACKEND_GROUP, CARRIER_GROUP, PluginError
from app.settings import SettingsError, load
from providers import registry
from tests.fakes.carriers.acme import ACME
from tests.fakes.distribution import install

SECRET = {"SECRET_KEY": "a secret key of the tests"}
PARROT = {BACKEND_GROUP: {"parrot": "parrot:Parrot"}}
CODE = {"parrot.py": "class Parrot: pass"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for distributions; what it brings is gone after the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    with patch.dict(registry.PROVIDERS):
        yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def test_what_is_installed_does_not_enter_by_itself(site: Path) -> None:
    install(site, "acme-parrot", PARROT, {"parrot.py": "raise SystemExit('imported')"})
    assert load(SECRET).plugins == ()
    assert load({**SECRET, "PLUGINS": ""}).backends == ("local", "echo", "stream", "vapi")


@pytest.mark.parametrize("name", ["acme-parrot", "Acme_Parrot", "parrot", "parrot, acme-parrot"])
def test_a_backend_is_named_by_its_distribution_or_itself(site: Path, name: str) -> None:
    install(site, "acme-parrot", PARROT, CODE)
    settings = load({**SECRET, "PLUGINS": name, "ASSISTANT_BACKEND": "parrot"})
    assert [str(each) for each in settings.plugins] == [
        f"{BACKEND_GROUP} parrot of acme-parrot 1.0"
    ]
    assert settings.backends == ("local", "echo", "stream", "vapi", "parrot")


def test_a_distribution_may_bring_several(site: Path) -> None:
    carrier = {CARRIER_GROUP: {"acme": "tests.fakes.carriers.acme:ACME"}}
    install(site, "acme", PARROT | carrier, CODE)
    for _ in range(2):  # the settings are read by more than one part of a process
        settings = load({**SECRET, "PLUGINS": "acme"})
    assert {plugin.group for plugin in settings.plugins} == {BACKEND_GROUP, CARRIER_GROUP}
    assert registry.PROVIDERS["acme"] is ACME


def test_the_settings_of_a_carrier_that_is_brought_are_read(site: Path) -> None:
    install(site, "x", {CARRIER_GROUP: {"acme": "tests.fakes.carriers.acme:ACME"}}, {})
    environ = {**SECRET, "ACME_ACCOUNT": "acme42", "PLUGINS": "acme"}
    with pytest.raises(SettingsError, match=r"^ACME_KEYS is not set"):
        load(environ)
    (found,) = load({**environ, "ACME_KEYS": "new,old"}).carriers
    assert found.credential == {"account": "acme42", "keys": ["new", "old"]}


@pytest.mark.parametrize(
    ("points", "code", "says"),
    [
        (PARROT, "raise OSError('no sound card')", "OSError: no sound card"),
        (PARROT, "", "AttributeError"),  # it has no such object
        (PARROT, "Parrot = 5", "it cannot be called"),
        ({CARRIER_GROUP: {"parrot": "parrot:Parrot"}}, "Parrot = 5", "it is not a Carrier"),
        (
            {CARRIER_GROUP: {"parrot": "tests.fakes.carriers.acme:ACME"}},
            "",
            "the carrier is called 'acme'",
        ),
        (
            {CARRIER_GROUP: {"vonage": "parrot:VONAGE"}},
            "from dataclasses import replace\nfrom providers.vonage import VONAGE as theirs\n"
            "VONAGE = replace(theirs)",
            "there is a carrier 'vonage' already",
        ),
    ],
)
def test_what_cannot_be_used_stops_the_start(
    site: Path, points: Mapping[str, Mapping[str, str]], code: str, says: str
) -> None:
    install(site, "acme-parrot", points, {"parrot.py": code})
    with pytest.raises(SettingsError, match=r"^PLUGINS: .* of acme-parrot cannot be used") as error:
        load({**SECRET, "PLUGINS": "acme-parrot"})
    assert says in str(error.value)


def test_two_of_one_name_are_refused(site: Path) -> None:
    install(site, "acme-parrot", PARROT, CODE)
    install(site, "other-parrot", PARROT, CODE)
    with pytest.raises(SettingsError, match=r"^PLUGINS names 2 distributions that have a 'parrot'"):
        load({**SECRET, "PLUGINS": "acme-parrot, other-parrot"})


def test_what_is_built_in_cannot_be_replaced(site: Path) -> None:
    install(site, "acme-parrot", {BACKEND_GROUP: {"echo": "parrot:Parrot"}}, CODE)
    with pytest.raises(SettingsError, match=r"^PLUGINS: there is an assistant backend 'echo'"):
        load({**SECRET, "PLUGINS": "acme-parrot"})


def test_an_unknown_name_stops_the_start(site: Path) -> None:
    install(site, "acme-parrot", PARROT, CODE)
    with pytest.raises(SettingsError, match=r"^PLUGINS names 'parot'"):
        load({**SECRET, "PLUGINS": "parrot, parot"})


def test_a_name_that_two_distributions_have_is_refused(site: Path) -> None:
    install(site, "acme-parrot", PARROT, CODE)
    install(site, "other-parrot", PARROT, CODE)
    with pytest.raises(PluginError, match="which acme-parrot and other-parrot have"):
        plugins.load(["parrot"])
    assert len(plugins.load(["other-parrot"])) == 1
