"""Folding: what a text is before it is compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heed.rules.folding import fold, glance, spelled, words

# Letters, marks, pictures and invisible characters that folding treats each in its own way.
NASTY = (
    "aSTOP é\u1ec7ǅßİıłŉﬁ\u0301\u0323\u093c\u094dｶﾞ\u0e33ς\u0345\u20e3\u200b\u200d\ufe0f🛑✋한글あ停ＳＯ"
    ".,!?'’\"|@$^`~+<=>\n\r\x00\x1c\u2028"
)
texts = st.one_of(st.text(max_size=60), st.text(NASTY, max_size=20))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        (" Stop. ", "stop"),
        ("“STOP”", "stop"),
        ("<stop>", "stop"),
        ("ＳＴＯＰ", "stop"),
        ("s t o p", "stop"),
        ("Arrêt", "arret"),
        ("STOP🛑", "stop"),
        ("🛑", "🛑"),
        ("st\u200bop", "stop"),
        ("STOOOPPPP", "stop"),
        ("stop  by\nat five", "stop by at five"),
        ("e\u0301\u20e3nd", "end"),
        ("도움", "도움"),
        ("ガ", "ガ"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(texts, st.booleans())
def test_folding_is_idempotent(text: str, accents: bool) -> None:
    once = fold(text, accents=accents)
    assert fold(once, accents=accents) == once


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't text me, please!", ["dont", "text", "me", ",", "please", "!"]),
        ("Désinscrivez-moi", ["desinscrivez", "moi"]),
        ("pls S.T.O.P. now", ["pls", "stop", ".", "now"]),
        ("stop\nSent from my phone", ["stop", "\n", "sent", "from", "my", "phone"]),
        ("不要再发。", ["不", "要", "再", "发", "。"]),
        ("बंद करो", ["बंद", "करो"]),
        ("", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_spelled() -> None:
    assert [spelled(fold(text)) for text in ("Opt-Out", "S.T.O.P.", "S-T-O-P", "don't")] == [
        "opt out",
        "stop",
        "stop",
        "dont",
    ]


@given(texts)
def test_a_glance_sees_every_word_of_a_latin_text(text: str) -> None:
    if text.isascii() and "_" not in text:
        assert {word for word in words(text) if word.isalnum()} >= {w for w in glance(fold(text)) if w.isalnum()} - {
            "stop"
        }


def test_a_character_that_stands_for_a_sentence_does_not_become_one() -> None:
    assert fold("\ufdfa" * 1000) == ""
    assert fold("STOP \ufdfa") == "stop"
