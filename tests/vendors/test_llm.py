"""Models: what each vendor is asked, what is heard back, and that a failure is known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.utils.errors import ErrorCategory

from app.assistants.local.tools.definitions import Kind, Tool
from app.net import httpx_client
from app.vendors.common.account import VendorAccount, VendorAccounts
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.llm_spec import candidates, opening_messages, read_spec
from app.vendors.failures import model_failure
from app.vendors.llm import make_model
from app.vendors.registry import llm_parts
from providers.events import EndedReason
from tests.clock import on_loop
from tests.fakes.vendors import anthropic, chat
from tests.fakes.vendors.anthropic import Anthropic
from tests.fakes.vendors.chat import Chat
from tests.fakes.vendors.served import Fault, Served
from tests.vendors.cases import anywhere
from tests.vendors.turn import turn

KEY = "the key"
BASES = {name: part.address for name, part in llm_parts().items()}
CHATS = [vendor for vendor in BASES if vendor != "anthropic"]
KINDS: dict[str, Callable[[], Any]] = {"openai": Chat, "anthropic": Anthropic}
"""A vendor of each protocol, and what stands for it."""
WEATHER = Tool(
    Kind.FUNCTION,
    "getWeather",
    "Tells the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
PROMPT = {"role": "system", "content": "You are a desk."}

each_kind = pytest.mark.parametrize("vendor", KINDS)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second attempt comes at once."""
    monkeypatch.setattr(httpx_client, "PAUSE_SECONDS", 0.0)


def config(vendor: str, **more: Any) -> dict[str, Any]:
    return {"provider": vendor, "model": "a-model", "messages": [PROMPT], **more}


def at(served: Served, vendor: str) -> VendorAccounts:
    """An account whose vendor is the stand-in."""
    return {vendor: VendorAccount(KEY, served.url)}


# ------------------------------------------------------------------ asked and answered


@pytest.mark.parametrize("vendor", CHATS)
@on_loop
async def test_chat_completions(vendor: str) -> None:
    async with Chat() as served:
        service = make_model(config(vendor, temperature=0.2, maxTokens=99), at(served, vendor))
        heard = await turn(service)
    [asked] = served.asked
    assert heard.text == "Good morning to you. "
    assert heard.usage == [(42, 17)]
    assert heard.errors == []
    assert asked.body["messages"] == [PROMPT, {"role": "user", "content": "Hello."}]
    assert (asked.body["model"], asked.body["temperature"]) == ("a-model", 0.2)
    renamed = {"openai", "azure-openai", "cerebras", "minimax", "xai"}
    limit = "max_completion_tokens" if vendor in renamed else "max_tokens"
    assert asked.body[limit] == 99
    if vendor == "azure-openai":
        assert asked.path == "/openai/deployments/a-model/chat/completions"
        assert asked.query == {"api-version": "2025-04-01-preview"}
        assert asked.headers["api-key"] == KEY
    else:
        assert asked.path == "/chat/completions"
        assert asked.headers["authorization"] == f"Bearer {KEY}"


@on_loop
async def test_anthropics_messages() -> None:
    async with Anthropic() as served:
        said = config("anthropic", temperature=1.7, maxTokens=99)
        heard = await turn(make_model(said, at(served, "anthropic")))
    [asked] = served.asked
    assert heard.text == "Good morning to you. "
    assert heard.usage == [(42, 17)]
    assert (asked.path, asked.headers["x-api-key"]) == ("/v1/messages", KEY)
    assert asked.body["system"] == "You are a desk."
    assert (asked.body["temperature"], asked.body["max_tokens"]) == (1.0, 99)  # ours goes to 2


