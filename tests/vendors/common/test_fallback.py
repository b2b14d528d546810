"""What replaces a part of an assistant: the same shape for voice, transcriber and model."""

from __future__ import annotations

from typing import Any

import pytest

from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.fallback import MOST, build_each, candidates, in_language_of
from app.vendors.common.llm_spec import candidates as models

OWN = {"provider": "a", "x": 1}


@pytest.mark.parametrize(("stage", "name"), [("voice", "voices"), ("transcriber", "transcribers")])
def test_the_plan_comes_before_the_operators(stage: str, name: str) -> None:
    plan = {name: [{"provider": "b"}, "no part", {"provider": "c"}]}
    found = candidates(stage, {**OWN, "fallbackPlan": plan}, {"provider": "d"})
    assert found == (OWN, {"provider": "b"}, {"provider": "c"}, {"provider": "d"})
    for broken in (None, [], {}, {name: "b"}):
        assert candidates(stage, {**OWN, "fallbackPlan": broken}) == (OWN,)


def test_a_models_fallbacks_come_before_the_operators() -> None:
    config = {"provider": "a", "model": "m", "temperature": 0, "fallbackModels": ["n"]}
    assert models(config, {"provider": "d", "model": "o"}) == [
        {"provider": "a", "model": "m", "temperature": 0},
        {"provider": "a", "model": "n", "temperature": 0},
        {"provider": "d", "model": "o", "temperature": 0},
    ]


def test_the_operators_transcriber_hears_the_assistants_language() -> None:
    theirs = {"provider": "d"}
    assert in_language_of({"language": "de-CH"}, theirs) == {"provider": "d", "language": "de"}
    for other in ({}, {"language": "multi"}, {"language": 7}):
        assert in_language_of(other, theirs) == theirs
    assert in_language_of({"language": "de"}, None) is None


def test_what_cannot_be_built_is_left_out() -> None:
    def build(config: Any) -> str:
        if config.get("bad"):
            raise UnbuildableAssistant("voice", config["provider"], "no key")
        return str(config["provider"])

    bad, good = {"provider": "a", "bad": True}, {"provider": "b"}
    assert build_each([bad, good], build) == [(good, "b")]
    assert len(build_each([good] * 99, build)) == MOST
    assert build_each([], build) == []
    with pytest.raises(UnbuildableAssistant) as caught:
        build_each([bad, {"provider": "z", "bad": True}], build)
    assert caught.value.provider == "a"
