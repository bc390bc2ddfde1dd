"""How texts read: keywords however they are written, requests, what may be one, and what is none."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heed.rules import keywords, packs
from heed.rules.measure import Labelled, labelled, measure
from heed.rules.reading import read
from heed.rules.verdicts import Verdict

TEXTS = Path(__file__).parent / "texts"


def verdict(text: str, **number: object) -> str:
    return read(text, **number).verdict.value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop. ",
        "“STOP”",
        "'stop'",
        "ＳＴＯＰ",
        "s t o p",
        "STOP🛑",
        "st\u200bop",
        "STOPPP",
        "stóp",
        "ЅТОР",
        "st0p",
        "STOP!!!",
        "\x00stop\n",
        "(stop)",
        "sss t o p",
        "🛑 stop",
        "S.T.O.P.",
        "S-T-O-P",
        "<STOP>",
        "*stop*",
        "stop\r\n",
        "S\nT\nO\nP",
    ],
)
def test_stop_however_it_is_written(text: str) -> None:
    reading = read(text)
    assert (reading.verdict, reading.word, reading.by_keyword) == (Verdict.OPT_OUT, "STOP", True)


@pytest.mark.parametrize("text", ["S to P", "St op", "s top", "STO P", "un subscribe", "Un-Subscribe!", "stop stop"])
def test_a_mandatory_word_that_a_keyboard_split_acts(text: str) -> None:
    """Spaced letters act, and as a whole text these are nothing else; within one they aren't joined ("size S to P")."""
    assert verdict(text) == "opt_out"
    assert verdict(f"sizes {text} are sold out") != "opt_out"


_WAYS = (
    str.lower,
    str.title,
    "“{}”".format,
    "{}.".format,
    "¡{}!".format,
    "🛑 {}".format,
    " ".join,
    "\u200b".join,
    lambda word: "".join(chr(ord(char) + 0xFEE0) if char.isalpha() else char for char in word),
    lambda word: word + word[-1] * 3,
    lambda word: f"*{word}*\n",
    lambda word: word.replace("E", "É").replace("O", "Ö"),
)


@pytest.mark.parametrize("word", [*keywords.STOP_WORDS, *packs.PER_SE])
def test_every_mandatory_word_acts_in_every_disguise(word: str) -> None:
    for way in _WAYS:
        if way == " ".join and " " in word:
            continue
        written = way(word)  # type: ignore[operator]
        assert verdict(written, nanp=True) == "opt_out", written


@pytest.mark.parametrize("word", ["QUIT", "END", "REVOKE", "OPT OUT", "opt-out", "CANCEL"])
def test_words_of_the_us_rule_act_on_its_numbers_and_are_asked_about_elsewhere(word: str) -> None:
    assert verdict(word, nanp=True) == "opt_out"
    assert verdict(f"{word} please", nanp=True) == "opt_out"
    assert verdict(word) == "review"


def test_a_number_has_its_own_words() -> None:
    assert verdict("arret", words=("ARRÊT",)) == "opt_out"
    assert verdict("arret") == "review"
    assert verdict("HỦY", words=("hủy",)) == "opt_out"
    assert verdict("huy", words=("hủy",)) == "none"
    assert verdict("退订", words=("退订",)) == "opt_out"
    assert verdict("bonjour", start_words=("BONJOUR",)) == "opt_in"


@pytest.mark.parametrize(
    "text",
    [
        "please stop texting me",
        "Stop it!",
        "you have the wrong number, stop",
        "please opt me out",
        "remove me from your list",
        "take me off this list",
        "don't text me again",
        "do not contact me",
        "no more texts",
        "lose my number",
        "delete my number",
        "I don't want these messages anymore",
        "Leave me alone",
        "help me stop these",
        "unsubscribe me please",
        "please un subscribe me",
        "I'd like to un-subscribe",
    ],
)
def test_an_unmistakable_request_acts(text: str) -> None:
    reading = read(text)
    assert reading.verdict is Verdict.OPT_OUT
    assert reading.rule
    assert reading.word


@pytest.mark.parametrize(
    "text",
    [
        "I cannot get my device to stop, can you help?",
        "we have got to stop this terrible bill",
        "stop by tomorrow",
        "at the bus stop",
        "the weekend",
        "I'm at the bus stop",
        "stop by at five",
        "para mañana",
        "fin de semaine",
        "who is this",
        "go to hell",
        "",
        " ",
        "\x00",
        "a",
        "👍",
        "yes",
        "Y",
        "ok",
    ],
)
def test_what_must_not_act(text: str) -> None:
    assert verdict(text) == "none"
    assert verdict(text, nanp=True) == "none"


