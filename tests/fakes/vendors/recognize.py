"""What the stand-ins of transcribers with a request per utterance share."""

from __future__ import annotations

from abc import ABC

from tests.fakes.vendors.ears import Recogniser
from tests.fakes.vendors.server import VendorServer


class Recognizer(VendorServer, ABC):
    """Hears its sentence in every utterance that holds a voice."""

    def __init__(self, sentence: str = "") -> None:
        super().__init__()
        self.sentence = sentence
        self.sound = bytearray()

    def text(self, recogniser: Recogniser, pcm: bytes) -> str:
        heard = [*recogniser.feed(pcm), *recogniser.finish()]
        return next((each.text for each in heard if each.final), "")
