"""What is said by text message: the lines that offer a way out, and the answers. Data, not gettext."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from heed.rules import packs
from heed.rules.codes import free_keyword_candidates
from heed.rules.folding import words

SHARED_HELP = (
    "This number takes opt-outs for several senders. Text the whole keyword that you were given to stop its messages."
)
SHARED_UNKNOWN = (
    "We could not tell which messages you want to stop. Please text the whole keyword that you were given, "
    "like abcdeSTOP."
)


def help_answer(account: str) -> str:
    return f"{account}: reply STOP to stop"


def left_answer(accounts: Sequence[str]) -> str:
    """The one confirmation of a shared number, naming the accounts left; long lists are counted."""
    names = ", ".join(accounts[:3]) + (f" and {len(accounts) - 3} more" if len(accounts) > 3 else "")
    return f"You will get no more messages from {names}."


STOP_LINE = "To opt out, text STOP to {number}"


def free_keyword_line(keyword: str, number: str) -> str:
    return f"To opt out, text {keyword} to {number}"


def link_line(address: str) -> str:
    return f"To opt out: {address}"


# Ways out: which a message may offer, and whether it offers one.


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways out of a sender's messages. ``number`` is "" for a sender name, ``words`` are what opts out there.

    ``stop_line`` is how the number's country has it said, "" where it does not mind.
    """

    number: str = ""
    words: tuple[str, ...] = ()
    free_keyword: str = ""
    shared_number: str = ""
    link: str = ""
    stop_line: str = ""

    def lines(self) -> dict[str, str]:
        """The lines that a message may carry, by way (as in ``exits``); a reply to a sender name is never among them."""
        lines = {"keyword": (self.stop_line or STOP_LINE).format(number=self.number)} if self.number else {}
        if self.free_keyword and self.shared_number:
            lines["free_keyword"] = free_keyword_line(self.free_keyword, self.shared_number)
        return lines | ({"link": link_line(self.link)} if self.link else {})


def exits(text: str, ways: Ways) -> list[str]:
    """Which ways out ``text`` names: keyword, free_keyword, link.

    A keyword counts beside its number, or in capitals ("Reply STOP to leave"): "stop by on Friday" is no way out. A
    sender name takes no reply, so there the free keyword counts beside the shared number alone.
    """
    found = []
    if ways.number and any(_names_word(text, word, ways.number) for word in ways.words):
        found.append("keyword")
    prefix = ways.free_keyword[:-4].casefold()
    if (
        prefix
        and (prefix, "stop") in free_keyword_candidates(text)
        and (ways.number or _names(text, ways.shared_number))
    ):
        found.append("free_keyword")
    if ways.link and re.search(re.escape(ways.link.partition("://")[2]) + r"(?![\w])", text):
        found.append("link")
    return found


def lint(text: str, ways: Ways) -> str:
    """What is wrong with the ways out of ``text``: "no_exit", "reply_to_name" (a STOP that nobody gets), or ""."""
    if exits(text, ways):
        return ""
    return "reply_to_name" if not ways.number and re.search(r"\b(STOP|UNSUBSCRIBE)\b", text) else "no_exit"


@dataclass(frozen=True, slots=True)
class Lint:
    """What ``lint`` says of a text, and the countries among its destinations whose rules demand a way out of it."""

    problem: str
    demanded_by: tuple[str, ...] = ()


def lint_for(text: str, ways: Ways, countries: Iterable[str], on: date) -> Lint:
    """``lint`` for people in ``countries``: where one demands a way out, the text can't go without."""
    problem = lint(text, ways)
    if not problem:
        return Lint("")
    wanting = (one for one in countries if packs.policy(one, on).demands_exit(takes_replies=bool(ways.number)))
    return Lint(problem, tuple(sorted(set(wanting))))


_PRICED = re.compile(r"[\d.,]*\d\s?%|[$€£¥₹]\s?\d[\d.,]*|[\d.,]*\d\s?[$€£¥₹]")


def marketing_in(text: str) -> str:
    """What in an automatic answer is marketing, which it may not have; "" if nothing is."""
    if found := _PRICED.search(text):
        return found[0]
    told = set(words(text))
    return next((word for language in packs.LANGUAGES.values() for word in language.marketing if word in told), "")


def _names_word(text: str, word: str, number: str) -> bool:
    whole = rf"(?<!\w){re.escape(word)}(?!\w)"
    if re.search(whole, text, re.IGNORECASE) and _names(text, number):
        return True
    return re.search(rf"(?<!\w){re.escape(word.upper())}(?!\w)", text) is not None


def _names(text: str, number: str) -> bool:
    """Whether ``number`` stands in ``text``, in its international or its national spelling."""
    digits = re.sub(r"[^0-9]", "", number)
    return bool(digits) and digits[-9:] in re.sub(r"[\s().-]", "", text)
