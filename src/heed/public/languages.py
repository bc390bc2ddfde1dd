"""Which language a recipient's page is in: the one they picked on it, else the first that their browser names."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header

# By their own names, as people look for them. Each has a catalogue in locale/, but for English, which the code is in.
LANGUAGES = {
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "de": "Deutsch",
    "pt": "Português",
    "it": "Italiano",
    "nl": "Nederlands",
    "pl": "Polski",
    "ar": "العربية",
    "zh-hans": "中文",
}
DEFAULT = "en"
PICKED = "lang"  # in the address, which a form without an action posts to as well: no cookie is needed
_BY_SUBTAG = {code.partition("-")[0]: code for code in LANGUAGES}  # "pt-br" and "zh-tw" have no catalogue of their own


def of(request: HttpRequest) -> str:
    picked = request.GET.get(PICKED, "")
    if picked in LANGUAGES:
        return picked
    asked = parse_accept_lang_header(request.headers.get("Accept-Language", ""))
    known = (_BY_SUBTAG.get(code.partition("-")[0]) for code, _quality in asked)
    return next(filter(None, known), DEFAULT)
