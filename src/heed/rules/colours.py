"""Colours as #rrggbb, and whether a text on a ground can be read: WCAG 2.2's relative luminance and contrast."""

from __future__ import annotations

import re

READABLE = 4.5  # WCAG 2.2, 1.4.3: the least contrast of a text with its ground


def parse(raw: str) -> str | None:
    """``raw`` as #rrggbb in small letters, or None if it is no colour. #rgb and a missing # are understood."""
    found = re.fullmatch(r"#?([0-9a-f]{6}|[0-9a-f]{3})", raw.strip().lower(), re.ASCII)
    if not found:
        return None
    digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
    return f"#{digits}"


def contrast(one: str, other: str) -> float:
    """From 1, where they are the same, to 21, black on white."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
