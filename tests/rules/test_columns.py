"""Which column holds phone numbers, of which country, and whether the first row is a header."""

from __future__ import annotations

import pytest

from heed.rules import columns


@pytest.mark.parametrize(
    ("rows", "country", "expected"),
    [
        (
            [["id", "name", "Mobile Number"], ["1001", "Anna", "07700 900501"], ["1002", "Ben", ""]],
            "GB",
            (True, 2, "GB"),
        ),
        ([["447700900501", "a"], ["447700900502", "b"]], "US", (False, 0, "US")),  # a spreadsheet ate the plus
        (
            [["n", "x"], ["Anna", "0151 23456789"], ["Ben", "0171 2345678"], ["Cleo", "0160 1234567"]],
            "GB",
            (True, 1, "DE"),
        ),
        ([["(202) 555-0123", "12"], ["(202) 555-0129", "13"], ["202 555 0124", "13"]], "GB", (False, 0, "US")),
        ([["phone", "mobile"], ["+447700900501", "+447700900502"]], "GB", (True, 1, "GB")),
        ([["order", "to"], ["7700900501", "+447700900502"]], "GB", (True, 1, "GB")),  # an id that looks like a number
        ([["phone", "name"], ["none", "Anna"]], "GB", (True, 0, "GB")),  # named so, if nothing can be read
        ([["a", "b"], ["x", "y"]], "GB", (True, None, "GB")),
        ([["+447700900501"]], "GB", (False, 0, "GB")),
        ([], "GB", (False, None, "GB")),
    ],
)
def test_columns_are_found_by_name_and_content(rows, country, expected):
    found = columns.find(rows, country)
    assert (found.has_header, found.phone, found.country) == expected


@pytest.mark.parametrize(
    ("name", "key"), [("First Name", "firstname"), ("first_name", "firstname"), ("Prénom", "prénom"), ("€", "")]
)
def test_a_column_is_known_by_the_letters_of_its_name(name, key):
    assert columns.key(name) == key