@each_kind
@on_loop
async def test_a_tool_is_called(vendor: str) -> None:
    async with KINDS[vendor]() as served:
        served.tool = ("getWeather", ['{"city": ', '"Oslo"}'])
        heard = await turn(make_model(config(vendor), at(served, vendor)), tools=[WEATHER])
    assert heard.called == [("getWeather", {"city": "Oslo"})]
    [offered] = served.asked[0].body["tools"]
    assert "getWeather" in str(offered)
    assert heard.usage == [(42, 17)]


@each_kind
@on_loop
async def test_a_question_outside_a_call(vendor: str) -> None:
    """As summaries are asked for, and as that fails."""
    context = LLMContext([{"role": "user", "content": "Sum it up."}])
    async with KINDS[vendor]() as served:
        service = make_model(config(vendor), at(served, vendor))
        assert await service.run_inference(context) == "Good morning to you."
        served.faults = [Fault(401, WRONG_KEY[vendor])]
        with pytest.raises(Exception, match="401"):
            await service.run_inference(context)
        await service.cleanup()  # type: ignore[no-untyped-call]
    assert [asked.body.get("stream") for asked in served.asked] == [False, False]


# ------------------------------------------------------------------ what fails


WRONG_KEY = {"openai": chat.WRONG_KEY, "anthropic": anthropic.WRONG_KEY}
QUOTA = {"openai": chat.QUOTA, "anthropic": anthropic.QUOTA}

FAULTS: dict[str, tuple[Callable[[str], Fault], ErrorCategory, int]] = {
    # twice: the second attempt may meet another server of theirs
    "500": (lambda _: Fault(500), ErrorCategory.SERVER, 2),
    "503 that says wait a minute": (
        lambda _: Fault(503, headers={"Retry-After": "60"}),
        ErrorCategory.SERVER,
        2,
    ),
    "quota": (lambda vendor: Fault(429, QUOTA[vendor]), ErrorCategory.RATE_LIMIT, 2),
    "overloaded": (lambda _: Fault(529, anthropic.OVERLOADED), ErrorCategory.SERVER, 2),
    # once: it will not get better
    "wrong key": (
        lambda vendor: Fault(401, WRONG_KEY[vendor]),
        ErrorCategory.AUTHENTICATION,
        1,
    ),
    "wrong model": (lambda _: Fault(404), ErrorCategory.INVALID_REQUEST, 1),
}
"""The fault of a vendor, how the engine sees it, and how often the vendor is asked."""


@each_kind
@pytest.mark.parametrize("fault", FAULTS)
@on_loop
async def test_a_refusal_is_known(vendor: str, fault: str) -> None:
    make, category, attempts = FAULTS[fault]
    async with KINDS[vendor]() as served:
        served.faults = [make(vendor)] * attempts
        service = make_model(config(vendor), at(served, vendor))
        heard = await turn(service)
    [error] = heard.errors
    assert (error.processor, error.category) == (service, category)
    assert len(served.asked) == attempts
    assert heard.text == ""
    assert KEY not in error.error


@each_kind
@pytest.mark.parametrize("fault", [Fault(500), Fault(429), Fault(refused=True)], ids=str)
@on_loop
async def test_a_second_attempt_may_do(vendor: str, fault: Fault) -> None:
    async with KINDS[vendor]() as served:
        served.faults = [fault]
        heard = await turn(make_model(config(vendor), at(served, vendor)))
    assert (heard.text, heard.errors) == ("Good morning to you. ", [])


@each_kind
@on_loop
async def test_a_stream_is_cut(vendor: str) -> None:
    """What was said before stays said, and nothing is asked again."""
    async with KINDS[vendor]() as served:
        served.faults = [Fault(cut_after=4)]
        heard = await turn(make_model(config(vendor), at(served, vendor)))
    assert heard.text.startswith("Good morning ")
    assert len(heard.errors) == 1
    assert len(served.asked) == 1


