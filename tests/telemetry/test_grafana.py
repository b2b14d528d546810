"""docs/grafana.json: every metric that it shows exists, and every metric that exists is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app import create_app
from app.settings import Settings

DASHBOARD = json.loads((Path(__file__).parents[2] / "docs" / "grafana.json").read_text())


def expressions(panels: list[dict[str, Any]]) -> Iterator[str]:
    for panel in panels:
        for target in panel["targets"]:
            yield target["expr"]


def served(settings: Settings) -> set[str]:
    """The names that a scrape may have, by its comments: a counter or gauge may have no value yet."""
    app = create_app(settings)
    app.extensions["patchbay"].upgrade()
    text = app.test_client().get("/metrics").text
    found = set[str]()
    for name, kind in re.findall(r"^# TYPE (patchbay_\w+) (\w+)$", text, re.MULTILINE):
        found.add(f"{name}_bucket" if kind == "histogram" else name)
    return found


def test_it_shows_every_metric_and_no_other(settings: Settings) -> None:
    named = {
        n for expr in expressions(DASHBOARD["panels"]) for n in re.findall(r"patchbay_\w+", expr)
    }
    assert named == served(settings)


def test_its_panels_are_whole() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for expr in expressions(panels):
        assert expr.count("(") == expr.count(")")
