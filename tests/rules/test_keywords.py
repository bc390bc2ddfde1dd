from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heed.rules import keywords

STOP = keywords.Lexicon.of(keywords.STOP_WORDS)


@pytest.mark.parametrize(
    "text",
    ["STOP", "stop", " Stop. ", "“STOP”", "'stop'", "ＳＴＯＰ", "s t o p", "STOP🛑", "st\u200bop", "STOPPP",
     "stóp", "ЅТОР", "st0p", "STOP!!!", "\x00stop\n", "(stop)", "sss t o p", "🛑 stop"],
)  # fmt: skip
def test_stop_however_it_is_written(text: str) -> None:
    assert STOP.match(text) == "STOP"


@pytest.mark.parametrize(
    "text", ["", " ", "🛑", "stop by at five", "I'm at the bus stop", "the weekend", "stopping", "s top"]
)
def test_a_keyword_is_the_whole_text(text: str) -> None:
    assert STOP.match(text) is None


def test_accents_count_in_vietnamese_only() -> None:
    words = keywords.Lexicon.of(["ARRÊT", "hủy"])
    assert words.match("arret") == words.match("Arrêt") == "ARRÊT"
    assert words.match("HỦY") == "hủy"
    assert words.match("huy") is None


@given(st.text(max_size=60), st.booleans())
def test_folding_is_idempotent(text: str, accents: bool) -> None:
    once = keywords.fold(text, accents=accents)
    assert keywords.fold(once, accents=accents) == once