@on_loop
async def test_silence_is_known_in_the_servers_own_time() -> None:
    """Vapi's timeoutSeconds; the engine's deadline is another, and for all."""
    async with Chat() as served:
        served.faults = [Fault(silent=True)]
        said = config("custom-llm", timeoutSeconds=0.1)
        heard = await turn(make_model(said, at(served, "custom-llm")))
    [error] = heard.errors
    assert "timed out" in error.error
    assert len(served.asked) == 1


@each_kind
@on_loop
async def test_nobody_is_there(vendor: str) -> None:
    async with KINDS[vendor]() as served:
        keys = at(served, vendor)
    heard = await turn(make_model(config(vendor), keys))
    assert len(heard.errors) == 1


# ------------------------------------------------------------------ where it goes


@each_kind
@on_loop
async def test_a_redirect_is_not_followed(vendor: str) -> None:
    """Only the first address was vetted, and the key is that one's."""
    async with KINDS[vendor]() as served, Chat() as elsewhere:
        served.faults = [Fault(307, headers={"Location": f"{elsewhere.url}/v1/messages"})]
        heard = await turn(make_model(config(vendor), at(served, vendor)))
    assert elsewhere.asked == []
    assert len(heard.errors) == 1


@each_kind
@on_loop
async def test_nothing_comes_from_the_sdks_environment(
    vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDKs would take the operator's keys and addresses for whatever they are not told."""
    names = ("API_KEY", "ORG_ID", "PROJECT_ID", "BASE_URL", "AUTH_TOKEN", "ADMIN_KEY")
    for name in names:
        for prefix in ("OPENAI", "ANTHROPIC"):
            monkeypatch.setenv(f"{prefix}_{name}", "http://c4n4ry.invalid")
    async with KINDS[vendor]() as served:
        heard = await turn(make_model(config(vendor), {vendor: VendorAccount(None, served.url)}))
    assert heard.errors == []
    assert "c4n4ry" not in str(served.asked)


@pytest.mark.parametrize("vendor", [vendor for vendor, base in BASES.items() if base])
def test_without_an_address_it_is_the_vendors(vendor: str) -> None:
    spec = read_spec(config(vendor), {vendor: VendorAccount(KEY)}, {})
    assert (spec.url, spec.key) == (BASES[vendor], KEY)


@each_kind
@on_loop
async def test_connections_are_closed_with_the_pipeline(vendor: str) -> None:
    async with KINDS[vendor]() as served:
        service: Any = make_model(config(vendor), at(served, vendor))
        await turn(service)
    assert service._client.is_closed()


# ------------------------------------------------------------------ custom-llm


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, {"metadata": {"a": 1, "model": "x"}, "call": {"id": "c"}}),  # Vapi's default
        ({"metadataSendMode": "off"}, {}),
        ({"urlRequestMetadataEnabled": False}, {}),  # the older spelling
        # what the request itself needs stays as it is
        ({"metadataSendMode": "destructured"}, {"a": 1, "call": {"id": "c"}}),
    ],
)
@on_loop
async def test_what_a_custom_llm_is_told(said: dict[str, Any], told: dict[str, Any]) -> None:
    facts = {"metadata": {"a": 1, "model": "x"}, "call": {"id": "c"}, "customer": None}
    headers = {"X-Desk": "7", "authorization": "not here"}
    async with Chat() as served:
        own = config("custom-llm", url=f"{served.url}/v2/chat/completions", headers=headers, **said)
        await turn(make_model(own, {}, facts, anywhere))
    [asked] = served.asked
    names = {"metadata", "call", "customer", "a"}
    assert {name: value for name, value in asked.body.items() if name in names} == told
    assert asked.body["model"] == "a-model"
    assert asked.path == "/v2/chat/completions"
    assert (asked.headers["x-desk"], asked.headers["authorization"]) == ("7", "Bearer none")


