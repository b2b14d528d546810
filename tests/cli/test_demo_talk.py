"""The demo with speech: which model thinks, and what the script answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI

from app.cli import demo_model, demo_talk
from app.vendors.common import local_models
from providers.simulation.api_server import ApiReply, ApiRequest, serve
from tests.clock import in_real_time

HOURS = "We are open from nine to five, Monday to Friday."


@contextmanager
def listing(body: bytes) -> Iterator[str]:
    """A model server that lists its models."""

    def answer(request: ApiRequest) -> ApiReply:
        assert request.path == "/v1/models"
        return ApiReply(200, body)

    with serve(answer) as url:
        yield f"{url}/v1"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("What are your opening hours, please?", HOURS),
        ([{"type": "text", "text": "When do you OPEN?"}], HOURS),
        ("Are you open on Saturday?", "No, at the weekend we are closed."),
        ("Thanks, goodbye.", "Thank you for your call. Goodbye."),
        ("Sing a song.", demo_model.OTHERWISE),
    ],
)
def test_what_the_script_answers(said: Any, answer: str) -> None:
    before = [{"role": "system", "content": "goodbye"}, {"role": "user", "content": "goodbye"}]
    assert demo_model.answer([*before, {"role": "user", "content": said}]) == answer


def test_it_answers_every_turn_of_the_demo() -> None:
    answers = [demo_model.answer([{"role": "user", "content": each}]) for each in demo_talk.TURNS]
    assert demo_model.OTHERWISE not in answers
    assert answers[-1].endswith("Goodbye.")  # which ends the call


@in_real_time
async def test_it_speaks_openais_protocol() -> None:
    asked: dict[str, Any] = {
        "model": demo_model.NAME,
        "messages": [{"role": "user", "content": "Your hours?"}],
    }
    with demo_model.scripted_model() as url:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            stream = await client.chat.completions.create(stream=True, **asked)
            pieces = [each.choices[0].delta.content or "" async for each in stream]
            whole = await client.chat.completions.create(**asked)
    assert "".join(pieces) == whole.choices[0].message.content == HOURS
    assert len(pieces) > 5


def test_a_model_server_of_the_machine_thinks() -> None:
    models = {"object": "list", "data": [{"id": "llama3.2"}, {"id": "qwen"}]}
    with (
        listing(json.dumps(models).encode()) as url,
        demo_talk.talk({demo_talk.BASE_URL: url}) as talk,
    ):
        assert talk.environment == {"OLLAMA_BASE_URL": url}
        assert talk.assistant["model"]["model"] == "llama3.2"
        assert f"llama3.2, from {url}" in talk.told


@pytest.mark.parametrize("body", [b"", b"{}", b'{"data": []}', b'{"data": [7]}'])
def test_without_a_model_a_script_does_and_it_is_said(body: bytes) -> None:
    with listing(body) as url, demo_talk.talk({demo_talk.BASE_URL: url}) as talk:
        assert talk.assistant["model"]["model"] == demo_model.NAME
        assert talk.environment["OLLAMA_BASE_URL"] != url
        assert f"a script in this program, because no model answers at {url}" in talk.told


def test_without_the_programs_there_is_no_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_models, "find_spec", lambda name: None)
    assert "make local" in str(demo_talk.lacks({}))
