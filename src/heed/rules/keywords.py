"""How a keyword is recognised: fold a text, then compare the whole of it. Free text is read elsewhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

# The words that act on every number and cannot be removed; the +1 words are those of 47 CFR 64.1200(a)(10).
STOP_WORDS = ("STOP", "STOPP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "UNSUB")
NANP_STOP_WORDS = ("QUIT", "END", "REVOKE", "OPT OUT", "OPTOUT", "OPT-OUT", "CANCEL")
EVERYTHING_WORDS = ("STOPALL", "STOP ALL")  # These name everything: the account, whatever the number's switch says.
START_WORDS = ("START", "UNSTOP")
HELP_WORDS = ("HELP", "INFO")

_LOOK_ALIKES = str.maketrans(
    "аᴀαеεіιοоρрсѕτтυухвкмнԁԛԝјһոѵуӏ015$@!|",
    "aaaeeiioopp" + "cs" + "ttuyx" + "bkmhdqwjhnvyl" + "ois" + "saii",
)
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_VIETNAMESE = {"\u0309", "\u0323", "\u031b"}  # hook above, dot below, horn: no other Latin alphabet here uses them


@lru_cache(maxsize=256)  # One text is compared with several lexicons, and a batch is full of "STOP".
def fold(text: str, *, accents: bool = False) -> str:
    """``text`` reduced to what its writer meant to type; idempotent. Vietnamese words need ``accents`` kept."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(_plain(character) for character in text)
    if not accents:
        text = _without_accents(text)
    if any(character.isalpha() for character in text):
        text = "".join(" " if _is_pictograph(character) else character for character in text)
    text = _REPEATED.sub(r"\1", _trimmed(text))
    tokens = text.split()
    if len(tokens) > 1 and all(len(token) == 1 and token.isalpha() for token in tokens):
        return _REPEATED.sub(r"\1", "".join(tokens))
    return " ".join(tokens)


def look_alike(folded: str) -> str:
    """``folded`` with letters of other alphabets, and digits, read as the Latin letters that they look like."""
    return folded.translate(_LOOK_ALIKES)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A set of words, each folded the way it has to be compared."""

    plain: dict[str, str]
    accented: dict[str, str]

    @classmethod
    def of(cls, words: Iterable[str]) -> Lexicon:
        plain, accented = {}, {}
        for word in words:
            if is_vietnamese(word):
                accented[fold(word, accents=True)] = word
            else:
                plain[fold(word)] = word
        return cls(plain, accented)

    def match(self, text: str) -> str | None:
        """The word that the whole of ``text`` is, or None."""
        folded = fold(text)
        found = self.plain.get(folded) or self.plain.get(look_alike(folded))
        if found is None and self.accented:
            found = self.accented.get(fold(text, accents=True))
        return found


def key(word: str) -> str:
    """What a keyword is stored and kept unique by."""
    return fold(word, accents=is_vietnamese(word))


def is_vietnamese(word: str) -> bool:
    decomposed = unicodedata.normalize("NFD", word.casefold())
    return "đ" in decomposed or any(mark in _VIETNAMESE for mark in decomposed)


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cf", "Cs", "Co", "Cn") or character in "\ufe0e\ufe0f":
        return ""
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " " if character.isspace() else ""
    return character


def _without_accents(text: str) -> str:
    kept: list[str] = []
    latin = False
    for character in unicodedata.normalize("NFD", text):
        if unicodedata.category(character) == "Mn":
            if latin:
                continue
        else:
            latin = "a" <= character <= "z" or unicodedata.name(character, "").startswith("LATIN")
        kept.append(character)
    return unicodedata.normalize("NFKC", "".join(kept))


def _is_pictograph(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Sk") or "\U0001f000" <= character <= "\U0001ffff"


def _trimmed(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_edge(text[start]):
        start += 1
    while end > start and _is_edge(text[end - 1]):
        end -= 1
    return text[start:end] or text


def _is_edge(character: str) -> bool:
    return character.isspace() or unicodedata.category(character)[0] == "P"
