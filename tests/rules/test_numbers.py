from __future__ import annotations

import pytest

from heed.rules import numbers


@pytest.mark.parametrize(
    ("raw", "region", "number"),
    [
        ("+447700900123", None, 447700900123),
        ("07700 900123", "GB", 447700900123),
        ("+44 (0)7700 900123", None, 447700900123),
        ("00447700900123", None, 447700900123),
        ("0044 7700 900123", "GB", 447700900123),
        ("+1 212-555-0123", None, 12125550123),
        ("(212) 555-0199", "US", 12125550199),
        ("+52 1 55 1234 5678", None, 525512345678),
        ("+52 55 1234 5678", None, 525512345678),
        ("+55 11 6123 4567", None, 5511961234567),
        ("+55 11 96123 4567", None, 5511961234567),
        ("+54 11 2345 6789", None, 5491123456789),
        ("+54 9 11 2345 6789", None, 5491123456789),
        ("011 15 2345-6789", "AR", 5491123456789),
    ],
)
def test_one_person_is_one_number(raw: str, region: str | None, number: int) -> None:
    assert numbers.parse(raw, region) == number


@pytest.mark.parametrize(
    ("raw", "region", "code"),
    [
        ("", None, "empty"),
        ("  ", "GB", "empty"),
        ("hello", "GB", "not_a_number"),
        ("07700900123", None, "no_country"),
        ("+44770", None, "too_short"),
        ("+4477009001234567", None, "too_long"),
        ("1" * 100, "GB", "too_long"),
        ("+1 123 456 7890", None, "not_valid"),
        ("+999 123456789", None, "not_valid"),
    ],
)
def test_bad_numbers_say_why(raw: str, region: str | None, code: str) -> None:
    with pytest.raises(numbers.BadNumber) as caught:
        numbers.parse(raw, region)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("+447700900123", 447700900123),
        ("447700900123", 447700900123),
        ("00447700900123", 447700900123),
        ("99912345678", 99912345678),  # unknown to all metadata, and counts
        ("+5215512345678", 525512345678),
        ("60070", None),  # a short code is nobody's phone
        ("+60070", 60070),
        ("1234", None),
        ("1234567890123456", None),
        ("ACME", None),
        ("+44770090012a", None),
        ("٤٤٧٧٠٠٩٠٠١٢٣", 447700900123),
        ("＋４４７７００９００１２３", 447700900123),
        ("+²²²²²²²", None),
        ("", None),
    ],
)
def test_any_5_to_15_digits_can_stop(raw: str, number: int | None) -> None:
    assert numbers.originator(raw) == number


def test_logs_show_three_digits() -> None:
    assert numbers.mask(447700900123) == "+44•••••123"
