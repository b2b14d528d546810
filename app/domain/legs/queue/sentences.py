"""What a caller who waits hears, in the main languages. Pure.

The code of a language is the one that every carrier takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import object_of


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of one language."""

    code: str
    next: str
    """For the first in the line."""
    position: str
    """Has ``{position}``."""
    minute: str
    minutes: str
    """Has ``{minutes}``."""
    offer: str
    callback: str
    """The last words to a caller who will be called back."""


ENGLISH = Sentences(
    "en-US",
    "All lines are busy. You are next in line.",
    "All lines are busy. You are number {position} in line.",
    "The expected wait is one minute.",
    "The expected wait is {minutes} minutes.",
    "To be called back, press 1.",
    "We will call you back. Goodbye.",
)
LANGUAGES: Mapping[str, Sentences] = {
    "en": ENGLISH,
    "de": Sentences(
        "de-DE",
        "Alle Leitungen sind belegt. Sie sind als Nächster an der Reihe.",
        "Alle Leitungen sind belegt. Sie sind auf Platz {position} der Warteschlange.",
        "Die voraussichtliche Wartezeit beträgt eine Minute.",
        "Die voraussichtliche Wartezeit beträgt {minutes} Minuten.",
        "Für einen Rückruf drücken Sie die 1.",
        "Wir rufen Sie zurück. Auf Wiederhören.",
    ),
    "fr": Sentences(
        "fr-FR",
        "Toutes nos lignes sont occupées. Vous êtes le prochain.",
        "Toutes nos lignes sont occupées. Vous êtes en position {position} dans la file.",
        "L'attente estimée est d'une minute.",
        "L'attente estimée est de {minutes} minutes.",
        "Pour être rappelé, appuyez sur 1.",
        "Nous vous rappellerons. Au revoir.",
    ),
    "es": Sentences(
        "es-ES",
        "Todas las líneas están ocupadas. Usted es el siguiente.",
        "Todas las líneas están ocupadas. Su turno es el número {position}.",
        "La espera estimada es de un minuto.",
        "La espera estimada es de {minutes} minutos.",
        "Para que le llamemos, pulse 1.",
        "Le llamaremos. Adiós.",
    ),
    "it": Sentences(
        "it-IT",
        "Tutte le linee sono occupate. Lei è il prossimo.",
        "Tutte le linee sono occupate. Lei è il numero {position} in coda.",
        "L'attesa prevista è di un minuto.",
        "L'attesa prevista è di {minutes} minuti.",
        "Per essere richiamato, prema 1.",
        "La richiameremo. Arrivederci.",
    ),
    "pt": Sentences(
        "pt-BR",
        "Todas as linhas estão ocupadas. Você é o próximo.",
        "Todas as linhas estão ocupadas. Você é o número {position} na fila.",
        "A espera prevista é de um minuto.",
        "A espera prevista é de {minutes} minutos.",
        "Para receber uma ligação de volta, digite 1.",
        "Vamos ligar de volta. Até logo.",
    ),
    "nl": Sentences(
        "nl-NL",
        "Alle lijnen zijn bezet. U bent de volgende.",
        "Alle lijnen zijn bezet. U bent nummer {position} in de wachtrij.",
        "De verwachte wachttijd is één minuut.",
        "De verwachte wachttijd is {minutes} minuten.",
        "Toets 1 om teruggebeld te worden.",
        "Wij bellen u terug. Tot ziens.",
    ),
    "pl": Sentences(
        "pl-PL",
        "Wszystkie linie są zajęte. Jest pan lub pani następna w kolejce.",
        "Wszystkie linie są zajęte. Miejsce w kolejce: {position}.",
        "Przewidywany czas oczekiwania: jedna minuta.",
        "Przewidywany czas oczekiwania w minutach: {minutes}.",
        "Aby zamówić rozmowę zwrotną, naciśnij 1.",
        "Oddzwonimy. Do usłyszenia.",
    ),
    "sv": Sentences(
        "sv-SE",
        "Alla linjer är upptagna. Du är först i kön.",
        "Alla linjer är upptagna. Du har plats {position} i kön.",
        "Den beräknade väntetiden är en minut.",
        "Den beräknade väntetiden är {minutes} minuter.",
        "Tryck 1 för att bli uppringd.",
        "Vi ringer upp dig. Hej då.",
    ),
    "ja": Sentences(
        "ja-JP",
        "ただいま電話が混み合っております。次におつなぎします。",
        "ただいま電話が混み合っております。お待ちの順番は{position}番目です。",
        "待ち時間は約1分です。",
        "待ち時間は約{minutes}分です。",
        "折り返しのお電話をご希望の方は、1を押してください。",
        "折り返しお電話いたします。失礼いたします。",
    ),
}
"""Language -> its sentences. Any other language hears English."""


def of_assistant(assistant: AssistantConfig) -> Sentences:
    """The sentences in the language that the assistant listens or speaks in."""
    for part in ("transcriber", "voice"):
        found = LANGUAGES.get(_language(object_of(assistant.json, part)))
        if found is not None:
            return found
    return ENGLISH


def announcement(told: Sentences, position: int, minutes: int, *, offers_callback: bool) -> str:
    """The position, the expected wait, and the offer of a callback."""
    parts = [
        told.next if position == 1 else told.position.format(position=position),
        told.minute if minutes <= 1 else told.minutes.format(minutes=minutes),
        *([told.offer] if offers_callback else []),
    ]
    return " ".join(parts)


def _language(part: Mapping[str, Any]) -> str:
    """The first part of the code: ``de`` of ``de-DE``. Empty where there is none."""
    given = part.get("language") or part.get("languageCode")
    return given.replace("_", "-").split("-")[0].lower() if isinstance(given, str) else ""
