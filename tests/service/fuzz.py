"""Requests made from our OpenAPI document, valid and not, and what must hold of every answer.

schemathesis makes them and judges the answers: never a 5xx, and always a status, type and body that
the document describes. Half of the ids in paths are of objects that exist.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.routes.api import UNKNOWN, VONAGE_CREDENTIAL, Api, organisation

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@dataclass
class Fuzz:
    """The requests to one application, and what was answered."""

    api: Api
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)
    """The first answer of each operation that is not as described."""
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Objects that exist, by the first word of their path."""

    def operations(self) -> Iterator[Any]:
        schema = schemathesis.openapi.from_wsgi("/openapi.json", self.api.app)
        found: Any
        for found in schema.get_all_operations():
            yield found.ok()

    def run(self, examples: int, seed: int, *, both: bool = True) -> None:
        """``examples`` valid requests of every operation, and as many that are not.

        Without ``both`` every second operation gets the valid ones, and the others the rest.
        """
        load_all_checks()
        self._create()
        for number, operation in enumerate(self.operations()):
            for mode in MODES if both else [MODES[number % 2]]:
                self._fuzz(operation, mode, examples, seed)

    def _create(self) -> None:
        """An object of each kind."""
        call = self.api.call()
        self.ids = {
            "call": [call["id"]],
            "phone-number": [call["phoneNumberId"]],
            "assistant": [self.api.made("/assistant", {})["id"]],
            "customer": [self.api.made("/customer", {"number": "+14155550111"})["id"]],
            "credential": [self.api.made("/credential", VONAGE_CREDENTIAL)["id"]],
        }

    def _fuzz(self, operation: Any, mode: GenerationMode, examples: int, seed: int) -> None:
        draw = random.Random(seed)

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            self._send(case, draw)

        try:
            send()
        except hypothesis.errors.Unsatisfiable:
            return  # nothing of this operation can be invalid

    def _send(self, case: Any, draw: random.Random) -> None:
        existing = self.ids.get(case.path.split("/")[1])
        if existing and "id" in case.path_parameters and draw.random() < 0.5:
            case.path_parameters["id"] = draw.choice(existing)
        answer = case.call(headers={"Authorization": f"Bearer {self.api.key}"})
        self.statuses[answer.status_code] += 1
        if answer.status_code == 201:
            self._remember(case.path.split("/")[1], answer.json())
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            name = f"{case.method} {case.path}"
            self.wrong.setdefault(
                name, "\n".join(map(str, failures.exceptions)) + case.as_curl_command()
            )

    def _remember(self, kind: str, made: dict[str, Any]) -> None:
        """What was created: one object, or the calls to several customers."""
        ids = [each["id"] for each in made.get("results", [made])]
        self.ids.setdefault(kind, []).extend(ids)


def fuzzing(app: Flask) -> Fuzz:
    """With an organisation of its own."""
    return Fuzz(organisation(app, UNKNOWN, "key of the fuzzer"))
