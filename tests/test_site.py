"""The site of ``make site``: its menu has every page, and every link leads to one. No mkdocs here."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import site_hooks
from docs.site_hooks import FOLDER, LINK, OUTSIDE, for_site

ROOT = Path(__file__).parents[1]
DOCS = ROOT / FOLDER
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
PAGES = {page.name: f"{FOLDER}/{page.name}" for page in DOCS.glob("*.md")} | OUTSIDE
"""A page of the site -> its place in the tree."""


def named(menu: Any) -> Iterator[str]:
    if isinstance(menu, str):
        yield menu
    else:
        for each in menu.values() if isinstance(menu, dict) else menu:
            yield from named(each)


def test_the_menu_has_every_page_once() -> None:
    assert sorted(named(CONFIG["nav"])) == sorted(PAGES)


def test_a_fault_stops_the_build() -> None:
    assert CONFIG["strict"] is True
    levels = {level for part in CONFIG["validation"].values() for level in part.values()}
    assert levels == {"warn"}
    assert "mkdocs build --strict" in (ROOT / "Makefile").read_text()


def test_the_site_can_be_searched_and_loads_nothing_from_outside() -> None:
    assert "search" in CONFIG["plugins"]
    assert CONFIG["theme"]["font"] is False
    assert "://" not in (ROOT / "mkdocs.yml").read_text()


def test_the_hooks_are_mkdocs_own() -> None:
    assert CONFIG["hooks"] == [f"{FOLDER}/site_hooks.py"]
    assert all(hasattr(site_hooks, name) for name in ("on_files", "on_page_markdown"))


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_to_a_page_or_file_of_the_site(page: str) -> None:
    text = for_site((ROOT / PAGES[page]).read_text(), PAGES[page])
    for _, _, target in LINK.findall(
        re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    ):
        name = target.partition("#")[0]
        if name and "://" not in name:
            place = posixpath.normpath(posixpath.join(posixpath.dirname(page), name))
            assert place in PAGES or (DOCS / place).is_file(), target


LINKS: list[tuple[str, str, str]] = [
    # where, what is written, what the site has
    ("README.md", "[a](docs/twilio.md#once)", "[a](twilio.md#once)"),
    ("README.md", "[a](docs/studio-flow.json)", "[a](studio-flow.json)"),
    ("README.md", "[a](app.json)", "a"),  # on no page
    ("README.md", "[a](CHANGELOG.md)", "[a](changelog.md)"),
    ("README.md", "[a](#start)", "[a](#start)"),
    ("README.md", "[a](https://a.example/)", "[a](https://a.example/)"),
    ("README.md", "[![a](https://a.example/a.svg)](https://a.example/)", "[a](https://a.example/)"),
    ("docs/api.md", "[a](twilio.md)", "[a](twilio.md)"),
    ("docs/api.md", "[a](../README.md#deploy)", "[a](index.md#deploy)"),
    ("docs/api.md", "[`b`](../app/settings.py)", "`b`"),
    ("docs/api.md", "[a](write.py)", "a"),
    (".github/SECURITY.md", "[a](../docs/api.md)", "[a](api.md)"),
]


@pytest.mark.parametrize(("path", "written", "shown"), LINKS)
def test_links_are_the_sites(path: str, written: str, shown: str) -> None:
    assert for_site(written, path) == shown
