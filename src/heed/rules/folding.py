"""How a text is folded before it is compared: reduced to what its writer meant to type, and taken apart into words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

_LOOK_ALIKES = str.maketrans(
    "аᴀαеεіιοоρрсѕτтυухвкмнԁԛԝјһոѵуӏ015$@!|",
    "aaaeeiioopp" + "cs" + "ttuyx" + "bkmhdqwjhnvyl" + "ois" + "saii",
)
# Letters in boxes and circles that NFKC leaves, those that flags are made of, and small capitals.
_LOOK_ALIKES |= {first + at: 97 + at for first in (0x1F150, 0x1F170, 0x1F1E6) for at in range(26)}
_LOOK_ALIKES |= str.maketrans("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_ASCII_REPEATED = re.compile(r"([a-z])\1\1")
_STROKED = {"ı": "i", "ł": "l", "ø": "o"}  # letters that people leave the dot or the stroke of
_VIETNAMESE = {"\u0309", "\u0323", "\u031b"}  # hook above, dot below, horn: no other Latin alphabet here uses them
_LATIN = "a-z\u00aa-\u024f\u0250-\u02af\u1d00-\u1dbf\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f"
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_MARKED = re.compile(f"([{_LATIN}])[{_MARKS}]+")
# A Latin letter under a mark of another script: nobody writes so, and there marks must be looked at one by one.
_ODD = re.compile(
    f"[{_LATIN}](?![\\s\\w])[\u0483-\u1aaf\u1b00-\u1cff\u2cef-\u309a\ua66f-\uabed\ufb1e\U00010000-\U000effff]"
)
_ASCII_EDGES = " \t\n\r\v\f!\"#%&'()*+,-./:;<=>?@[\\]_{|}~"
_LONG_WORDS = str.maketrans("\ufdfa\ufdfb", "  ")  # one character each, of which NFKC makes whole sentences
_APOSTROPHES = "'’‘´ʼ"
_SPACED_STOP = re.compile(r"s(?<![a-z]s)[\W_]{1,3}t[\W_]{1,3}o[\W_]{1,3}p(?![a-z])")
_SPLIT_UNSUBSCRIBE = re.compile(r"(?<![^\W_])un[\W_]{1,3}(?=subscribe(?![^\W_]))")
AGAIN_AND_AGAIN = ("stop", "unsubscribe")
PAUSES, ENDS = frozenset(",،、"), frozenset(".!?;:\n…。।؟؛")
# Letters of scripts that are written without spaces: each is a word of its own.
_UNSPACED = "\u0e00-\u0e7f\u2e80-\u2fff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_GAPS = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~…。、।،؟؛–—“”«»¿¡', " "))
_BETWEEN = re.compile(f"(?<=[{_UNSPACED}]) (?=[{_UNSPACED}])")
_WORD = re.compile(
    f"[{_UNSPACED}]|[^\\W_{_UNSPACED}](?:[^\\s\\W_{_UNSPACED}]|[\u0300-\u0dff\ufe20-\ufe2f])*|[{''.join(PAUSES | ENDS)}]"
)


class _Table(dict[int, str]):
    """A table for str.translate that works out each character once. It forgets when somebody sends all of Unicode."""

    def __init__(self, rule: Callable[[str], str]) -> None:
        self._rule = rule

    def __missing__(self, code: int) -> str:
        if len(self) > 10_000:
            self.clear()
        return self.setdefault(code, self._rule(chr(code)))


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cf", "Cs", "Co", "Cn") or character in "\ufe0e\ufe0f":
        return ""
    if character in "\n\r\v\f\x85" or category in ("Zl", "Zp"):
        return "\n"
    if category in ("Cc", "Zs"):
        return " " if character.isspace() else ""
    return character


def _without_accent(character: str) -> str:
    if character in _STROKED:
        return _STROKED[character]
    decomposed = unicodedata.normalize("NFD", character)
    base, marks = decomposed[:1], decomposed[1:]
    if not marks or not ("a" <= base <= "z" or unicodedata.name(base, "").startswith("LATIN")):
        return character
    return base + "".join(mark for mark in marks if unicodedata.category(mark) != "Mn")


def _kind(character: str) -> str:
    if unicodedata.category(character) in ("Mn", "Me"):
        return "mark"
    return "latin" if "a" <= character <= "z" or unicodedata.name(character, "").startswith("LATIN") else "other"


def _without_picture(character: str) -> str:
    if len(character) != 1:
        return character
    is_picture = unicodedata.category(character) in ("So", "Sk") or "\U0001f000" <= character <= "\U0001ffff"
    return " " if is_picture else character


_PLAIN, _PICTURELESS, _KINDS = _Table(_plain), _Table(_without_picture), _Table(_kind)
# By whether accents are kept, and whether pictures are (where there is no letter, the picture is the message).
_TABLES = {
    (True, True): _PLAIN,
    (True, False): _Table(lambda character: _without_picture(_plain(character))),
    (False, True): _Table(lambda character: _without_accent(_plain(character))),
    (False, False): _Table(lambda character: _without_picture(_without_accent(_plain(character)))),
}


@lru_cache(maxsize=256)  # One text is looked at several times, and a batch is full of "STOP".
def fold(text: str, *, accents: bool = False) -> str:
    """``text`` reduced to what its writer meant to type; idempotent. Vietnamese words need ``accents`` kept."""
    text = _collapsed(_trimmed(normal(text, accents=accents)))
    tokens = text.split()
    text = " ".join(tokens)
    if len(text) == 2 * len(tokens) - 1 > 1 and all(map(str.isalpha, tokens)):
        return _collapsed("".join(tokens))
    return text


def words(text: str) -> list[str]:
    """The folded words of ``text``, with the PAUSES and ENDS of its clauses among them."""
    return _WORD.findall(_unapostrophed(_SPACED_STOP.sub("stop", _unsplit(_collapsed(normal(text))))))


@lru_cache(maxsize=256)
def glance(folded: str) -> list[str]:
    """The words of a folded text as ``words`` has them, in a fraction of the time, but for those of unspaced scripts."""
    seen = _unapostrophed(_unsplit(folded)).translate(_GAPS).split()
    may_be_spaced = ("t" in seen and "o" in seen) or not folded.isascii()
    return ["stop"] if may_be_spaced and _SPACED_STOP.search(folded) else seen


def _unsplit(text: str) -> str:
    """ "unsubscribe" for "un-subscribe", wherever it stands."""
    return _SPLIT_UNSUBSCRIBE.sub("un", text) if "subscribe" in text else text


def _unapostrophed(text: str) -> str:
    """ "dont" for "don't". One by one: a translation that shortens its text is several times slower."""
    for apostrophe in _APOSTROPHES:
        if apostrophe in text:
            text = text.replace(apostrophe, "")
    return text


def spelled(folded: str) -> str:
    """A folded text without any punctuation: "opt-out" is "opt out", and "s.t.o.p" is "stop"."""
    found = glance(folded)
    return ("" if all(len(word) == 1 for word in found) else " ").join(found)


def together(found: Iterable[str]) -> str:
    """Words as one text again; those of unspaced scripts without spaces between them."""
    return _BETWEEN.sub("", " ".join(found))


def look_alike(folded: str) -> str:
    """``folded`` with letters of other alphabets, and digits, read as the Latin letters that they look like."""
    return folded.translate(_LOOK_ALIKES)


def run_together(folded: str) -> str:
    """``folded`` without what stands between its letters, and once where it is one word again and again: "stopstop"."""
    joined = folded if folded.isalnum() else "".join(filter(str.isalnum, folded))
    for word in AGAIN_AND_AGAIN:
        if joined.startswith(word) and not joined.replace(word, ""):
            return word
    return joined


def is_vietnamese(word: str) -> bool:
    decomposed = unicodedata.normalize("NFD", word.casefold())
    return "đ" in decomposed or any(mark in _VIETNAMESE for mark in decomposed)


def normal(text: str, *, accents: bool = False) -> str:
    """``text`` in small letters without what can't be seen, without accents on Latin letters, and without pictures."""
    if text.isascii():
        text = text.lower()
        if not text.isprintable():
            text = text.translate(_PLAIN)
        return text.replace("^", " ").replace("`", " ") if ("^" in text or "`" in text) and _has_letter(text) else text
    return _normal(text, accents)


