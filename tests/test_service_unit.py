"""docs/patchbay.service: what it takes from a process, and that it can do its work.

``systemd-analyze security --offline=true docs/patchbay.service`` is the measure; 1.4 of 10.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from pathlib import Path

import pytest

from app.server.gunicorn_workarounds import CLOSING_SECONDS

ROOT = Path(__file__).parents[1]

DIRECTIVES = {
    "UMask": "0077",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "PrivateUsers": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "RemoveIPC": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "SystemCallArchitectures": "native",
    "StateDirectory": "patchbay",
    "StateDirectoryMode": "0700",
    "LimitNOFILE": "65536",
    "KillMode": "mixed",
    "User": "patchbay",
}


def unit() -> dict[str, list[str]]:
    """The values of every directive."""
    found = defaultdict[str, list[str]](list)
    for line in (ROOT / "docs" / "patchbay.service").read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return dict(found)


@pytest.mark.parametrize("name", DIRECTIVES)
def test_the_unit_says(name: str) -> None:
    assert unit()[name] == [DIRECTIVES[name]]


def lines(name: str) -> list[list[str]]:
    """The words of each line that is no comment."""
    text = (ROOT / "docs" / name).read_text()
    return [shlex.split(line) for line in text.splitlines() if not line.startswith("#")]


def test_the_user_is_made() -> None:
    """https://www.freedesktop.org/software/systemd/man/latest/sysusers.d.html"""
    [[kind, user, id, _, home, shell]] = lines("patchbay.sysusers")
    assert (kind, id, shell) == ("u", "-", "/usr/sbin/nologin")
    assert [user] == unit()["User"] == unit()["Group"]
    assert home == f"/var/lib/{unit()['StateDirectory'][0]}"


def test_only_root_reads_the_settings() -> None:
    """https://www.freedesktop.org/software/systemd/man/latest/tmpfiles.d.html"""
    [file] = unit()["EnvironmentFile"]
    owned = [file, "0600", "root", "root", "-"]
    assert lines("patchbay.tmpfiles") == [["f", *owned], ["z", *owned]]


def test_the_page_says_how_to_copy_them() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for name, folder in (("sysusers", "sysusers.d"), ("tmpfiles", "tmpfiles.d")):
        assert f"cp docs/patchbay.{name} /etc/{folder}/patchbay.conf" in page
        assert f"/etc/{folder}/patchbay.conf" in (ROOT / f"docs/patchbay.{name}").read_text()


def test_a_system_call_that_changes_the_system_is_refused() -> None:
    assert unit()["SystemCallFilter"] == ["@system-service", "~@privileged"]


def test_it_writes_where_it_may() -> None:
    environment = dict(line.split("=", 1) for line in unit()["Environment"])
    assert environment["DATABASE_URL"] == "sqlite:////var/lib/patchbay/patchbay.db"


def test_a_stop_has_the_time_it_needs() -> None:
    environment = dict(line.split("=", 1) for line in unit()["Environment"])
    needed = int(environment["DRAIN_SECONDS"]) + CLOSING_SECONDS
    assert int(unit()["TimeoutStopSec"][0]) >= needed
