"""What ``make site`` does to the pages: mkdocs calls the functions that begin with ``on_``.

On the site the README is the first page. A link to a file that is on no page becomes its text.
"""

from __future__ import annotations

import posixpath
import re
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = "docs"
OUTSIDE = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
"""Pages of the site that are elsewhere in the tree."""
LINK = re.compile(r"(!?)\[([^\[\]]+)\]\(([^)\s]+)\)")


def for_site(text: str, path: str) -> str:
    """The text of the page at this path of the tree, with the site's links."""
    folder = posixpath.dirname(path)
    return LINK.sub(lambda found: _link(found, folder), text)


def _link(found: re.Match[str], folder: str) -> str:
    picture, words, target = found.groups()
    name, hash, fragment = target.partition("#")
    if not name or "://" in name:
        return words if picture else found[0]  # the site loads nothing from outside
    place = posixpath.normpath(posixpath.join(folder, name))
    inside = _on_site(place)
    return f"{picture}[{words}]({inside}{hash}{fragment})" if inside else words


def _on_site(place: str) -> str | None:
    """Where a file of the tree is on the site; None: it is not."""
    for page, source in OUTSIDE.items():
        if place == source:
            return page
    inside = place.removeprefix(f"{FOLDER}/")
    return inside if inside != place and not inside.endswith(".py") else None


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are outside the folder."""
    make = import_module("mkdocs.structure.files").File.generated
    for page, source in OUTSIDE.items():
        files.append(make(config, page, content=(ROOT / source).read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Give each page the site's links."""
    name = page.file.src_uri
    return for_site(markdown, OUTSIDE.get(name, f"{FOLDER}/{name}"))
