"""The keywords that act on every number, and what a keyword is compared and kept unique by."""

from __future__ import annotations

from heed.rules.folding import fold, is_vietnamese

# The words that act on every number and cannot be removed. What a country adds stands in its policy.
STOP_WORDS = ("STOP", "STOPP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "UNSUB")
EVERYTHING_WORDS = ("STOPALL", "STOP ALL")  # These name everything: the account, whatever the number's switch says.
START_WORDS = ("START", "UNSTOP")
HELP_WORDS = ("HELP", "INFO")


def key(word: str) -> str:
    """What a keyword is stored and kept unique by."""
    return fold(word, accents=is_vietnamese(word))
