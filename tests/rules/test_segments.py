from __future__ import annotations

import pytest

from heed.rules import segments


@pytest.mark.parametrize(
    ("text", "encoding", "parts", "left"),
    [
        ("", "GSM-7", 1, 160),
        ("a" * 160, "GSM-7", 1, 0),
        ("a" * 161, "GSM-7", 2, 145),
        ("a" * 306, "GSM-7", 2, 0),
        ("a" * 307, "GSM-7", 3, 152),
        ("€" * 80, "GSM-7", 1, 0),
        ("€" * 81, "GSM-7", 2, 143),  # 76 fit in a part of 153, the last septet stays empty
        ("ж" * 70, "UCS-2", 1, 0),
        ("ж" * 71, "UCS-2", 2, 63),
        ("😀" * 35, "UCS-2", 1, 0),
        ("😀" * 36, "UCS-2", 2, 61),  # 33 pairs fit in a part of 67
    ],
)
def test_parts(text: str, encoding: str, parts: int, left: int) -> None:
    counted = segments.count(text)
    assert (counted.encoding, counted.parts, counted.left) == (encoding, parts, left)


def test_it_names_what_forces_ucs_2() -> None:
    assert segments.count("naïve – ok").forcing == ("ï", "–")
