"""Phone numbers as integers: the only place that turns text into a number, and a number into text.

A recipient is the digits of the E.164 number as an ``int``. One person is one recipient however their number is
spelled, so ``parse`` and ``originator`` both return the canonical identity; what the carrier is given is kept beside.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from heed.rules import plans

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)  # ISO 3166 alpha-2
NANP_REGIONS = frozenset(phonenumbers.region_codes_for_country_code(1))
MOST_SHORT_CODE = 6  # digits; a short code comes without a plus
FEWEST_DIGITS, MOST_DIGITS = 5, 15  # E.164 allows 15; carriers deliver originators down to five digits.

_DIGITS = re.compile(r"\+?[0-9]+")
_PLAIN = re.compile(r"[0-9 ().-]+")
_BARE = re.compile(r"[1-9][0-9]{6,14}")
_NANP_IN_SHORT = re.compile(r"[2-9][0-9]{2}[2-9][0-9]{6}")
# "+44 (0)7700 …": the nought is for callers at home. Italy's numbers keep theirs.
_TRUNK_ZERO = re.compile(r"^((?:\+|00)\s*(?!39|378)[1-9][0-9]{0,2})[\s.-]*\(0\)")
# What people put between digits, and the invisible marks that copying from a document brings along.
_SPACING = str.maketrans(
    "",
    "",
    " \t\r\n\u00a0\u2007\u2009\u202f-./()"
    + "".join(map(chr, range(0x2010, 0x2015)))
    + "\u200b\u200c\u200d\u200e\u200f\u202a\u202c\ufeff",
)

# The area codes of Argentina that have three digits; 11 has two, all others have four (ENACOM's numbering plan).
_ARGENTINE_AREAS_OF_3 = frozenset(
    """220 221 223 230 236 237 249 260 261 263 264 266 280 291 294 297 298 299 336 341 342 343 345 348 351 353 358 362
    364 370 376 379 380 381 383 385 387 388""".split()
)


class BadNumber(ValueError):
    """This is not a phone number."""

    def __init__(self, code: str) -> None:
        super().__init__(BAD_NUMBER_WORDS[code])
        self.code = code


BAD_NUMBER_WORDS = {
    "empty": "No phone number was given.",
    "not_a_number": "This is not a phone number.",
    "no_country": "Write this number with + and its country code.",
    "too_short": "This number is too short.",
    "too_long": "This number is too long.",
    "not_valid": "No phone can have this number.",
}


def parse(raw: str, region: str | None = None) -> int:
    """The recipient that ``raw`` names, read in ``region`` (ISO 3166 alpha-2) when it is a national number.

    Accepts what ``phonenumbers`` calls valid, and the ranges reserved for fiction. Raises BadNumber.
    """
    text = raw.strip()
    if not text:
        raise BadNumber("empty")
    if len(text) > 60:
        raise BadNumber("too_long")
    compact = text if _DIGITS.fullmatch(text) else text.translate(_SPACING)
    if compact.startswith("00") and not region:
        compact = "+" + compact[2:]
    if _DIGITS.fullmatch(compact) and compact.startswith("+") and is_fictional(number := int(compact[1:])):
        return number
    if (known := _known(text, compact, region)) is not None:
        return canonical(known)
    return _parsed(text, compact, region)


def _known(text: str, compact: str, region: str | None) -> int | None:
    """The number if no more than digits in their usual dress decide, and they are valid: nearly all are."""
    if compact.startswith("+"):
        return plans.number(compact) if _DIGITS.fullmatch(compact) else None
    return plans.number(compact, region) if _PLAIN.fullmatch(text) else None


def _parsed(text: str, compact: str, region: str | None) -> int:
    """What ``phonenumbers``, the authority, makes of it."""
    try:
        parsed = phonenumbers.parse(compact if compact.startswith("+") else text, region)
    except NumberParseException as error:
        raise BadNumber(_code_of(error, compact, region)) from error
    number = int(phonenumbers.format_number(parsed, PhoneNumberFormat.E164)[1:])
    if not (phonenumbers.is_valid_number(parsed) or is_fictional(number)):
        # Old spellings (Mexico's 1, Brazil without its ninth digit) are valid only in their canonical form.
        identity = canonical(number)
        if identity == number or not is_valid(identity):
            raise BadNumber(_why_invalid(parsed))
    return canonical(number)


def person(raw: str, region: str | None = None) -> int:
    """Whom ``raw`` names: what ``parse`` reads, and what no metadata knows if it is written with + or 00.

    For opt-outs and histories: a STOP counts from any number, so it must be found and lifted by any. Raises BadNumber.
    """
    try:
        return parse(raw, region)
    except BadNumber:
        number = originator(raw) if raw.strip().startswith(("+", "00")) else None
        if number is None:
            raise
        return number


def parse_cell(raw: str, region: str | None = None) -> int:
    """``parse`` for a cell of a table, where a spreadsheet may have eaten the plus, or put an apostrophe before it."""
    raw = raw.strip().removeprefix("'")
    try:
        return parse(raw, region)
    except BadNumber:
        if _BARE.fullmatch(raw):
            with contextlib.suppress(BadNumber):
                return parse(f"+{raw}")
        raise


def originator(raw: str, region: str | None = None) -> int | None:
    """The canonical number that an inbound message came from, or None for a name or a short code.

    Any 5–15 digits count, whether or not metadata knows them: new ranges always precede metadata, and a STOP counts.
    Short codes are five or six digits without a plus; they are answered by nobody. ``region`` is as for ``digits_of``.
    """
    number = digits_of(raw, region)
    return None if number is None else canonical(number)


def digits_of(raw: str, region: str | None = None) -> int | None:
    """The international number that ``raw`` spells, as it stands and in whatever script's digits, or None.

    Carriers of North America leave the 1 out: ten digits that came to a number of ``region`` there may be one of its own.
    """
    text = raw.strip()
    compact = (_TRUNK_ZERO.sub(r"\1", text) if "(" in text else text).translate(_SPACING)
    if not compact.isascii():
        compact = "".join(map(_ascii_digit, compact))
    if not _DIGITS.fullmatch(compact):
        return None
    digits = compact.lstrip("+")
    if digits.startswith("00"):
        digits = digits[2:]
    if not FEWEST_DIGITS <= len(digits) <= MOST_DIGITS or digits.startswith("0"):
        return None
    if len(digits) <= MOST_SHORT_CODE and compact == digits:
        return None
    if compact == digits and region in NANP_REGIONS and _is_nanp_in_short(digits):
        return int(f"1{digits}")
    return int(digits)


def _is_nanp_in_short(digits: str) -> bool:
    """Whether ten ``digits`` are a +1 number without its 1: one that may be dialled, or one that nobody else can have."""
    if not _NANP_IN_SHORT.fullmatch(digits):
        return False
    number = f"+1{digits}"
    return is_fictional(int(number)) or plans.number(number) is not None or plans.number(f"+{digits}") is None


def _ascii_digit(character: str) -> str:
    return str(unicodedata.decimal(character)) if character.isdecimal() else "+" if character == "\uff0b" else character


def canonical(number: int) -> int:
    """The one identity of a number that has had several spellings.

    Mexico dropped the 1 before mobiles (2019), Brazil added a ninth digit (2016), Argentina's mobiles take a 9 after 54
    from abroad and a 15 at home, and no British number begins with the nought that some write behind +44. The rules are
    fixed here: an update of the metadata never changes the identity of a stored number.
    """
    digits = str(number)
    if digits[0] == "4":
        return int("44" + digits[3:]) if digits.startswith("440") else number
    if digits[0] != "5":
        return number
    if digits.startswith("521") and len(digits) == 13:
        return int("52" + digits[3:])
    if digits.startswith("55") and len(digits) == 12 and digits[4] in "6789":
        return int(digits[:4] + "9" + digits[4:])
    return _argentine(digits) if digits.startswith("54") else number


def _argentine(digits: str) -> int:
    """At home a mobile's 15 stands behind its area code; from abroad a 9 before it stands for that."""
    own = digits[3:] if digits[2:3] == "9" else digits[2:]
    if len(own) == 12:
        area = 2 if own.startswith("11") else 3 if own[:3] in _ARGENTINE_AREAS_OF_3 else 4
        if own[area : area + 2] == "15":
            own = own[:area] + own[area + 2 :]
    return int("549" + own) if len(own) == 10 else int(digits)


