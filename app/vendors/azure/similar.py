"""Azure's voices in place of another vendor's.

https://learn.microsoft.com/azure/ai-services/speech-service/language-support?tabs=tts
"""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors.common.similar_voice import (
    BRIGHT,
    CALM,
    CANADIAN,
    DEEP,
    FEMALE,
    INDIAN,
    MALE,
    Voices,
    Wish,
)
from app.vendors.common.vendor import Config

TONES: Voices = {
    (FEMALE, BRIGHT): "en-US-AvaNeural",
    (FEMALE, CALM): "en-US-EmmaNeural",
    (FEMALE, DEEP): "en-US-JennyNeural",
    (MALE, BRIGHT): "en-US-BrianNeural",
    (MALE, CALM): "en-US-AndrewNeural",
    (MALE, DEEP): "en-US-ChristopherNeural",
}
ACCENTS: Voices = {
    (FEMALE, CANADIAN): "en-CA-ClaraNeural",
    (FEMALE, INDIAN): "en-IN-NeerjaNeural",
    (MALE, CANADIAN): "en-CA-LiamNeural",
    (MALE, INDIAN): "en-IN-PrabhatNeural",
}
# Locale -> a woman's and a man's voice. The first of a language is that of its bare code.
LOCALES: Mapping[str, tuple[str, str]] = {
    "en-GB": ("Sonia", "Ryan"),
    "en-AU": ("Natasha", "William"),
    "en-CA": ("Clara", "Liam"),
    "ar-SA": ("Zariyah", "Hamed"),
    "ar-AE": ("Fatima", "Hamdan"),
    "ar-EG": ("Salma", "Shakir"),
    "bg-BG": ("Kalina", "Borislav"),
    "bn-IN": ("Tanishaa", "Bashkar"),
    "cs-CZ": ("Vlasta", "Antonin"),
    "da-DK": ("Christel", "Jeppe"),
    "de-DE": ("Katja", "Conrad"),
    "el-GR": ("Athina", "Nestoras"),
    "es-ES": ("Elvira", "Alvaro"),
    "es-MX": ("Dalia", "Jorge"),
    "fi-FI": ("Selma", "Harri"),
    "fil-PH": ("Blessica", "Angelo"),
    "fr-FR": ("Denise", "Henri"),
    "fr-CA": ("Sylvie", "Antoine"),
    "gu-IN": ("Dhwani", "Niranjan"),
    "he-IL": ("Hila", "Avri"),
    "hi-IN": ("Swara", "Madhur"),
    "hr-HR": ("Gabrijela", "Srecko"),
    "hu-HU": ("Noemi", "Tamas"),
    "id-ID": ("Gadis", "Ardi"),
    "it-IT": ("Elsa", "Diego"),
    "ja-JP": ("Nanami", "Keita"),
    "ka-GE": ("Eka", "Giorgi"),
    "kn-IN": ("Sapna", "Gagan"),
    "ko-KR": ("SunHi", "InJoon"),
    "ml-IN": ("Sobhana", "Midhun"),
    "mr-IN": ("Aarohi", "Manohar"),
    "ms-MY": ("Yasmin", "Osman"),
    "nb-NO": ("Pernille", "Finn"),
    "nl-NL": ("Colette", "Maarten"),
    "pl-PL": ("Zofia", "Marek"),
    "pt-BR": ("Francisca", "Antonio"),
    "pt-PT": ("Raquel", "Duarte"),
    "ro-RO": ("Alina", "Emil"),
    "ru-RU": ("Svetlana", "Dmitry"),
    "sk-SK": ("Viktoria", "Lukas"),
    "sv-SE": ("Sofie", "Mattias"),
    "ta-IN": ("Pallavi", "Valluvar"),
    "te-IN": ("Shruti", "Mohan"),
    "th-TH": ("Premwadee", "Niwat"),
    "tr-TR": ("Emel", "Ahmet"),
    "uk-UA": ("Polina", "Ostap"),
    "vi-VN": ("HoaiMy", "NamMinh"),
    "zh-CN": ("Xiaoxiao", "Yunxi"),
}
# Other codes of a language.
CODES = {"no": "nb", "tl": "fil"}


def similar(wish: Wish) -> Config | None:
    """None: it does not have the language."""
    voice: Config = {"provider": "azure", **wish.paced(0.5, 2)}
    plain = wish.language in (None, "auto", "en", "en-US")
    if wish.voice_id or plain:
        return {**voice, "voiceId": wish.pick(TONES, ACCENTS)}
    locale = _locale(wish)
    if locale is None:
        return None
    name = LOCALES[locale][wish.sound.gender == MALE]
    return {**voice, "voiceId": f"{locale}-{name}Neural"}


def _locale(wish: Wish) -> str | None:
    """The wished one, or the first of its language."""
    if wish.language in LOCALES:
        return wish.language
    base = CODES.get(wish.base, wish.base)
    return next((each for each in LOCALES if each.startswith(f"{base}-")), None)
