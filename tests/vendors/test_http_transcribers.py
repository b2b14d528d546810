"""Transcribers with one request per utterance: what is asked, and what becomes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pipecat.utils.errors import ErrorCategory as Category

from app.vendors.azure.stt import text_of as azure_text
from app.vendors.common import stt_http
from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.stt_http import HttpTranscriber, SpeechRefused
from app.vendors.google.stt import text_of as google_text
from app.vendors.stt import make_transcriber
from tests.clock import on_loop
from tests.fakes.vendors.azure_recognize import AzureRecognize
from tests.fakes.vendors.google_recognize import GoogleRecognize
from tests.fakes.vendors.recognize import Recognizer
from tests.speech import SENTENCES, seconds
from tests.vendors.hearing import hearing


@dataclass(frozen=True)
class Case:
    """A vendor: its stand-in, what it must have been asked, its hertz at a call of 8 kHz."""

    stand_in: Callable[[str], Recognizer]
    asked: dict[str, Any]
    rate: int
    headers: dict[str, str] = field(default_factory=dict)


CASES = {
    "google": Case(
        GoogleRecognize,
        {"languageCode": "de-DE", "sampleRateHertz": 8000, "enableAutomaticPunctuation": True},
        8000,
        {"X-Goog-Api-Key": "key"},
    ),
    "azure": Case(
        AzureRecognize,
        {"language": "de-DE", "format": "simple"},
        16000,
        {"Ocp-Apim-Subscription-Key": "key"},
    ),
}
each_vendor = pytest.mark.parametrize("name", CASES)


def made(name: str, vendor: Recognizer, **config: Any) -> HttpTranscriber:
    account = VendorAccount("key", vendor.url)
    service = make_transcriber({"provider": name, **config}, {name: account}, 8000)
    assert isinstance(service, HttpTranscriber)
    return service


@each_vendor
@on_loop
async def test_an_utterance_is_one_request(name: str) -> None:
    case = CASES[name]
    async with (
        case.stand_in(SENTENCES["book"]) as vendor,
        hearing(made(name, vendor, language="de-DE"), 8000) as room,
    ):
        await room.say("book")
        assert vendor.asked == []
        await room.stop_speaking()
        await room.until(lambda: bool(room.finals))
        await room.say("yes")
        await room.stop_speaking()
        await room.until(lambda: len(room.finals) == 2)
    assert room.finals == [SENTENCES["book"]] * 2
    assert room.errors == room.interims == []
    first, _ = vendor.asked
    asked = first.query if name == "azure" else first.body["config"]
    assert {each: asked[each] for each in case.asked} == case.asked
    assert {each: first.headers[each] for each in case.headers} == case.headers
    assert "model" not in asked
    assert 2 < seconds(bytes(vendor.sound), case.rate) < 12


@each_vendor
@on_loop
async def test_silence_is_no_text_and_no_failure(name: str) -> None:
    async with CASES[name].stand_in("") as vendor, hearing(made(name, vendor), 8000) as room:
        await room.sound(bytes(16000))
        await room.stop_speaking()
        await vendor.came.wait()
    assert room.finals == room.errors == []


@each_vendor
@pytest.mark.parametrize(
    ("status", "category"),
    [
        (401, Category.AUTHENTICATION),
        (403, Category.AUTHORIZATION),
        (400, Category.INVALID_REQUEST),
    ],
)
@on_loop
async def test_a_refusal_is_for_good(name: str, status: int, category: Category) -> None:
    async with CASES[name].stand_in("") as vendor:
        vendor.status = status
        service = made(name, vendor)
        async with hearing(service, 8000) as room:
            for _ in range(2):
                await room.sound(bytes(1600))
                await room.stop_speaking()
            await room.until(lambda: bool(room.errors))
        assert not service.is_usable
    (error,) = room.errors
    assert error.category is category
    assert len(vendor.asked) == 1
    assert str(status) in error.error
    assert "key" not in error.error


@each_vendor
@on_loop
async def test_a_server_that_fails_is_asked_again(name: str) -> None:
    async with CASES[name].stand_in("") as vendor:
        vendor.status = 503
        service = made(name, vendor)
        async with hearing(service, 8000) as room:
            await room.sound(bytes(1600))
            await room.stop_speaking()
            await room.until(lambda: bool(room.errors))
        assert service.is_usable
    assert room.errors[0].category is Category.SERVER
    assert len(vendor.asked) == 2


@on_loop
async def test_a_long_utterance_is_asked_for_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stt_http, "MOST_SECONDS", 2)
    async with GoogleRecognize("Yes.") as vendor, hearing(made("google", vendor), 8000) as room:
        await room.say("two", pause=2.5)
        await room.stop_speaking()
        await room.until(lambda: bool(room.finals))
    assert len(vendor.asked) > 1
    (text,) = room.finals
    assert set(text.split()) == {"Yes."}


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        (google_text, {"results": [{}]}),
        (google_text, []),
        (azure_text, {}),
        (azure_text, {"RecognitionStatus": "Success"}),
        (azure_text, "ok"),
    ],
)
def test_something_else_is_no_transcript(read: Callable[[Any], str], answer: Any) -> None:
    with pytest.raises((LookupError, TypeError, AttributeError)):
        read(answer)


def test_an_error_within_an_answer_is_one() -> None:
    with pytest.raises(SpeechRefused, match="Azure: Error"):
        azure_text({"RecognitionStatus": "Error"})
    assert azure_text({"RecognitionStatus": "InitialSilenceTimeout"}) == ""


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        ({"model": "gemini-2.0-flash", "language": "German"}, (None, "de-DE")),
        ({"language": "Multilingual"}, (None, "en-US")),
        ({"model": "telephony"}, ("telephony", "en-US")),
    ],
)
def test_vapis_names_are_google_s(config: dict[str, Any], asked: tuple[Any, Any]) -> None:
    service = make_transcriber(
        {"provider": "google", **config}, {"google": VendorAccount("k")}, 8000
    )
    assert service is not None
    assert (service._settings.model, service._settings.language) == asked


@pytest.mark.parametrize("region", [None, "", "west.europe", "evil/path"])
def test_azure_needs_a_region(region: str | None) -> None:
    extra = {} if region is None else {"region": region}
    with pytest.raises(UnbuildableAssistant, match="region of the transcriber azure"):
        make_transcriber({"provider": "azure"}, {"azure": VendorAccount("k", extra=extra)}, 8000)