@lru_cache(maxsize=16)  # A text is folded, and then taken apart.
def _normal(text: str, accents: bool) -> str:
    text = unicodedata.normalize("NFKC", text.translate(_LONG_WORDS) if "\ufdfa" in text or "\ufdfb" in text else text)
    given = unicodedata.normalize("NFKC", text.casefold())
    text = given.translate(_TABLES[accents, not _has_letter(given)])
    if not accents:
        text = _MARKED.sub(r"\1", text)
        if _ODD.search(text):
            text = "".join(_latin_alone(unicodedata.normalize("NFD", given.translate(_PLAIN))))
            text = text.translate(_PICTURELESS) if _has_letter(text) else text
    return unicodedata.normalize("NFKC", text)


def _latin_alone(decomposed: str) -> Iterator[str]:
    """The characters without the marks that stand on Latin letters."""
    latin = False
    for character in decomposed:
        kind = _KINDS[ord(character)]
        if kind != "mark":
            latin = kind == "latin"
        elif latin:
            continue
        yield _STROKED.get(character, character)


def _has_letter(text: str) -> bool:
    return any(map(str.isalpha, text))


def _collapsed(text: str) -> str:
    if text.isascii() and _ASCII_REPEATED.search(text) is None:
        return text
    return _REPEATED.sub(r"\1", text)


def _trimmed(text: str) -> str:
    if text.isascii():
        return text.strip(_ASCII_EDGES).rstrip(_ASCII_EDGES + "$") or text
    start, end = 0, len(text)
    while start < end and _is_edge(text[start]):
        start += 1
    while end > start and (_is_edge(text[end - 1]) or text[end - 1] == "$"):  # before a word it may be its s
        end -= 1
    return text[start:end] or text


def _is_edge(character: str) -> bool:
    category = unicodedata.category(character)
    return character.isspace() or category[0] == "P" or category == "Sm"
