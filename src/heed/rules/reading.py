"""Reading what a person wrote to a number: a verdict, and the rule and the words that gave it.

Here keywords decide, as the whole of a text. Requests and reviews join them when free text is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from heed.rules import keywords
from heed.rules.keywords import Lexicon


class Verdict(StrEnum):
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Reading:
    """``word`` is the keyword as it was written down, ``everything`` whether it names all senders of the account."""

    verdict: Verdict
    rule: str = ""
    word: str = ""
    everything: bool = False


NOTHING = Reading(Verdict.NONE)
_STOP = Lexicon.of(keywords.STOP_WORDS)
_NANP_STOP = Lexicon.of(keywords.NANP_STOP_WORDS)
_EVERYTHING = Lexicon.of(keywords.EVERYTHING_WORDS)
_START = Lexicon.of(keywords.START_WORDS)
_HELP = Lexicon.of(keywords.HELP_WORDS)
_lexicon = lru_cache(maxsize=1024)(Lexicon.of)


def read(text: str, *, nanp: bool = False, words: Iterable[str] = (), start_words: Iterable[str] = ()) -> Reading:
    """How ``text`` reads on a number with the opt-out ``words`` and opt-in ``start_words`` of its account's choice.

    ``nanp`` is whether it is a +1 number, where the words of 47 CFR 64.1200(a)(10) cannot be removed.
    """
    if everything := _EVERYTHING.match(text):
        return Reading(Verdict.OPT_OUT, "mandatory keyword", everything, everything=True)
    if own := _lexicon(tuple(words)).match(text):
        return Reading(Verdict.OPT_OUT, "keyword", own)
    if mandatory := _STOP.match(text) or (_NANP_STOP.match(text) if nanp else None):
        return Reading(Verdict.OPT_OUT, "mandatory keyword", mandatory)
    if start := _START.match(text) or _lexicon(tuple(start_words)).match(text):
        return Reading(Verdict.OPT_IN, "start word", start)
    if word := _HELP.match(text):
        return Reading(Verdict.HELP, "help word", word)
    return NOTHING