def is_valid(number: int) -> bool:
    """Whether a message may be addressed to ``number``: what phonenumbers calls valid, and the fictional ranges."""
    if is_fictional(number) or plans.number(f"+{number}") is not None:
        return True
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{number}"))
    except NumberParseException:
        return False


def is_mobile(number: int) -> bool:
    """Whether ``number`` may be a mobile phone's; in some countries nothing tells."""
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    return is_fictional(number) or phonenumbers.number_type(phonenumbers.parse(f"+{number}")) in kinds


def is_fictional(number: int) -> bool:
    """Whether a regulator reserved ``number`` for fiction: Ofcom's 07700 900000–900999, NANPA's 555-0100–0199.

    Only the sandbox may ever be handed one of these.
    """
    if 447700900000 <= number <= 447700900999:
        return True
    return 12_000_000_000 <= number <= 19_999_999_999 and number // 100 % 100_000 == 55501


def show(number: int) -> str:
    """``number`` as it stands at every edge: +447700900123."""
    return f"+{number}"


def mask(number: int) -> str:
    """``number`` as logs and public pages may show it: +44•••••123."""
    digits = str(number)
    return f"+{digits[:2]}•••••{digits[-3:]}" if len(digits) > 7 else "+•••••"


def pretty(number: int) -> str:
    """``number`` grouped as people of its country write it: +44 7700 900123."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(f"+{number}"), PhoneNumberFormat.INTERNATIONAL)
    except NumberParseException:
        return show(number)


def region_of(number: int) -> str | None:
    """The ISO 3166 alpha-2 country of ``number``, or None."""
    if 447700900000 <= number <= 447700900999:
        return "GB"
    try:
        parsed = phonenumbers.parse(f"+{number}")
    except NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(parsed)
    if region is None:
        region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return None if region in (None, "ZZ", "001") else region


def calling_code(region: str) -> str:
    """What international numbers of ``region`` begin with, "" if it has none."""
    return str(phonenumbers.country_code_for_region(region) or "")


def country_of(number: int) -> str:
    """The country whose rules a message to ``number`` falls under, or "" if nobody knows; fast, by its first digits.

    A calling code that several share counts as the main one's (+44 as GB), but for +1, where each has its area codes.
    """
    digits = str(number)
    return _country(digits[:4] if is_nanp(number) else digits[:3])


@lru_cache(1 << 12)
def _country(head: str) -> str:
    if len(head) == 4:
        return region_of(int(f"{head}5550100")) or ""
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    found = next((codes[int(head[:length])] for length in (1, 2, 3) if int(head[:length]) in codes), ("",))
    return found[0] if found[0] != "001" else ""


def is_nanp(number: int) -> bool:
    """Whether ``number`` is a +1 number (United States, Canada, the Caribbean)."""
    return 10_000_000_000 <= number <= 19_999_999_999


def _code_of(error: NumberParseException, compact: str, region: str | None) -> str:
    if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
        return "no_country" if not compact.startswith("+") and not region else "not_valid"
    return {
        NumberParseException.TOO_SHORT_NSN: "too_short",
        NumberParseException.TOO_SHORT_AFTER_IDD: "too_short",
        NumberParseException.TOO_LONG: "too_long",
    }.get(error.error_type, "not_a_number")


def _why_invalid(parsed: phonenumbers.PhoneNumber) -> str:
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason == phonenumbers.ValidationResult.TOO_SHORT:
        return "too_short"
    return "too_long" if reason == phonenumbers.ValidationResult.TOO_LONG else "not_valid"