def test_a_key_is_for_the_address_it_was_given_with() -> None:
    """The operator's must not go wherever an assistant points."""
    keys = {"custom-llm": VendorAccount(KEY, "https://llm.example/v1")}
    for url, key in [
        ("https://llm.example/v2", KEY),
        ("https://llm.example:8443/v1", "none"),
        ("http://llm.example/v1", "none"),
        ("https://llm.example.evil.example/v1", "none"),
    ]:
        assert read_spec(config("custom-llm", url=url), keys, {}).key == key
    # a client's own credential names no address: it is for the client's own server
    own = {"custom-llm": VendorAccount(KEY)}
    assert read_spec(config("custom-llm", url="https://a.example"), own, {}).key == KEY


# ------------------------------------------------------------------ Azure


@pytest.mark.parametrize(
    ("path", "extra", "asked_path", "query"),
    [
        (
            "",
            {"apiVersion": "2024-10-21"},
            "/openai/deployments/a-model/chat/completions",
            {"api-version": "2024-10-21"},
        ),
        ("/openai/v1", {}, "/openai/v1/chat/completions", {}),  # the form without dates
    ],
)
@on_loop
async def test_azures_endpoints(
    path: str, extra: Mapping[str, str], asked_path: str, query: Mapping[str, str]
) -> None:
    more = {**extra, "ocpApimSubscriptionKey": "gateway"}
    async with Chat() as served:
        keys = {"azure-openai": VendorAccount(KEY, served.url + path, more)}
        heard = await turn(make_model(config("azure-openai"), keys))
    [asked] = served.asked
    assert heard.text
    assert (asked.path, asked.query) == (asked_path, query)
    assert asked.headers["ocp-apim-subscription-key"] == "gateway"


# ------------------------------------------------------------------ the settings


@pytest.mark.parametrize(
    ("model", "more", "temperature", "max_tokens"),
    [
        ("gpt-4o", {}, 0.5, 250),  # Vapi's defaults
        ("gpt-4o", {"temperature": 0, "maxTokens": 50.0}, 0, 50),
        ("o3-mini", {"temperature": 0.2}, None, None),  # refuses one, and thinks in tokens
        ("gpt-5-mini", {"maxTokens": 900}, None, 900),
        ("gpt-5-chat-latest", {}, 0.5, 250),  # does not think
    ],
)
def test_limits(model: str, more: Any, temperature: float | None, max_tokens: int | None) -> None:
    spec = read_spec(
        config("openai", **{"model": model, **more}), {"openai": VendorAccount(KEY)}, {}
    )
    assert (spec.temperature, spec.max_tokens) == (temperature, max_tokens)


@on_loop
async def test_reasoning_effort() -> None:
    async with Chat() as served:
        said = config("openai", model="gpt-5-mini", reasoningEffort="minimal")
        await turn(make_model(said, at(served, "openai")))
    assert served.asked[0].body["reasoning_effort"] == "minimal"
    assert "temperature" not in served.asked[0].body


@pytest.mark.parametrize(
    ("model", "accounts", "text"),
    [
        ({}, {}, "model.provider must be one of openai, "),
        ({"provider": "nobody", "model": "x"}, {}, "model.provider must be one of openai, "),
        ({"provider": ["openai"]}, {}, "model.provider must be one of openai, "),
        ({"provider": "groq"}, {}, "model.model must name a model of groq"),
        (config("groq"), {}, "groq has no key: set GROQ_API_KEY, or POST /credential"),
        (
            config("runpod"),
            {"runpod": VendorAccount(KEY)},
            "runpod has no address: set RUNPOD_BASE_URL",
        ),
        (config("custom-llm"), {}, "custom-llm has no address: set model.url"),
        (config("custom-llm", url=7), {}, "the address of custom-llm must be a URL address"),
        (
            config("openai"),
            {"openai": VendorAccount(KEY, "wss://api.example")},
            "the address of openai must be a URL address",
        ),
        (
            config("custom-llm", url="https://a.example", headers={"X": 1}),
            {},
            "model.headers.X must be a string",
        ),
    ],
)
def test_no_engine(model: Any, accounts: VendorAccounts, text: str) -> None:
    with pytest.raises(UnbuildableAssistant) as caught:
        make_model(model, accounts)
    assert str(caught.value).startswith(text)
    assert caught.value.stage == "model"
    assert KEY not in str(caught.value)


