"""Vapi's kinds of object that are not served: their lists are empty, and making one is refused.

Vapi's own gitops lists every kind of object, and stops at the first list that is missing.
https://docs.vapi.ai/api-reference/eval/eval-controller-get-paginated
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response

from app.domain.errors import Invalid
from app.routes.operations import Operation, Section
from app.routes.schemas.responses import Resource
from app.routes.validation import reply

EVALS = "evals and simulations are not served here"

# Path -> why there is none, as the end of a sentence.
NOT_KEPT: Mapping[str, str] = {
    "/eval": EVALS,
    "/eval/simulation": EVALS,
    "/eval/simulation/personality": EVALS,
    "/eval/simulation/scenario": EVALS,
    "/eval/simulation/suite": EVALS,
}

blueprint = Section("not-kept", "Kinds of object that are not served: there are none of them.")


def _name(verb: str, path: str) -> str:
    words = path.strip("/").split("/")
    return verb + "".join(word.capitalize() for word in words)


def _serve(path: str, why: str) -> None:
    def listed() -> Response:
        return reply([])

    def refused() -> Response:
        raise Invalid(f"{why[0].upper()}{why[1:]}")

    for verb, method, view, many in (
        ("list", "GET", listed, True),
        ("create", "POST", refused, False),
    ):
        view.__name__ = name = _name(verb, path)
        summary = f"{verb.capitalize()}: {why}"
        blueprint.serve(Operation(method, path, name, Resource, many=many, summary=summary))(view)


for _path, _why in NOT_KEPT.items():
    _serve(_path, _why)
