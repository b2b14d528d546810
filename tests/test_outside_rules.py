"""A rule of the outside world is written down once: here is where, and no second copy is found."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.test_arrows import FILES, ROOT

RULES: dict[str, tuple[str, set[str]]] = {
    "phone numbers (E.164)": (r"\[1-9\](\\d|\[0-9\])\{\d+,1[0-5]\}", {"providers/common/e164.py"}),
    "UUIDs": (r"\{8\}.*\{4\}.*\{12\}", {"app/domain/ids.py"}),
    "Azure's API versions": (
        r"^20\d\d-\d\d-\d\d-preview$|^/openai/v1$",
        {"app/vendors/azure/__init__.py"},
    ),
    "Twilio's SIDs": (r"(AC|CA|MZ|RE)\[0-9a-f\]\{32\}", {"providers/twilio/config.py"}),
    "HTTP header names": (r"#\$%&'\*\+", {"app/net/headers.py"}),
}
"""What a copy looks like within a text of the source, and the file that has the one."""


def texts(path: Path) -> set[str]:
    """All of a source file but its docstrings."""
    tree = ast.parse(path.read_text())
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare
    }


@pytest.fixture(scope="module")
def read() -> dict[str, set[str]]:
    return {str(path.relative_to(ROOT)): texts(path) for path in FILES}


@pytest.mark.parametrize("rule", RULES)
def test_it_stands_in_one_file(read: dict[str, set[str]], rule: str) -> None:
    pattern, where = RULES[rule]
    found = {name for name, values in read.items() if any(re.search(pattern, v) for v in values)}
    assert found == where
