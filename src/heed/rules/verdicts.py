"""What reading a text gives: a verdict, and the rule and the words that gave it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Reading:
    """``word`` is the keyword as it was written down, or the words of a request as they were read.

    ``everything`` is whether it names all senders of the account, ``by_keyword`` whether a keyword decided. ``language``
    is that of the words, "" where several languages have them: STOP is everybody's.
    """

    verdict: Verdict
    rule: str = ""
    word: str = ""
    everything: bool = False
    by_keyword: bool = True
    language: str = ""


NOTHING = Reading(Verdict.NONE)
