"""What a held caller hears: audio that is fetched and checked as a carrier does."""

from __future__ import annotations

import io
import wave

from providers.simulation.stage import Stage

# Seconds that audio lasts at least, however fast the run is: a real carrier asks no faster.
SHORTEST = 0.2


def audio_seconds(stage: Stage, url: str) -> float:
    """Fetch audio, and return its length. Faulty audio is a problem of the run."""
    response = stage.wire.send(stage.outbound, "GET", url, {}, quiet=True)
    try:
        if response.status != 200:
            raise ValueError(f"answered {response.fault or response.status}")
        with wave.open(io.BytesIO(response.body)) as read:
            return float(read.getnframes() / read.getframerate())
    except (ValueError, EOFError, wave.Error) as error:
        stage.problem(f"no audio that a phone can play: {url}: {error}")
        return 1.0


def hear(stage: Stage, url: str, ref: str) -> float:
    """A leg begins to hear this audio. Returns the seconds that it lasts in this run."""
    seconds = audio_seconds(stage, url)
    if stage.held.begin(ref):
        stage.timeline.add("caller", f"hears {seconds:g} s of music")
    return max(SHORTEST, seconds * stage.config.speed)
