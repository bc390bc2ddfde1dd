"""What the columns of a table hold: its header, its phone numbers, their country. By name and by content."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from heed.rules import numbers
from heed.rules.numbers import BadNumber

SAMPLE = 50  # cells of a column that are read as numbers
MOST_COLUMNS = 100

# Column names as people's programs write them, folded by ``key``; a mobile's before any phone's.
_MOBILE = (
    "mobile mobilenumber mobilephone mobileno mobil mobilnummer mobiltelefon handy handynummer cell cellphone cellnumber "
    "cellular movil telefonomovil celular cellulare telefonocellulare portable telephoneportable telemovel gsm komorka "
    "msisdn sms smsnumber"
).split()
_PHONE = (
    "phone phonenumber phoneno number tel telephone telephonenumber telefon telefonnummer telefono numerodetelefono "
    "telefone rufnummer nummer numero contactnumber to recipient whatsapp telefoonnummer telefoon numertelefonu"
).split()
# Where several countries read a number as well, the one with more people is meant.
_LARGE = "US IN GB BR MX DE FR IT ES ID PK NG BD RU JP PH VN TR ZA KR CO AR PL CA AU NL".split()
_REGIONS = sorted(numbers.REGIONS, key=lambda region: (_LARGE.index(region) if region in _LARGE else 99, region))
_NAMED = dict.fromkeys(_PHONE, 2) | dict.fromkeys(_MOBILE, 3)


def key(name: str) -> str:
    """What a column, or a merge field, is known by: the letters and digits of its name, folded."""
    return re.sub(r"[\W_]+", "", name.casefold())[:60]


@dataclass(frozen=True, slots=True)
class Found:
    """``phone`` is the place of the column of phone numbers, or None; ``share`` how much of its sample is valid."""

    has_header: bool
    phone: int | None
    country: str
    share: float


def find(rows: Sequence[Sequence[str]], country: str) -> Found:
    """What the first ``rows`` of a file show. ``country`` is tried first for national numbers."""
    width = min(max((len(row) for row in rows), default=0), MOST_COLUMNS)
    body = rows[1:] or rows
    best, phone, read_in, share = 0.0, None, country, 0.0
    for place in range(width):
        cells = [row[place] for row in body if place < len(row) and row[place].strip()][:SAMPLE]
        region, valid = _read(cells, country)
        name = _NAMED.get(key(rows[0][place]) if place < len(rows[0]) else "", 0)
        # A column of phone numbers says so twice; one that only holds some (order ids) must hold them nearly always.
        score = valid + name / 4 if name or valid > 0.8 else 0.0
        if score > best:
            best, phone, read_in, share = score, place, region, valid
    return Found(_has_header(rows, phone, read_in), phone, read_in, share)


def _has_header(rows: Sequence[Sequence[str]], phone: int | None, country: str) -> bool:
    if not rows:
        return False
    if phone is None:
        return not any(char.isdigit() for cell in rows[0] for char in cell)
    first = rows[0][phone] if phone < len(rows[0]) else ""
    return key(first) in _NAMED or not (_is_number(first, country) or any(char.isdigit() for char in first))


def _read(cells: Sequence[str], country: str) -> tuple[str, float]:
    """The country whose numbers most of ``cells`` are, and their share."""
    if not cells:
        return country, 0.0
    own = _share(cells, country)
    national = [cell for cell in cells if not _is_number(cell, None) and any(char.isdigit() for char in cell)]
    if own >= 0.8 or len(national) < 2 or not _may_be_phones(national):
        return country, own
    best = max(_REGIONS, key=lambda region: _mobiles(national[:10], region))
    return (best, _share(cells, best)) if _share(cells, best) > own else (country, own)


def _may_be_phones(cells: Sequence[str]) -> bool:
    lengths = [sum(char.isdigit() for char in cell) for cell in cells]
    return sum(7 <= length <= 13 for length in lengths) > len(cells) / 2


def _share(cells: Sequence[str], country: str) -> float:
    return sum(_is_number(cell, country) for cell in cells) / len(cells)


def _mobiles(cells: Sequence[str], country: str) -> float:
    """How many of ``cells`` are mobile numbers of ``country``: landlines of one country look like those of many."""
    found = 0.0
    for cell in cells:
        with contextlib.suppress(BadNumber):
            found += 1 if numbers.is_mobile(numbers.parse_cell(cell, country)) else 0.1
    return found


def _is_number(cell: str, country: str | None) -> bool:
    try:
        numbers.parse_cell(cell, country)
    except BadNumber:
        return False
    return True
