"""The little language of phrases."""

from __future__ import annotations

import pytest

from heed.rules.folding import words
from heed.rules.phrases import BadPhrase, Phrases, expand

CLASSES = {"texting": ("texting", "messaging"), "me": ("me", "us")}


def found(phrase: str, text: str) -> list[str]:
    phrases = Phrases(head=frozenset({"please"}), tail=frozenset({"thanks", "please"}))
    phrases.add(phrase, "x", CLASSES, telling=True)
    tokens = words(text)
    matches = phrases.find(tokens)
    assert not matches or phrases.may_tell(set(tokens))
    return [" ".join(tokens[one.start : one.end]) for one in matches]


@pytest.mark.parametrize(
    ("phrase", "text", "matches"),
    [
        ("stop {texting} {me}", "please stop messaging us", ["stop messaging us"]),
        ("stop {texting} {me}", "stop, texting me", []),
        ("stop (it|all of it)", "stop all of it", ["stop all of it"]),
        ("stop [the] bus", "stop bus stop the bus", ["stop bus", "stop the bus"]),
        ("take … off", "take my old number off", ["take my old number off"]),
        ("take … off", "take my very old number off", []),
        ("take … off", "take me. off", []),
        ("^ remove $", "please remove, thanks", ["remove"]),
        ("^ remove $", "remove please. I mean it", ["remove"]),
        ("^ remove", "do remove", []),
        ("remove $", "remove the onions", []),
        ("不要(发|寄)", "请不要寄了", ["不 要 寄"]),
        ("don't", "Don’t", ["dont"]),
    ],
)
def test_find(phrase: str, text: str, matches: list[str]) -> None:
    assert found(phrase, text) == matches


def test_choices_of_one_word_are_one_symbol() -> None:
    assert expand("a (b|c|d e) [f]") == [["a", "d", "e"], ["a", "d", "e", "f"], ["a", "b|c"], ["a", "b|c", "f"]]


@pytest.mark.parametrize("phrase", ["stop (it", "stop it)", "stop [it)", "^ … $", "stop {unknown}", ""])
def test_a_bad_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(BadPhrase):
        Phrases().add(phrase, "x", CLASSES)
