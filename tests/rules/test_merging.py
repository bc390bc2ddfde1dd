"""Merge fields and their defaults, and the parts of what comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heed.rules import merging, segments
from heed.rules.merging import Template


@pytest.mark.parametrize(
    ("text", "values", "filled", "missing"),
    [
        ("Hi ${firstname}", {"firstname": "Anna"}, "Hi Anna", ""),
        ("Hi ${First Name}!", {"firstname": "Anna"}, "Hi Anna!", ""),
        ("Hi ${ first_name | there }!", {"firstname": ""}, "Hi there!", ""),
        ("Hi ${firstname|there}", {}, "Hi there", ""),
        ("Hi${firstname|}", {}, "Hi", ""),
        ("Hi ${firstname}, ${city}", {}, "Hi , ", "firstname"),
        ("${a}${b|x}${a}", {"a": "${b}"}, "${b}x${b}", ""),  # a value is never read as a field
        ("100% ${} $x {y} ${a|b|c}", {}, "100% ${} $x {y} ${a|b|c}", ""),
    ],
)
def test_fields_are_filled(text, values, filled, missing):
    assert Template.of(text).fill(values) == (filled, missing)


def test_a_program_may_mean_an_empty_value():
    assert merging.merged("Hi ${First Name}${x|y}.", {"first name": "", "X": ""}) == ("Hi y.", [])
    assert merging.merged("Hi ${a} ${b|c}", {}) == ("Hi ${a} c", ["a"])


@given(st.text(alphabet="ab€^~é🛑中 \n", max_size=400))
def test_parts_are_those_of_the_count(text):
    assert segments.parts(text) == segments.count(text).parts
