"""The packs: well-formed, sourced, dated."""

from __future__ import annotations

from datetime import date

import pytest

from heed.rules import keywords, packs, requests
from heed.rules.numbers import region_of

TODAY = date(2026, 11, 24)


def test_every_pack_is_sourced_and_every_phrase_compiles() -> None:
    assert len(packs.LANGUAGES) >= 15
    for one in packs.LANGUAGES.values():
        assert one.sources
        assert one.opt_out
        assert one.countries
        assert all(0 < len(word) <= 40 for word in (*one.opt_out, *one.opt_in, *one.help))
    requests._phrases()


def test_words_of_a_pack_can_be_keywords_of_a_number() -> None:
    for one in packs.LANGUAGES.values():
        keys = [keywords.key(word) for word in one.opt_out]
        assert all(keys)
        assert not set(keys) & {keywords.key(word) for word in (*one.opt_in, *one.help)}


def test_the_version_fits_a_ledger_entry_and_names_the_newest_day() -> None:
    assert len(packs.VERSION) <= 20
    assert packs.VERSION.startswith(max(one.version for one in packs.LANGUAGES.values()).isoformat())


def test_policies() -> None:
    assert packs.policy("", TODAY).review_weekdays == packs.policy("ZZ", TODAY).review_weekdays == 5
    assert packs.policy("US", TODAY).review_weekdays == packs.policy("CA", TODAY).review_weekdays == 10
    assert packs.policy("US", date(2025, 4, 10)).review_weekdays == 5
    assert packs.policy("US", TODAY).version == date(2025, 4, 11)
    assert packs.policy("FR", TODAY).exit_line == "STOP au {number}"
    assert packs.policy("DE", TODAY).exit_in_every_text
    assert {"STOP", "QUIT", "END", "REVOKE", "OPT OUT", "CANCEL", "UNSUBSCRIBE"} <= set(packs.PER_SE)


def test_toll_free_numbers() -> None:
    policy = packs.policy("US", TODAY)
    assert policy.network_answers_toll_free
    assert [
        policy.is_toll_free(number) for number in (18005550100, 18885550100, 12025550100, 448005550100, 8005550100)
    ] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_the_strictest_of_all_countries() -> None:
    assert (packs.ALIVE_DAYS, packs.ANSWER_WITHIN_MINUTES) == (60, 5)


def test_a_section_without_a_day_is_not_in_force() -> None:
    assert any(section.since is None for section in packs.POLICIES["US"])
    text = '[[section]]\nsince = 2020-01-01\nsources = ["x"]\n[[section]]\nsources = ["y"]\nreview_weekdays = 1\n'
    assert [section.since for section in packs.sections("XX", text)] == [date(2020, 1, 1), None]


def test_countries_have_the_keywords_of_their_languages() -> None:
    assert [one.code for one in packs.keyword_packs("CA")] == ["en", "fr"]
    assert [one.code for one in packs.keyword_packs("JP")] == ["ja", "en"]
    assert region_of(447700900001) == "GB"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[section]]\nsince = 2020-01-01\n",
        '[[section]]\nsince = "soon"\nsources = ["x"]\n',
        '[[section]]\nsince = 2020-01-01\nsources = ["x"]\nreview_days = 3\n',
        '[[section]]\nsince = 2020-01-01\nsources = ["x"]\n[other]\n',
    ],
)
def test_a_bad_policy_is_refused(text: str) -> None:
    with pytest.raises(packs.BadPack):
        packs.sections("XX", text)


GOOD = (
    'language = "xx"\nname = "X"\ncountries = []\nversion = 2026-01-01\nsources = ["x"]\n[keywords]\nopt_out = ["A"]\n'
)


def test_a_language() -> None:
    assert packs.language("xx", GOOD).opt_out == ("A",)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace('sources = ["x"]', "sources = []"),
        GOOD.replace('"xx"', '"yy"'),
        GOOD.replace("[keywords]", "more = 1\n[keywords]"),
        GOOD.replace("opt_out", "opt_up"),
        GOOD + '[[requests]]\nrule = "a"\nverdict = "maybe"\nphrases = []\n',
        GOOD.partition("[keywords]")[0],
    ],
)
def test_a_bad_language_is_refused(text: str) -> None:
    with pytest.raises(packs.BadPack):
        packs.language("xx", text)
