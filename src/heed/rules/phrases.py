"""Many phrases looked for at once in the folded words of a text, each word once, whatever their number.

A phrase is written as people read it: ``stop {texting} (me|us)``. ``{texting}`` is any word of that class, ``(a|b c)``
a choice, ``[please]`` may be missing, ``…`` is up to three words of any kind, ``^`` and ``$`` are the beginning and the end
of a clause but for words of courtesy. They make a tree of dictionaries, and walks through it are
remembered: no backtracking, no regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple  # Any: what a phrase is added with is the caller's.

from heed.rules.folding import ENDS, PAUSES, words

START, FINISH, GAP = "^", "$", "…"
_SIGNS = frozenset({START, FINISH, GAP})
MOST_SKIPPED = 3
MOST_REMEMBERED = 100_000  # steps between states; ordinary texts take a few thousand
BREAKS = PAUSES | ENDS
_PART = re.compile(r"[()|\[\]]|[^\s()|\[\]]+")


class BadPhrase(ValueError):
    """This phrase can't be read."""


class Found(NamedTuple):
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


_Place = tuple[Node, int]  # a node, and how many words may still be skipped there; -1 where it is no gap


class _State:
    """Everywhere that one may be in the tree after some words. What follows each word is worked out once."""

    __slots__ = ("after", "ends", "finishes", "places")

    def __init__(self, places: tuple[_Place, ...]) -> None:
        nodes = [node for node, left in places if left < 0]
        self.places = places
        self.ends = [what for node in nodes for what in node.get(None, ())]
        self.finishes = [what for node in nodes if FINISH in node for what in node[FINISH].get(None, ())]
        self.after: dict[str, _State | None] = {}


def _step(state: _State, symbols: Set[str]) -> Iterator[_Place]:
    """Where a word with these ``symbols`` leads."""
    for node, left in state.places:
        if left > 0:
            yield node, left - 1
        for symbol in symbols:
            if symbol in node:
                yield node[symbol], -1


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
    _firsts: dict[str, tuple[_State | None, _State | None]] = field(default_factory=dict)
    _states: dict[frozenset[tuple[int, int]], _State] = field(default_factory=dict)
    _remembered: int = 0

    def add(self, phrase: str, what: object, classes: Mapping[str, Iterable[str]], *, telling: bool = False) -> None:
        """Look for ``phrase`` too. Raises BadPhrase."""
        for symbols in expand(phrase):
            members = {symbol: _members(symbol, phrase, classes) for symbol in symbols if symbol not in _SIGNS}
            if not members or symbols[-1] == GAP:
                raise BadPhrase(f"“{phrase}” has no word, or ends with none.")
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

    def may_tell(self, seen: Sequence[str]) -> bool:
        """Whether a telling phrase may stand in a text of these words: nearly every text is done with here."""
        found = self._anchors.keys() & seen
        if not found:
            return False
        once = set(seen)  # a text of one word, nine hundred times, would be gone through as often
        return any(not self._anchors[word].isdisjoint(once) for word in found)

    def find(self, tokens: Sequence[str]) -> list[Found]:
        """Every phrase that stands in ``tokens``, from left to right."""
        found: list[Found] = []
        firsts = self._firsts or self._index()
        seen = [self._seen(token) for token in tokens]
        at_start = True
        for at, token in enumerate(tokens):
            if token in firsts:
                self._follow(firsts[token][at_start], seen, at, found)
            at_start = token in BREAKS or (at_start and token in self.head)
        return found

    def _seen(self, token: str) -> str | None:
        """``token`` as the tree knows it: None for the end of a clause, and all words that no phrase has are one, ""."""
        return None if token in BREAKS else token if token in self._symbols or token in self.tail else ""

    def _follow(self, state: _State | None, seen: Sequence[str | None], start: int, found: list[Found]) -> None:
        """Note every phrase that begins at ``start``, where ``state`` is after its first word."""
        at = start + 1
        while state is not None:
            for what in state.ends:
                found.append(Found(start, at, what))
            if state.finishes and self._is_finished(seen, at):
                found += [Found(start, at, what) for what in state.finishes]
            token = seen[at] if at < len(seen) else None
            if token is None:
                return
            if token not in state.after:
                self._remember(state, token)
            state = state.after[token]
            at += 1

    def _remember(self, state: _State, token: str) -> None:
        self._remembered += 1
        if self._remembered > MOST_REMEMBERED:  # Somebody sends everything that there is.
            self._remembered = 0
            for one in self._states.values():
                one.after.clear()
        state.after[token] = self._state(_step(state, self._symbols.get(token, frozenset())))

    def _state(self, places: Iterable[_Place]) -> _State | None:
        """The one state that stands at ``places``."""
        closed = {(id(node), left): (node, left) for node, left in places}
        for node, left in list(closed.values()):
            if left < 0 and GAP in node:
                closed[id(node[GAP]), MOST_SKIPPED] = (node[GAP], MOST_SKIPPED)
        if not closed:
            return None
        key = frozenset(closed)
        if key not in self._states:
            self._states[key] = _State(tuple(closed.values()))
        return self._states[key]

    def _index(self) -> dict[str, tuple[_State | None, _State | None]]:
        """The states after each word that may begin a phrase: within a clause, and at its beginning."""
        root, opening = self._root, self._root.get(START, {})
        for word, symbols in self._symbols.items():
            within, first = ([(node[s], -1) for s in sorted(symbols) if s in node] for node in (root, opening))
            if within or first:
                self._firsts[word] = (self._state(within), self._state([*within, *first]))
        return self._firsts

    def _is_finished(self, seen: Sequence[str | None], at: int) -> bool:
        while at < len(seen) and seen[at] in self.tail:
            at += 1
        return at == len(seen) or seen[at] is None


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