def test_a_spec_prints_no_secret() -> None:
    said = config("custom-llm", url="https://a.example", headers={"X-Key": "c4n4ry"})
    assert "c4n4ry" not in repr(read_spec(said, {"custom-llm": VendorAccount("c4n4ry")}, {}))


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ({}, []),  # none configured
        ({"provider": "openai", "model": "a"}, ["a"]),
        ({"provider": "openai", "model": "a", "fallbackModels": ["b", "a", "b", 7]}, ["a", "b"]),
        ({"provider": "openai", "model": "a", "fallbackModels": "b"}, ["a"]),
    ],
)
def test_candidates(model: dict[str, Any], names: list[str]) -> None:
    assert [found["model"] for found in candidates(model)] == names


def test_messages() -> None:
    model = {
        "messages": [
            PROMPT,
            {"role": "assistant", "content": "Hello."},
            {"role": "system", "content": "Be brief."},
            {"role": "bot", "content": "Older."},
            {"role": "tool", "content": "{}"},  # no vendor takes one without its call
            {"role": "user", "content": ""},
            {"role": "user", "content": "Hi."},
            "?",
        ],
    }
    spec = read_spec({**config("openai"), **model}, {"openai": VendorAccount(KEY)}, {})
    assert spec.system == "You are a desk.\n\nBe brief."
    assert opening_messages(model) == [
        {"role": "assistant", "content": "Hello."},
        {"role": "assistant", "content": "Older."},
        {"role": "user", "content": "Hi."},
    ]
    older = {"provider": "openai", "systemPrompt": "As it was."}
    assert read_spec(older, {"openai": VendorAccount(KEY)}, {}).system == "As it was."


CONNECTED = {"role": "user", "content": "(The call is connected.)"}
HELLO = {"role": "assistant", "content": "Hello."}
HI = {"role": "user", "content": "Hi."}


@pytest.mark.parametrize(
    ("provider", "given", "asked", "messages"),
    [
        # a first message will follow, which these two refuse as the first
        ("anthropic", [], False, [CONNECTED]),
        ("perplexity-ai", [HELLO], False, [CONNECTED, HELLO]),
        ("anthropic", [HI], False, [HI]),
        ("openai", [HELLO], False, [HELLO]),
        # nothing at all to answer is refused by everyone
        ("openai", [], True, [CONNECTED]),
        ("openai", [HI], True, [HI]),
    ],
)
def test_how_a_conversation_begins(
    provider: str, given: list[Any], asked: bool, messages: list[Any]
) -> None:
    assert opening_messages({"provider": provider, "messages": given}, asked=asked) == messages


@on_loop
async def test_perplexity_is_told_one_thing_at_a_time() -> None:
    """It refuses two messages of one side in a row."""
    async with Chat() as served:
        service = make_model(config("perplexity-ai"), at(served, "perplexity-ai"))
        await turn(service, [HI, HI, HELLO, HI])
    roles = [each["role"] for each in served.asked[0].body["messages"]]
    assert roles == ["system", "user", "assistant", "user"]


def test_every_vendor_has_its_reason() -> None:
    """The one of its own, where Vapi's page has one."""
    for name in BASES:
        own = f"pipeline-error-{name}-llm-failed"
        known = own in {str(reason) for reason in EndedReason}
        assert model_failure(name) == (own if known else "pipeline-no-available-llm-model")


def test_reading_a_model_imports_no_engine() -> None:
    code = (
        "import sys, app.server.asgi, app.assistants.local.tools.definitions, app.vendors.llm\n"
        "assert not {'pipecat', 'openai', 'anthropic', 'httpx2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
