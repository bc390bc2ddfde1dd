from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heed.rules import codes

KEY = b"k" * 32


def test_a_free_keyword_is_found_however_it_is_written() -> None:
    for text in ["szwbhSTOP", "SZWBHSTOP", "szwbh stop", "s z w b h s t o p", "Please szWbhSTOP now", "“szwbh-STOP”."]:
        assert ("szwbh", "stop") in codes.free_keyword_candidates(text), text
    assert ("szwbh", "start") in codes.free_keyword_candidates("szwbh START")
    assert codes.free_keyword_candidates("STOP") == []


def test_every_prefix_survives_its_own_folding() -> None:
    for _ in range(2000):
        prefix = codes.free_keyword_prefix(secrets.choice)
        assert codes.free_keyword_candidates(codes.free_keyword(prefix)) == [(prefix, "stop")]


def test_public_ids_come_back_and_nothing_else_does() -> None:
    public = codes.public_id(KEY, "num", 12)
    assert codes.row_id(KEY, "num", public) == 12
    assert codes.row_id(KEY, "tid", "tid" + public[3:]) is None
    assert codes.row_id(KEY, "num", public[:-1]) is None
    assert codes.row_id(b"x" * 32, "num", public) is None
    assert codes.row_id(KEY, "num", "num_" + "0" * 32) is None


@given(st.integers(0, 2**40 - 1))
def test_a_personal_code_leads_to_its_message_alone(number):
    code = codes.personal_code(KEY, number)
    assert len(code) == codes.PERSONAL_LENGTH
    assert codes.message_of(KEY, code) == number
    assert codes.message_of(bytes(16), code) is None
    other = "b" if code[0] == "a" else "a"
    assert codes.message_of(KEY, other + code[1:]) is None


@pytest.mark.parametrize("code", ["", "a" * 12, "a" * 14, "Z" * 13, "é" * 13, "a" * 12 + "l"])
def test_what_nobody_made_is_no_personal_code(code):
    assert codes.message_of(KEY, code) is None
