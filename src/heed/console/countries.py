"""Countries by name, in the reader's language."""

from __future__ import annotations

from functools import cache

from babel import Locale
from django.utils.translation import get_language, to_locale

from heed.rules import numbers


def name(code: str) -> str:
    """The name of the country with these two letters; the letters themselves if it has none here."""
    return _names(get_language() or "en").get(code, code)


def choices() -> list[tuple[str, str]]:
    """All countries that phone numbers belong to, as letters and name, by name."""
    return sorted(((code, name(code)) for code in numbers.REGIONS), key=lambda choice: choice[1])


@cache
def _names(language: str) -> dict[str, str]:
    return dict(Locale.parse(to_locale(language)).territories)
