"""What is data, not code: how each language says it (languages/*.toml), what each country demands (policies/*.toml).

This is the one loader of packaged TOML. A change of law or of wording is a new version or a new dated section there.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from importlib.resources import files
from typing import Any  # TOML

from heed.rules.folding import fold

DEFAULT = "default"


class BadPack(ValueError):
    """This pack can't be read."""


@dataclass(frozen=True, slots=True)
class Group:
    """Phrases that mean the same. ``whole`` are those that mean it only as the whole of a text."""

    rule: str
    verdict: str
    phrases: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Language:
    """How one language says it. ``opt_out``, ``opt_in`` and ``help`` are keywords as people are told to write them."""

    code: str
    name: str
    countries: tuple[str, ...]
    version: date
    sources: tuple[str, ...]
    opt_out: tuple[str, ...]
    opt_in: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    head: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    filler: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    automatic: tuple[str, ...] = ()
    marketing: tuple[str, ...] = ()  # words that an automatic answer may not have


@dataclass(frozen=True, slots=True)
class Policy:
    """What one country demands on one day; strictest common default where it says nothing. Not legal advice.

    ``opt_out_words`` can't be removed from its numbers. A review is decided within ``review_weekdays``. A marketing text
    must carry a way out where ``exit_in_every_text`` says so, one from a sender that takes no replies where
    ``exit_from_names`` does. Numbers, keywords and links keep working for ``alive_days`` after the last message.
    """

    country: str = ""
    version: date = date.min
    sources: tuple[str, ...] = ()
    opt_out_words: tuple[str, ...] = ()
    review_weekdays: int = 5
    answer_within_minutes: int = 5
    alive_days: int = 60
    exit_in_every_text: bool = False
    exit_from_names: bool = False
    exit_line: str = ""
    network_answers_toll_free: bool = False
    toll_free_codes: tuple[int, ...] = ()
    account_level: bool = False

    def demands_exit(self, *, takes_replies: bool) -> bool:
        """Whether a marketing text must carry a way out; ``takes_replies`` is whether its sender does."""
        return self.exit_in_every_text or (self.exit_from_names and not takes_replies)

    def is_toll_free(self, number: int) -> bool:
        """Whether ``number`` is a +1 number without cost for who calls it."""
        return number // 10**7 - 1000 in self.toll_free_codes and 10**10 <= number < 2 * 10**10


@dataclass(frozen=True, slots=True)
class Section:
    """What a country's policy changes from one day on. Without a day it is known and not in force."""

    since: date | None
    changes: Mapping[str, Any]


def policy(country: str, on: date) -> Policy:
    """The policy for numbers of ``country`` ("" or an unknown one: the default) as it stands on that day."""
    made = Policy(country=country)
    for name in (DEFAULT, country):
        for section in POLICIES.get(name, ()):
            if section.since is not None and section.since <= on:
                made = replace(made, version=max(made.version, section.since), **section.changes)
    return made


def keyword_packs(country: str) -> list[Language]:
    """The languages whose words a number of ``country`` may be given by one click: those spoken there, then English."""
    spoken = [one for one in LANGUAGES.values() if country in one.countries]
    return spoken + [one for one in (LANGUAGES["en"],) if one not in spoken]


def _texts(folder: str) -> dict[str, bytes]:
    found = files(__package__).joinpath(folder).iterdir()
    return {one.name.removesuffix(".toml"): one.read_bytes() for one in found if one.name.endswith(".toml")}


