"""What is told of a conversation's use of its vendors."""

from __future__ import annotations

import pytest
from pipecat.frames.frames import MetricsFrame
from pipecat.metrics.metrics import LLMTokenUsage, LLMUsageMetricsData, TTSUsageMetricsData

from app.assistants.local.services import Stage
from app.assistants.local.transcript.usage import Usage

MODEL = {"provider": "openai", "model": "gpt-4o", "messages": [{"role": "system", "content": "x"}]}


def tokens(model: str | None, prompt: int, completion: int) -> MetricsFrame:
    value = LLMTokenUsage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=0)
    return MetricsFrame(data=[LLMUsageMetricsData(processor="llm", model=model, value=value)])


def test_each_model_has_its_item_and_secrets_none() -> None:
    usage = Usage()
    for frame in (tokens("gpt-4o", 10, 1), tokens("gpt-4o", 20, 2), tokens("gpt-4o-mini", 5, 1)):
        usage.count(frame)
    usage.count(MetricsFrame(data=[TTSUsageMetricsData(processor="tts", value=120)]))
    voice = {"provider": "11labs", "voiceId": "sarah", "stability": 0.5}
    other = {"provider": "gladia"}
    heard = {"provider": "deepgram", "model": "nova-2"}
    assert list(usage.items(MODEL, voice, [(heard, 60.0), (other, 30.0)], 90.0)) == [
        {
            "type": "model",
            "model": {"provider": "openai", "model": "gpt-4o"},
            "promptTokens": 30,
            "completionTokens": 3,
        },
        {
            "type": "model",
            "model": {"provider": "openai", "model": "gpt-4o-mini"},
            "promptTokens": 5,
            "completionTokens": 1,
        },
        {
            "type": "voice",
            "voice": {"provider": "11labs", "voiceId": "sarah"},
            "characters": 120,
        },
        {"type": "transcriber", "transcriber": heard, "minutes": 1.0},
        {"type": "transcriber", "transcriber": other, "minutes": 0.5},
        {"type": "vapi", "subType": "normal", "minutes": 1.5},
    ]


def test_what_was_not_used_is_not_told() -> None:
    assert [each["type"] for each in Usage().items(MODEL, {}, [], 60.0)] == ["vapi"]


def test_a_model_of_another_vendor_is_told_by_its_name() -> None:
    usage = Usage()
    usage.count(tokens("m", 1, 1))
    others = {"llm": {"provider": "groq", "model": "m"}}
    items = list(usage.items(MODEL, {}, [], 60.0, others))
    assert items[0]["model"] == {"provider": "groq", "model": "m"}


@pytest.mark.parametrize("worked", [False, True])
def test_a_vendor_that_never_connected_costs_nothing(worked: bool) -> None:
    usage = Usage()
    usage.count(MetricsFrame(data=[TTSUsageMetricsData(processor="tts", value=120)]))
    usage.failed |= {Stage.VOICE, "a transcriber"}
    usage.worked |= {Stage.VOICE, "a transcriber"} if worked else set()
    told = [each["type"] for each in usage.items(MODEL, {}, [], 60.0)]
    assert told == (["voice", "vapi"] if worked else ["vapi"])
    assert usage.reached("a transcriber") == worked
    assert usage.reached("another one")
