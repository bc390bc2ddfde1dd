"""Reading what a person wrote to a number: a verdict, and the rule and the words that gave it.

The whole of a text is compared with the keywords first, by one look in a dictionary; ``requests`` reads the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from heed.rules import keywords, packs, requests
from heed.rules.folding import fold, is_vietnamese, look_alike, run_together, spelled
from heed.rules.verdicts import Reading, Verdict

# The mandatory words act however they are split, or run into each other: "St op", "un-subscribe", "STOPSTOP".
_SPLIT = frozenset(keywords.key(word).replace(" ", "") for word in keywords.STOP_WORDS)
_LONGEST_SPLIT = 24  # characters
_DOUBLE = re.compile(r"([a-z])\1")


@dataclass(slots=True)
class _Whole:
    """What a text means that is one of these words, by the word as it is compared."""

    plain: dict[str, Reading]
    accented: dict[str, Reading]
    longest: int = 0  # characters of a word here
    longest_accented: int = 0

    def add(self, given: Iterable[str], verdict: Verdict, rule: str, *, everything: bool = False) -> None:
        """Add ``given`` words where no earlier meaning stands."""
        for word in given:
            table = self.accented if is_vietnamese(word) else self.plain
            key = keywords.key(word)
            for spelling in {key} if table is self.accented else {key, spelled(key), _squeezed(key)}:
                table.setdefault(spelling, Reading(verdict, rule, word, everything, language=packs.language_of(word)))
                self.longest = max(self.longest, len(spelling))
                if table is self.accented:
                    self.longest_accented = max(self.longest_accented, len(spelling))

    def match(self, text: str) -> Reading | None:
        folded = fold(text)
        if found := self.plain.get(folded):
            return found
        may_be_split = 4 < len(folded) <= _LONGEST_SPLIT and folded[0] in "su"
        if may_be_split and (joined := run_together(folded)) in _SPLIT:
            return self.plain[joined]
        if len(folded) > 2 * self.longest or (text.isascii() and folded.replace(" ", "").isalpha()):
            return None  # Too long, even with a dot after each letter; or there is no other way to see these letters.
        if len(folded) <= self.longest:
            seen = look_alike(folded)
            if seen != folded and (found := self.plain.get(seen) or self.plain.get(spelled(seen))):
                return found
        if not any(map(str.isalnum, folded)):
            return self.plain.get(folded[:1])  # Pictures alone, often more than one.
        if found := self.plain.get(spelled(folded)):
            return found
        if len(folded) > self.longest_accented or text.isascii():
            return None
        return self.accented.get(fold(text, accents=True))


def _squeezed(key: str) -> str:
    """ "stopal" for "stopall", which is what folding leaves of "STOPALLLL"."""
    return _DOUBLE.sub(r"\1", key) if len(key) > 5 else key


@lru_cache(maxsize=1024)
def _whole(nanp: bool, own: tuple[str, ...], start_words: tuple[str, ...]) -> _Whole:
    """The first meaning of a word counts: everything, a keyword of its own, a mandatory word, START, HELP."""
    made = _Whole({}, {})
    made.add(keywords.EVERYTHING_WORDS, Verdict.OPT_OUT, "mandatory keyword", everything=True)
    made.add(own, Verdict.OPT_OUT, "keyword")
    made.add(keywords.STOP_WORDS, Verdict.OPT_OUT, "mandatory keyword")
    if nanp:
        made.add(packs.PER_SE, Verdict.OPT_OUT, "mandatory keyword")
    made.add((*keywords.START_WORDS, *start_words), Verdict.OPT_IN, "start word")
    made.add(keywords.HELP_WORDS, Verdict.HELP, "help word")
    for language in packs.LANGUAGES.values():
        made.add(language.help, Verdict.HELP, "help word")
        made.add(language.opt_out, Verdict.REVIEW, "well-known word")
        made.add(language.near_misses, Verdict.REVIEW, "near miss")
    return made


def read(text: str, *, nanp: bool = False, words: Iterable[str] = (), start_words: Iterable[str] = ()) -> Reading:
    """How ``text`` reads on a number with the opt-out ``words`` and opt-in ``start_words`` of its account's choice.

    ``nanp`` is whether it is a +1 number, where the words of 47 CFR 64.1200(a)(10) cannot be removed.
    """
    return _whole(nanp, tuple(words), tuple(start_words)).match(text) or requests.read(text, nanp=nanp)
