"""Colours, and what can be read on them. The figures are those of WCAG's own examples and of common checkers."""

from __future__ import annotations

import pytest

from heed.rules import colours


@pytest.mark.parametrize(
    ("raw", "colour"),
    [
        ("#0B6B61", "#0b6b61"),
        (" 0b6b61 ", "#0b6b61"),
        ("#fff", "#ffffff"),
        ("", None),
        ("red", None),
        ("#12345", None),
        ("#12345g", None),
        ("#1234567", None),
        ("#１２３４５６", None),
        ("#123456;}", None),
    ],
)
def test_what_is_a_colour(raw, colour):
    assert colours.parse(raw) == colour


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_contrast(one, other, ratio):
    assert round(colours.contrast(one, other), 2) == ratio
    assert colours.contrast(one, other) == colours.contrast(other, one)
