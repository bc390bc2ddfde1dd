"""Text from outside, made storable by both databases, at every door."""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(raw: str) -> str:
    """``raw`` with NUL as its picture U+2400 and a lone surrogate as U+FFFD; nothing else is touched."""
    if raw.isprintable():  # nearly all is, and neither of these
        return raw
    return _SURROGATE.sub("\ufffd", raw.replace("\0", "\u2400"))


def line(raw: str) -> str:
    """``raw`` cleaned and on one line, with one space where there were several: a name, a keyword."""
    return " ".join(clean(raw).split())
