"""The fast way agrees with the library wherever it speaks."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from heed.rules import numbers, plans

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = [PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE]
FORMATS = [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL]


def by_library(raw: str, region: str | None) -> int | str:
    text = raw.strip()
    try:
        return numbers._parsed(text, text.translate(numbers._SPACING), region)
    except numbers.BadNumber as error:
        return error.code


def fast(raw: str, region: str | None) -> int | None:
    text = raw.strip()
    found = numbers._known(text, text.translate(numbers._SPACING), region)
    return None if found is None else numbers.canonical(found)


def spelled(chance: random.Random) -> tuple[str, str | None]:
    """A number as somebody may write it: an example of some region with other digits, then a slip or two."""
    region = chance.choice(REGIONS)
    example = phonenumbers.example_number_for_type(region, chance.choice(KINDS)) or phonenumbers.example_number(region)
    raw = phonenumbers.format_number(example, chance.choice(FORMATS))
    at = chance.randrange(len(raw))
    raw = raw[:at] + "".join(chance.choice("0123456789") if c.isdigit() else c for c in raw[at:])
    for _ in range(chance.choice([0, 0, 1, 2])):
        at = chance.randrange(len(raw) + 1)
        slip = chance.choice(
            ["", chance.choice("0123456789"), chance.choice(["0", "00", "1", "15", "9", " ", "-", "("])]
        )
        raw = raw[:at] + slip + raw[at + chance.choice([0, 1]) :]
    return raw, chance.choice([region, region, chance.choice(REGIONS), None])


@pytest.mark.parametrize("seed", range(5))
def test_numbers_as_people_write_them(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(800):
        raw, region = spelled(chance)
        found = fast(raw, region)
        assert found is None or found == by_library(raw, region), (raw, region)


@settings(max_examples=500, deadline=None)
@given(st.text("+0123456789 ().-", min_size=3, max_size=20), st.sampled_from([None, *REGIONS]))
def test_anything_made_of_digits(raw: str, region: str | None) -> None:
    found = fast(raw, region)
    assert found is None or found == by_library(raw, region)


@pytest.mark.parametrize("region", ["GB", "US", "DE", "FR", "ES", "NL", "CH", "IN", "CA"])
def test_what_most_people_have_is_known_without_the_library(region: str) -> None:
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    number = phonenumbers.format_number(example, PhoneNumberFormat.E164)
    assert plans.number(number) == int(number[1:])


@pytest.mark.parametrize("region", ["GB", "DE", "FR", "ES", "NL", "CH"])
def test_national_forms_are_known_too(region: str) -> None:
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    assert fast(phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL), region)
