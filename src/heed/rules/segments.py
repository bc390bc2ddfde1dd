"""How many parts a text is sent in, and in which alphabet (3GPP TS 23.038, TS 23.040 concatenation)."""

from __future__ import annotations

import re
from dataclasses import dataclass

GSM_7 = "GSM-7"
UCS_2 = "UCS-2"

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_ONE_PART = {GSM_7: 160, UCS_2: 70}
_OF_SEVERAL = {GSM_7: 153, UCS_2: 67}


@dataclass(frozen=True, slots=True)
class Segments:
    """``units`` are septets or UTF-16 code units; ``left`` how many more fit; ``forcing`` what forces UCS-2."""

    encoding: str
    parts: int
    units: int
    left: int
    forcing: tuple[str, ...]


def count(text: str) -> Segments:
    """The parts that ``text`` is sent in. No character is split between parts, so a part may end early."""
    forcing = tuple(dict.fromkeys(char for char in text if char not in _BASIC and char not in _EXTENSION))
    encoding = UCS_2 if forcing else GSM_7
    sizes = [_units(char, encoding) for char in text]
    total = sum(sizes)
    if total <= _ONE_PART[encoding]:
        return Segments(encoding, 1, total, _ONE_PART[encoding] - total, forcing)
    room, parts, used = _OF_SEVERAL[encoding], 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return Segments(encoding, parts, total, room - used, forcing)


def encoding_of(text: str) -> str:
    """``count(text).encoding``, of all parts alike."""
    return GSM_7 if _ALL_BASIC(text) or not _FORCING(text) else UCS_2


def divide(text: str) -> tuple[str, list[str]]:
    """The encoding of ``text``, and its parts: as many as ``count`` says."""
    encoding = encoding_of(text)
    if len(text) <= _ONE_PART[encoding] and sum(_units(char, encoding) for char in text) <= _ONE_PART[encoding]:
        return encoding, [text]
    found, at, used = [], 0, 0
    for end, char in enumerate(text):
        if used + (size := _units(char, encoding)) > _OF_SEVERAL[encoding]:
            found.append(text[at:end])
            at, used = end, 0
        used += size
    return encoding, [*found, text[at:]]


def parts(text: str) -> int:
    """``count(text).parts``, without looking at each character where all are of one size."""
    if _ALL_BASIC(text):
        one, several = _ONE_PART[GSM_7], _OF_SEVERAL[GSM_7]
    elif text.isascii() or _ASTRAL(text) or not _FORCING(text):
        return count(text).parts
    else:
        one, several = _ONE_PART[UCS_2], _OF_SEVERAL[UCS_2]
    return 1 if len(text) <= one else -(-len(text) // several)


_ALL_BASIC = re.compile(f"[{re.escape(''.join(sorted(_BASIC)))}]*").fullmatch
_FORCING = re.compile(f"[^{re.escape(''.join(sorted(_BASIC | _EXTENSION)))}]").search
_ASTRAL = re.compile("[\U00010000-\U0010ffff]").search


def _units(char: str, encoding: str) -> int:
    if encoding == GSM_7:
        return 2 if char in _EXTENSION else 1
    return 2 if ord(char) > 0xFFFF else 1
