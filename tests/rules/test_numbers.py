from __future__ import annotations

import pytest

from heed import logs
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
        ("+54 11 15 2345 6789", None, 5491123456789),
        ("+54 9 11 15 2345 6789", None, 5491123456789),
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


@pytest.mark.parametrize(
    ("raw", "region", "number"),
    [
        ("2125550123", "US", 12125550123),  # carriers there leave the 1 out
        ("4155550123", "CA", 14155550123),
        ("12125550123", "US", 12125550123),
        ("2125550123", "GB", 2125550123),
        ("+2125550123", "US", 2125550123),
        ("4520123456", "US", 4520123456),  # a Dane: no area code's office begins with 0
        ("+44 (0)7700 900123", None, 447700900123),
        ("0044(0)7700900123", None, 447700900123),
        ("+4407700900123", None, 447700900123),
        ("+39 (0)6 12345678", None, 390612345678),  # Italy's numbers keep their nought
        ("54111523456789", None, 5491123456789),
        ("549111523456789", None, 5491123456789),
        ("54341152345678", None, 5493412345678),
        ("54296615123456", None, 5492966123456),
        ("5493412345678", None, 5493412345678),
    ],
)
def test_an_originator_is_the_person_that_its_other_spellings_name(raw: str, region: str | None, number: int) -> None:
    assert numbers.originator(raw, region) == number


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("from +447700900123 to 447700900001", "from +44•••••123 to +44•••••001"),
        ("from 07700 900123.", "from +77•••••123."),
        ("+44 7700 900123", "+44•••••123"),
        ("(+1 212-555-0123)", "(+12•••••123)"),
        ("short +60070 here", "short +••••• here"),
        ("Inbound 12345 of 2026-11-24 19:45:21 took 1500 ms at 127.0.0.1:8000", ""),
        ("2026-11-24T19:45:21.890283Z num_753bf0123456789012", ""),
    ],
)
def test_a_log_line_has_no_full_number(line: str, shown: str) -> None:
    assert logs.mask_numbers(None, "info", {"event": line})["event"] == (shown or line)


def test_logs_show_three_digits() -> None:
    assert numbers.mask(447700900123) == "+44•••••123"


@pytest.mark.parametrize(
    ("number", "country"),
    [
        (447700900501, "GB"),
        (447797712345, "GB"),  # Jersey shares the code
        (12025550123, "US"),
        (14165550123, "CA"),
        (18765550123, "JM"),
        (33612345678, "FR"),
        (4915112345678, "DE"),
        (85251234567, "HK"),
        (882161234567, ""),  # a satellite network's
        (99912345678, ""),
    ],
)
def test_whose_rules_a_number_falls_under(number, country):
    assert numbers.country_of(number) == country


@pytest.mark.parametrize(("region", "code"), [("GB", "44"), ("US", "1"), ("CA", "1"), ("ZZ", ""), ("", "")])
def test_what_numbers_of_a_country_begin_with(region: str, code: str) -> None:
    assert numbers.calling_code(region) == code
