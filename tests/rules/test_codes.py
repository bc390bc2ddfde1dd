from __future__ import annotations

import secrets

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