def language(code: str, text: str) -> Language:
    """The language in a file. Raises BadPack."""
    raw = tomllib.loads(text)
    try:
        keywords, around = raw.pop("keywords"), raw.pop("around", {})
        made = Language(
            code=raw.pop("language"),
            name=raw.pop("name"),
            countries=tuple(raw.pop("countries")),
            version=raw.pop("version"),
            sources=tuple(raw.pop("sources")),
            classes={name: tuple(words.split()) for name, words in raw.pop("classes", {}).items()},
            groups=tuple(_group(group) for group in raw.pop("requests", ())),
            automatic=tuple(raw.pop("automatic", {}).get("phrases", ())),
            marketing=tuple(fold(word) for word in raw.pop("answers", {}).get("marketing", "").split()),
            filler=tuple(around.pop("filler", ())),
            objects=tuple(around.pop("objects", ())),
            **{name: tuple(words.split()) for name, words in around.items()},
            **{name: tuple(words) for name, words in keywords.items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BadPack(f"languages/{code}.toml: {error}") from error
    if raw or made.code != code or not made.sources or not isinstance(made.version, date):
        raise BadPack(f"languages/{code}.toml: {', '.join(raw) or 'language, sources and version are needed'}")
    return made


VERDICTS = frozenset({"opt_out", "everything", "review", "doubt", "none"})


def _group(raw: dict[str, Any]) -> Group:
    made = Group(**raw | {name: tuple(raw.get(name, ())) for name in ("phrases", "whole")})
    if made.verdict not in VERDICTS or len(made.rule) > 30:
        raise TypeError(f"the group “{made.rule}”")
    return made


_CHANGES = {one.name: one for one in fields(Policy)}.keys() - {"country", "version"}


def sections(country: str, text: str) -> tuple[Section, ...]:
    """The dated sections of a policy file, oldest first. Raises BadPack."""
    raw = tomllib.loads(text)
    found = []
    for section in raw.pop("section", ()):
        since = section.pop("since", None)
        if section.keys() - _CHANGES or not section.get("sources") or not (since is None or isinstance(since, date)):
            raise BadPack(f"policies/{country}.toml: {', '.join(section.keys() - _CHANGES) or 'since and sources'}")
        changes = {name: tuple(value) if isinstance(value, list) else value for name, value in section.items()}
        found.append(Section(since, changes))
    if raw or not found:
        raise BadPack(f"policies/{country}.toml: {', '.join(raw) or 'it has no section'}")
    return tuple(sorted(found, key=lambda section: section.since or date.max))


_LANGUAGES, _POLICIES = _texts("languages"), _texts("policies")
LANGUAGES = {code: language(code, text.decode()) for code, text in sorted(_LANGUAGES.items())}
POLICIES = {country: sections(country, text.decode()) for country, text in sorted(_POLICIES.items())}


def _spoken() -> dict[str, str]:
    """The language of each keyword that only one language has, by what it folds to."""
    found: dict[str, set[str]] = {}
    for one in LANGUAGES.values():
        for word in (*one.opt_out, *one.opt_in, *one.help):
            found.setdefault(fold(word), set()).add(one.code)
    return {word: codes.pop() for word, codes in found.items() if len(codes) == 1}


_SPOKEN = _spoken()


def language_of(keyword: str) -> str:
    """The code of the one language whose pack has ``keyword``; "" if none has, or several do."""
    return _SPOKEN.get(fold(keyword), "")


def _version() -> str:
    """What stands on every ledger entry: the newest version's day, and a digest of every word of every pack."""
    newest = max(pack.version for pack in LANGUAGES.values())
    digest = hashlib.sha256()
    for name, text in sorted((_LANGUAGES | _POLICIES).items()):
        digest.update(f"{name}\0{len(text)}\0".encode() + text)
    return f"{newest.isoformat()}.{digest.hexdigest()[:8]}"


VERSION = _version()


def _ever(name: str) -> list[int]:
    """What the countries' sections demand of ``name``, whatever the day: for what is kept the same everywhere."""
    return [section.changes[name] for found in POLICIES.values() for section in found if name in section.changes]


ALIVE_DAYS = max(_ever("alive_days"))
ANSWER_WITHIN_MINUTES = min(_ever("answer_within_minutes"))

# The words that can't be removed from +1 numbers, in any country that shares that code.
PER_SE = tuple(
    dict.fromkeys(
        word
        for sections_ in POLICIES.values()
        for section in sections_
        if section.since is not None
        for word in section.changes.get("opt_out_words", ())
    )
)
