from __future__ import annotations

from heed.rules import keywords


def test_a_keyword_is_kept_unique_by_what_it_folds_to() -> None:
    assert keywords.key("Arrêt!") == keywords.key("ARRET") == "arret"
    assert keywords.key("s t o p") == "stop"


def test_accents_count_in_vietnamese_only() -> None:
    assert keywords.key("hủy") != keywords.key("huy")
