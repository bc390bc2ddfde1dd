"""A refusal: what can't be done, in words to show, as a code for programs, and with the field that it is about."""

from __future__ import annotations


class Refused(ValueError):
    """This can't be done. Each area of the core has a kind of its own."""

    def __init__(self, words: str, *, code: str = "invalid", field: str = "") -> None:
        super().__init__(words)
        self.code, self.field = code, field
