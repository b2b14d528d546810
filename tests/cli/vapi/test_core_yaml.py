"""YAML 1.2's core schema, of which PyYAML's own differs. https://yaml.org/spec/1.2.2/#103-core-schema"""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.vapi import core_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),  # 1.1: true
        ("on", "on"),
        ("True", True),
        ("2026-01-01", "2026-01-01"),  # 1.1: a date
        ("12:30", "12:30"),  # 1.1: 750
        ("1_000", "1_000"),  # 1.1: 1000
        ("010", 10),  # 1.1: 8
        ("0o10", 8),
        ("0x1F", 31),
        ("+14155550100", 14155550100),
        ("'+14155550100'", "+14155550100"),
        ("1e3", 1000.0),  # 1.1: a text
        (".5", 0.5),
        ("~", None),
        ("", None),
        ("null", None),
        ("<<", "<<"),  # 1.1: a merge
    ],
)
def test_a_plain_scalar(text: str, value: Any) -> None:
    found = core_yaml.read(f"a: {text}", "x")["a"]
    assert (found, type(found)) == (value, type(value))


def test_a_key_is_what_it_says() -> None:
    assert core_yaml.read("on: call.ending\nno: 1", "x") == {"on": "call.ending", "no": 1}
