"""Numbering plans: finds most numbers valid ten times as fast as ``phonenumbers``, by patterns from its own metadata.

It only ever says yes. What it does not know for certain is the library's to decide: national prefixes that change a
number, carrier codes, extensions, shared services, and every reason why a number is not valid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata, PhoneNumberDesc

_KINDS = (
    "mobile fixed_line premium_rate toll_free shared_cost voip personal_number pager uan voicemail"  # a number is one
).split()
_NEVER = re.compile(r"(?!)")
_ZERO = re.compile("0")
_NO_COUNTRY = ("001",)  # the library's region of satellite telephones and the like


def number(compact: str, region: str | None = None) -> int | None:
    """The number that ``compact`` (digits, perhaps after a plus) spells in ``region``, if it is certainly valid."""
    if compact.startswith("+"):
        code = _calling_code(compact[1:4])
        return _valid(code, compact[len(code) + 1 :], _changed_by(code)) if code else None
    trunk = _trunk(region) if region else None
    if trunk is None or trunk.other.match(compact):
        return None
    kept = trunk.prefix.match(compact)
    return _valid(trunk.code, compact[kept.end() :] if kept else compact, _ZERO)


def _valid(code: str, national: str, changed: re.Pattern[str]) -> int | None:
    if changed.match(national):
        return None
    for region in COUNTRY_CODE_TO_REGION_CODE[int(code)]:
        leading, valid = _plan(region)
        if leading is None:
            if valid.fullmatch(national):
                return int(code + national)
        elif leading.match(national):
            return int(code + national) if valid.fullmatch(national) else None
    return None


@lru_cache(maxsize=1000)
def _calling_code(start: str) -> str:
    """The calling code that three digits begin with, "" for none of a country's."""
    codes = () if start.startswith("0") else (start[:length] for length in range(1, len(start) + 1))
    return next((code for code in codes if COUNTRY_CODE_TO_REGION_CODE.get(int(code), _NO_COUNTRY) != _NO_COUNTRY), "")


@cache
def _plan(region: str) -> tuple[re.Pattern[str] | None, re.Pattern[str]]:
    """What the numbers of a region start with, where that tells it from others of its calling code; all its valid ones."""
    metadata = _metadata(region)
    leading = re.compile(metadata.leading_digits) if metadata.leading_digits else None
    kinds = [kind for name in _KINDS if (kind := getattr(metadata, name)) is not None and kind.national_number_pattern]
    patterns = "|".join(_pattern(kind) for kind in kinds) or _NEVER.pattern
    return leading, re.compile(f"(?={_pattern(metadata.general_desc)}$)(?:{patterns})", re.ASCII)


def _pattern(kind: PhoneNumberDesc | None) -> str:
    if kind is None:
        return _NEVER.pattern
    lengths = "|".join(rf"\d{{{length}}}$" for length in kind.possible_length)
    return f"(?:(?={lengths})(?:{kind.national_number_pattern}))"


@cache
def _changed_by(code: str) -> re.Pattern[str]:
    """What the library may take off, or rewrite, after a calling code: a trunk prefix that was kept, an old form."""
    prefix = _metadata(COUNTRY_CODE_TO_REGION_CODE[int(code)][0]).national_prefix_for_parsing
    return re.compile(f"0|(?:{prefix})(?<=.)", re.ASCII) if prefix else _ZERO


@dataclass(frozen=True, slots=True)
class _Trunk:
    """How a region dials inside: after ``prefix``, unless it starts like ``other``, a call abroad or a calling code."""

    code: str
    prefix: re.Pattern[str]
    other: re.Pattern[str]


@lru_cache(maxsize=512)
def _trunk(region: str) -> _Trunk | None:
    """None where a prefix may carry more than itself, and where another region's plan would be asked first."""
    if region not in SUPPORTED_REGIONS:
        return None
    metadata = _metadata(region)
    code = str(metadata.country_code)
    prefix = re.compile(metadata.national_prefix_for_parsing or _NEVER.pattern, re.ASCII)
    rewrites = prefix.groups or metadata.national_prefix_transform_rule
    if rewrites or COUNTRY_CODE_TO_REGION_CODE[int(code)][0] != region:
        return None
    abroad = metadata.international_prefix or _NEVER.pattern
    return _Trunk(code, prefix, re.compile(f"(?:{abroad})|{code}", re.ASCII))


def _metadata(region: str) -> PhoneMetadata:
    found = PhoneMetadata.metadata_for_region(region)
    if found is None:
        raise LookupError(region)
    return found
