"""``python -m bench.tenants``: every route, method and page with another organisation's ids.

The routes come from the application's own map, the pages from the dashboard's table. The answer
must be 404, as for an id that does not exist. The objects must stay as they were, and lists must be empty. Bodies may not name another's
objects: ``tests/routes/test_tenants.py`` holds that, too. Exits 1 otherwise.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from bench.fresh import new_app
from bench.machine import machine
from bench.reliability import conclude
from tests.routes.api import UNKNOWN, organisation
from tests.routes.test_tenants import listed, objects, pages, requests, told_by_pages


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    print(machine(), flush=True)
    logging.disable(logging.CRITICAL)
    with new_app() as app, tempfile.TemporaryDirectory() as place:
        first = organisation(app, "11111111-1111-4111-8111-111111111111", "key of the first")
        second = organisation(app, "22222222-2222-4222-8222-222222222222", "key of the second")
        theirs = objects(app, second, Path(place))
        kinds = [kind for kind in theirs if kind != "message"]
        before = [second.get(f"/{kind}/{theirs[kind]}").json for kind in kinds]
        tried, told = requests(app, theirs), list[str]()
        absent = requests(app, dict.fromkeys(theirs, UNKNOWN))
        for (method, path, body), (_, same, _) in zip(tried, absent, strict=True):
            answers = [first.request(method, each, body) for each in (path, same)]
            texts = [each.text.replace(path.split("/")[2], UNKNOWN) for each in answers]
            if {each.status_code for each in answers} != {404} or texts[0] != texts[1]:
                told.append(f"{method} {path}: {answers[0].status_code} {answers[0].text}")
        named = {**theirs, "key": second.org_id}
        own = {"call": first.call()["id"]}
        told += told_by_pages(app, first, named, {})
        told += told_by_pages(app, first, {**named, **own}, own)
        first.delete(f"/call/{own['call']}")
        first.delete(f"/phone-number/{listed(first, 'phone-number')[0]['id']}")
        lists = [kind for kind in kinds if kind != "recording"]
        told += [f"GET /{kind} is not empty" for kind in lists if listed(first, kind)]
        after = [second.get(f"/{kind}/{theirs[kind]}").json for kind in kinds]
        told += [f"{k} changed" for k, a, b in zip(kinds, before, after, strict=True) if a != b]
    seen = (f"{len(tried)} requests to {len({path for _, path, _ in tried})} paths with ids of "
            f"{len(theirs)} kinds, {len(pages(named))} pages, {len(lists)} lists: {len(told)} told something")  # fmt: skip
    return conclude("tenants", seen, *told, reached=not told, keep=options.record)


if __name__ == "__main__":
    sys.exit(main())
