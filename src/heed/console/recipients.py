"""Phone numbers as staff type, paste and read them."""

from __future__ import annotations

import re

from heed.rules import numbers

_BETWEEN = re.compile(r"[\n\r,;]+")


def split(raw: str) -> list[str]:
    """What stands between line breaks, commas and semicolons. Spaces belong to numbers."""
    return [part for part in (part.strip() for part in _BETWEEN.split(raw)) if part]


def known(raw: str, country: str) -> int | None:
    """Whom ``raw`` names, in any spelling: also a number that no metadata knows, written with + or 00."""
    try:
        return numbers.person(raw, country)
    except numbers.BadNumber:
        return None


def pretty(address: str) -> str:
    """``address`` as people of its country write it; a name or a short code stays as it is."""
    return numbers.pretty(int(address[1:])) if address.startswith("+") and address[1:].isdecimal() else address
