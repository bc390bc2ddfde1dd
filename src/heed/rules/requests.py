"""Reading what people write in their own words: is it a request to stop, may it be one, or is it something else?

Phrases of every language are looked for at once. ``opt_out`` and ``review`` phrases speak for a request; a ``doubt``
phrase across one ("tell her to stop …") leaves it to a person; a ``none`` phrase across one ("don't stop …") undoes it.
A mandatory word counts where the rest of the text, or of its first or last sentence, is mere courtesy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from heed.rules import keywords, packs
from heed.rules.folding import ENDS, fold, glance, is_vietnamese, together, words
from heed.rules.phrases import BREAKS, Found, Phrases
from heed.rules.verdicts import NOTHING, Reading, Verdict

# Long and rare enough that a slip of the thumb is seen by its letters.
_NEARLY_UNSUBSCRIBE = re.compile(r"uns[ubscrien]{5,9}d?|unsubs?cri?b?")
_RIGHT = frozenset({"unsubscribe", "unsubscribed", "unsubscriber"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a phrase says: a verdict of packs.VERDICTS, or what part it plays around a mandatory word.

    ``language`` is the pack's that has it, "" for the mandatory words.
    """

    kind: str
    rule: str = ""
    language: str = ""


_MANDATORY, _PER_SE, _NEAR = Meaning("mandatory"), Meaning("per se"), Meaning("near")

_TELLING = frozenset({"opt_out", "review", "whole", "near", "known"})  # what can decide by itself


@cache
def _phrases() -> Phrases:
    """The phrases of every language, in one tree."""
    languages = packs.LANGUAGES.values()
    made = Phrases(
        frozenset(word for one in languages for word in _each(one.head)),
        frozenset(word for one in languages for word in _each(one.tail)),
    )
    for word in keywords.STOP_WORDS:
        made.add(_spelled(word), _MANDATORY, {}, telling=True)
    for word in packs.PER_SE:
        made.add(_spelled(word), _PER_SE, {}, telling=True)
    for one in languages:
        _add(made, one)
    return made


def _add(made: Phrases, one: packs.Language) -> None:
    classes = {name: tuple(_each(members)) for name, members in one.classes.items()}

    def add(phrases: Iterable[str], meaning: Meaning) -> None:
        for phrase in phrases:
            phrase = phrase.replace("{", "{" + one.code + ".")
            made.add(phrase, meaning, classes, telling=meaning.kind in _TELLING)

    for group in one.groups:
        add(group.phrases, Meaning(group.verdict, group.rule, one.code))
        add(group.whole, Meaning("whole", group.rule, one.code))
    for kind, phrases in (("filler", one.filler), ("object", one.objects), ("automatic", one.automatic)):
        add(phrases, Meaning(kind, language=one.code))
    add(filter(None, map(_spelled, one.near_misses)), Meaning("near", language=one.code))
    known = (_spelled(word) for word in one.opt_out if len(word) > 4 and not is_vietnamese(word))
    add(known, Meaning("known", language=one.code))


def _each(members: Iterable[str]) -> Iterable[str]:
    return (word for member in members for word in words(member))


def _spelled(word: str) -> str:
    """``word`` as a phrase: what punctuation it has means nothing."""
    return " ".join(words(word))


def prepare() -> None:
    """Make the tree of phrases now (a fraction of a second), not while somebody waits."""
    _phrases()


def read(text: str, *, nanp: bool = False) -> Reading:
    """How ``text``, which is no keyword as a whole, reads. ``nanp`` is whether it came to a +1 number."""
    folded = fold(text)
    seen = glance(folded) if folded.isascii() else words(text)
    if not _phrases().may_tell(seen) and "uns" not in folded:
        return NOTHING
    tokens = _without_marks_around(words(text))
    return _Text(tokens, _phrases().find(tokens), nanp).reading()


def _without_marks_around(tokens: Sequence[str]) -> Sequence[str]:
    """``tokens`` from the first word to the last."""
    start, end = 0, len(tokens)
    while start < end and tokens[start] in BREAKS:
        start += 1
    while end > start and tokens[end - 1] in BREAKS:
        end -= 1
    return tokens[start:end]