@pytest.mark.parametrize(
    "text",
    [
        "wrong number",
        "not interested",
        "stpo",
        "sotp",
        "dtop",
        "srop",
        "syop",
        "stip",
        "atop",
        "unsuscribe",
        "unsubcribe",
        "🛑",
        "🚫",
        "⛔",
        "✋",
        "PARAR",
        "退订",
        "T",
        "hủy",
        "cancelar",
        "🛑🛑🛑🛑",
    ],
)
def test_what_may_be_one_is_for_a_person(text: str) -> None:
    assert verdict(text) == "review"


@pytest.mark.parametrize("end", ["", ".", "!!", "...", "?!", ":", " . ."])
def test_marks_at_an_end_take_no_sentence_away(end: str) -> None:
    assert verdict(f"I moved out. Stop{end}") == "opt_out"
    assert verdict(f"{end}stop. I moved out") == "opt_out"
    assert verdict(f"we sold the house, stop{end}") == "review"


def test_the_words_that_decided() -> None:
    assert read("Hi, please STOP texting me!!").word == "stop texting me"
    assert read("请不要再给我发短信").word == "不要再给我发短信"


@pytest.mark.parametrize(
    ("text", "everything"),
    [
        ("STOPALL", True),
        ("stop all", True),
        ("stop all texts", True),
        ("Please remove my number", True),
        ("wrong number, stop", True),
        ("wrong number", True),
        ("unsubscribe me from all your lists", True),
        ("STOP", False),
        ("please stop texting me", False),
    ],
)
def test_who_names_everything_leaves_everything(text: str, everything: bool) -> None:
    assert read(text).everything is everything


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I'm driving and will reply later", "none"),
        ("Automatic reply: I am out of the office until Monday.", "none"),
        ("I'm driving. Reply STOP to stop these messages.", "review"),
        ("Out of office. Please stop texting me.", "review"),
        ("[Auto-Reply] STOP", "review"),
    ],
)
def test_an_auto_responder_never_opts_out(text: str, expected: str) -> None:
    assert verdict(text) == expected


def test_start_and_help_act_as_the_whole_text_alone() -> None:
    assert verdict("START") == verdict("unstop") == "opt_in"
    assert verdict("help") == verdict("INFO") == "help"
    assert verdict("start please") == verdict("yes start") == verdict("I need help") == "none"


def texts_of(name: str) -> list[Labelled]:
    return list(labelled((TEXTS / name).read_text(encoding="utf-8").splitlines()))


def test_the_texts_that_the_rules_were_tuned_on() -> None:
    texts = texts_of("labelled.tsv")
    assert len(texts) >= 400
    score = measure(texts)
    assert score.recall >= 0.99
    assert score.acted_on >= 0.98
    assert score.false_opt_outs == 0
    assert score.needless_reviews <= 0.02


def test_texts_that_nothing_was_tuned_on() -> None:
    """The goal, on sentences written beforehand and never looked at: if this fails, write others; don't tune on these."""
    score = measure(texts_of("held_out.tsv"))
    assert score.recall >= 0.95
    assert score.false_opt_outs == 0
    assert score.needless_reviews <= 0.05  # of hard negatives alone


anything = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from("please stop unsubscribe texting me don't remove my number . , ! wrong 不要再发 पता é".split())
    ).map(" ".join),
)


@given(anything)
def test_no_input_raises(text: str) -> None:
    assert read(text).verdict in Verdict
    assert read(text, nanp=True, words=("FIN", "hủy")).verdict in Verdict


_SAMPLES = [one.text for name in ("labelled.tsv", "held_out.tsv") for one in texts_of(name)]


@given(st.sampled_from(_SAMPLES), st.sampled_from(["“{}”", "({})", " {} ", "{}\n", "«{}»", "\t{}", "'{}'"]))
def test_a_verdict_never_depends_on_case_or_what_stands_around(text: str, around: str) -> None:
    expected = read(text).verdict
    if "ß" not in text:
        assert read(text.upper()).verdict is expected
    assert read(text.lower()).verdict is expected
    assert read(around.format(text)).verdict is expected


@given(st.sampled_from(_SAMPLES), st.text(string.punctuation, max_size=3))
def test_nor_on_punctuation_at_the_end(text: str, end: str) -> None:
    assert read(text + end).verdict is read(text).verdict
