"""Many phrases looked for at once in the folded words of a text, each word once, whatever their number.

A phrase is written as people read it: ``stop {texting} (me|us)``. ``{texting}`` is any word of that class, ``(a|b c)``
a choice, ``[please]`` may be missing, ``…`` is up to three words of any kind, ``^`` and ``$`` are the beginning and the end
of a clause but for words of courtesy. It compiles to a tree of dictionaries: no backtracking, no regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any  # What a phrase is added with is the caller's.

from heed.rules.folding import ENDS, PAUSES, words

START, FINISH, GAP = "^", "$", "…"
_SIGNS = frozenset({START, FINISH, GAP})
MOST_SKIPPED = 3
BREAKS = PAUSES | ENDS
_PART = re.compile(r"[()|\[\]]|[^\s()|\[\]]+")


class BadPhrase(ValueError):
    """This phrase can't be read."""


@dataclass(frozen=True, slots=True)
class Found:
    """``what`` stands in the words from ``start`` up to ``end``."""

    start: int
    end: int
    what: Any


Node = dict[str | None, Any]  # more nodes by symbol, and what ends there under None

# The most frequent words of ordinary texts, the most frequent first. A phrase is known by the rarest of its words.
_FREQUENT = """
    我 你 了 不 i to u you the me a my in for so is and at can it go not ok no but of on have now be
    got im we if will just are do your that time what how okay 的 没 好 么 来 上 要 到 吧 这 回 过 想 给 们 人 电
    话 打 以 里 de que la en le et ist die der ich e o non il ni med het ik its with ur when up hey
    all or get come dont one see like good know think he home hi need later too out this yeah
    call want where sorry was there k thanks ya dun back today am also take d from n r ask ill
    they why cant love about she tell by did more already as first her really send say dear
    after him well m right wanna wan here make buy yes b soon help didnt next any please work
    should da them us den meeting who last again give pls our an long try tonight reply bus said
    over msg week
""".split()
_WEIGHT = {word: 2000 // (rank + 8) for rank, word in enumerate(_FREQUENT)}


@dataclass(slots=True)
class Phrases:
    """``head`` and ``tail`` are the words of courtesy that may stand before ``^`` and after ``$``.

    ``_anchors`` has the rarest word of every phrase that was added as telling, with its second rarest.
    """

    head: Set[str] = frozenset()
    tail: Set[str] = frozenset()
    _anchors: dict[str, set[str]] = field(default_factory=dict)
    _root: Node = field(default_factory=dict)
    _symbols: dict[str, set[str]] = field(default_factory=dict)
    _firsts: dict[str, tuple[list[Node], list[Node]]] = field(default_factory=dict)

    def add(self, phrase: str, what: object, classes: Mapping[str, Iterable[str]], *, telling: bool = False) -> None:
        """Look for ``phrase`` too. Raises BadPhrase."""
        for symbols in expand(phrase):
            members = {symbol: _members(symbol, phrase, classes) for symbol in symbols if symbol not in _SIGNS}
            if not members:
                raise BadPhrase(f"“{phrase}” has no word.")
            for symbol, found in members.items():
                for word in found:
                    self._symbols.setdefault(word, set()).add(symbol)
            if telling:
                rarest, *others = sorted(members.values(), key=_rarity, reverse=True)
                for word in rarest:
                    self._anchors.setdefault(word, set()).update(others[0] if others else rarest)
            node = self._root
            for symbol in symbols:
                node = node.setdefault(symbol, {})
            node.setdefault(None, []).append(what)

    def may_tell(self, seen: Iterable[str]) -> bool:
        """Whether a telling phrase may stand in a text of these words: nearly every text is done with here."""
        anchors = self._anchors
        if anchors.keys().isdisjoint(seen):
            return False
        return any(word in anchors and not anchors[word].isdisjoint(seen) for word in seen)

    def find(self, tokens: Sequence[str]) -> list[Found]:
        """Every phrase that stands in ``tokens``, from left to right."""
        found: list[Found] = []
        firsts = self._firsts or self._index()
        at_start = True
        for at, token in enumerate(tokens):
            if token in firsts:
                anywhere, opening = firsts[token]
                for node in anywhere + opening if at_start else anywhere:
                    found += self._ends(node, tokens, at, at + 1)
            at_start = token in BREAKS or (at_start and token in self.head)
        return found

    def _index(self) -> dict[str, tuple[list[Node], list[Node]]]:
        """The nodes where each word may begin a phrase: anywhere, and at the beginning of a clause."""
        root, opening = self._root, self._root.get(START, {})
        for word, symbols in self._symbols.items():
            both = [[node[symbol] for symbol in sorted(symbols) if symbol in node] for node in (root, opening)]
            if any(both):
                self._firsts[word] = (both[0], both[1])
        return self._firsts

    def _ends(self, node: Node, tokens: Sequence[str], start: int, at: int) -> Iterator[Found]:
        for what in node.get(None, ()):
            yield Found(start, at, what)
        if FINISH in node and self._is_finished(tokens, at):
            yield from self._ends(node[FINISH], tokens, start, at)
        if at == len(tokens) or tokens[at] in BREAKS:
            return
        for symbol in self._symbols.get(tokens[at], ()):
            if symbol in node:
                yield from self._ends(node[symbol], tokens, start, at + 1)
        if GAP in node:
            for skipped in range(MOST_SKIPPED + 1):
                if at + skipped < len(tokens) and not BREAKS.intersection(tokens[at : at + skipped]):
                    yield from self._ends(node[GAP], tokens, start, at + skipped)

    def _is_finished(self, tokens: Sequence[str], at: int) -> bool:
        while at < len(tokens) and tokens[at] in self.tail:
            at += 1
        return at == len(tokens) or tokens[at] in BREAKS


def _members(symbol: str, phrase: str, classes: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The words that ``symbol`` may be."""
    if not symbol.startswith("{"):
        return tuple(symbol.split("|"))
    name = symbol[1:-1].rpartition(".")[2]
    if name not in classes:
        raise BadPhrase(f"“{phrase}” uses {symbol}, and there is no such class.")
    return tuple(classes[name])


def _rarity(members: Sequence[str]) -> int:
    return -sum(_WEIGHT.get(word, 1) for word in members)


def expand(phrase: str) -> list[list[str]]:
    """Every reading of ``phrase``: its choices made, its options taken and left. Raises BadPhrase."""
    parts = _PART.findall(phrase)
    readings, at = _sequence(parts, 0)
    if at != len(parts):
        raise BadPhrase(f"“{phrase}” has a bracket too many.")
    return readings


def _sequence(parts: Sequence[str], at: int) -> tuple[list[list[str]], int]:
    readings: list[list[str]] = [[]]
    while at < len(parts) and parts[at] not in ")]|":
        if parts[at] in "([":
            choices, at = _choices(parts, at)
        else:
            choices, at = [_symbols(parts[at])], at + 1
        readings = [reading + choice for reading in readings for choice in choices]
    return readings, at


def _choices(parts: Sequence[str], at: int) -> tuple[list[list[str]], int]:
    opening = parts[at]
    choices: list[list[str]] = [[]] if opening == "[" else []
    while at < len(parts) and parts[at] in "([|":
        more, at = _sequence(parts, at + 1)
        choices += more
    if at == len(parts) or parts[at] != {"(": ")", "[": "]"}[opening]:
        raise BadPhrase("A bracket is not closed.")
    return _merged(choices), at + 1


def _merged(choices: list[list[str]]) -> list[list[str]]:
    """``choices`` with all that are one word made one symbol, "a|b|c"; else the tree would grow with their product."""
    single = sorted({choice[0] for choice in choices if len(choice) == 1 and choice[0][0] not in _SIGNS | {"{"}})
    rest = [choice for choice in choices if len(choice) != 1 or choice[0] not in single]
    return [*rest, ["|".join(single)]] if single else rest


def _symbols(part: str) -> list[str]:
    return [part] if part in _SIGNS or part.startswith("{") else words(part)