class _Text:
    """One text and the phrases that stand in it."""

    def __init__(self, tokens: Sequence[str], found: Sequence[Found], nanp: bool) -> None:
        self.tokens = tokens
        undoing = _by_place(one for one in found if one.what.kind == "none")
        self.found = [one for one in found if not (undoing and _is_undone(one, undoing))]
        self.words = {"mandatory", "per se"} if nanp else {"mandatory"}

    def reading(self) -> Reading:
        if automatic := self._first("automatic"):
            return self._of_a_machine(automatic)
        requests = [one for one in self.found if one.what.kind == "opt_out"]
        doubted = {at for one in self.found if one.what.kind == "doubt" for at in range(one.start, one.end)}
        for one in requests:
            if doubted.isdisjoint(range(one.start, one.end)):
                return self._reading(Verdict.OPT_OUT, one.what.rule, one)
        if whole := self._covered(self.words | {"whole"}):
            return self._reading(Verdict.OPT_OUT, whole.what.rule or "mandatory word", whole)
        if requests:
            return self._reading(Verdict.REVIEW, requests[0].what.rule, requests[0])
        return self._sentence() or self._weaker() or NOTHING

    def _of_a_machine(self, automatic: Found) -> Reading:
        """An automatic answer never opts out; one that speaks of stopping is for a person to see."""
        asks = self._first("opt_out") or self._first("mandatory")
        return self._reading(Verdict.REVIEW if asks else Verdict.NONE, "automatic reply", automatic)

    def _sentence(self) -> Reading | None:
        """A mandatory word that is, but for courtesy, the first or the last sentence."""
        ends = [at for at, token in enumerate(self.tokens) if token in ENDS]
        if not ends:
            return None
        for start, end in ((0, ends[0]), (ends[-1] + 1, len(self.tokens))):
            if word := self._covered({"mandatory"}, start, end):
                return self._reading(Verdict.OPT_OUT, "mandatory word in a sentence", word)
        return None

    def _weaker(self) -> Reading | None:
        if weak := self._first("review"):
            return self._reading(Verdict.REVIEW, weak.what.rule, weak)
        if known := self._covered({"known", "per se"}):
            return self._reading(Verdict.REVIEW, "well-known word", known)
        if word := self._opening() or self._last_clause():
            return self._reading(Verdict.REVIEW, "mandatory word in a text", word)
        if near := self._covered({"near"}):
            return self._reading(Verdict.REVIEW, "near miss", near)
        for at, token in enumerate(self.tokens):
            if token.startswith("uns") and token not in _RIGHT and _NEARLY_UNSUBSCRIBE.fullmatch(token):
                return self._reading(Verdict.REVIEW, "near miss", Found(at, at + 1, _NEAR))
        return None

    def _opening(self) -> Found | None:
        """A mandatory word that opens the text: it may well mean us, whatever follows."""
        word, head = self._first("mandatory"), _phrases().head
        return word if word and all(token in head or token in BREAKS for token in self.tokens[: word.start]) else None

    def _last_clause(self) -> Found | None:
        pauses = [at for at, token in enumerate(self.tokens) if token in BREAKS]
        return self._covered({"mandatory"}, pauses[-1] + 1, len(self.tokens)) if pauses else None

    def _first(self, *kinds: str) -> Found | None:
        return next((one for one in self.found if one.what.kind in kinds), None)

    def _covered(self, kinds: set[str], start: int = 0, end: int | None = None) -> Found | None:
        """The first phrase of ``kinds`` if such phrases, courtesy and weaker words make up all of the text.

        Or of a part of it: there "stop it" is what people say to each other.
        """
        is_part, end = end is not None, len(self.tokens) if end is None else end
        if not any(one.what.kind in kinds for one in self.found):
            return None
        passable = kinds | {"filler", "review", "near"} | (set() if is_part else {"object"})
        reached: dict[int, Found | None] = {start: None}
        pieces: dict[int, list[Found]] = {}
        for one in self.found:
            if one.what.kind in passable:
                pieces.setdefault(one.start, []).append(one)
        for at in range(start, end):
            if at not in reached:
                continue
            word = reached[at]
            if self.tokens[at] in BREAKS:
                reached[at + 1] = reached.get(at + 1) or word
            for piece in pieces.get(at, ()):
                decides = piece if piece.what.kind in kinds else None
                reached[piece.end] = reached.get(piece.end) or word or decides
        return reached.get(end)

    def _reading(self, verdict: Verdict, rule: str, one: Found) -> Reading:
        everything = verdict in (Verdict.OPT_OUT, Verdict.REVIEW) and self._first("everything") is not None
        written = together(self.tokens[one.start : one.end])
        return Reading(verdict, rule, written, everything, by_keyword=False, language=self._language(one))

    def _language(self, one: Found) -> str:
        """That of the phrase that decided; of a mandatory word, that of the courtesy around it: "stop bitte"."""
        spoken = {one.what.language} - {""} or {other.what.language for other in self.found} - {""}
        return spoken.pop() if len(spoken) == 1 else ""


def _by_place(found: Iterable[Found]) -> dict[int, list[Found]]:
    """``found`` by each word that it goes over."""
    places: dict[int, list[Found]] = {}
    for one in found:
        for at in range(one.start, one.end):
            places.setdefault(at, []).append(one)
    return places


def _is_undone(one: Found, undoing: Mapping[int, list[Found]]) -> bool:
    """Whether one of ``undoing`` shares a word with ``one`` and takes the sense away.

    Not from a longer phrase that it is a part of ("if you don't stop …").
    """
    for at in range(one.start, one.end):
        for other in undoing.get(at, ()):
            is_part = one.start <= other.start and other.end <= one.end and one.what.kind == "opt_out"
            if other is not one and not is_part:
                return True
    return False
