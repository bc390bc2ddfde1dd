"""What Manage number offers by one click: the keyword packs of the number's country, and a keyword just removed."""

from __future__ import annotations

from dataclasses import dataclass

from heed.core import senders
from heed.core.models import Keyword, Sender
from heed.rules import keywords, packs


@dataclass(frozen=True, slots=True)
class Offer:
    """One language's pack: the words that it would add, in the order of their use, and those the number has."""

    code: str
    name: str
    words: list[str]
    had: list[str]


def of(sender: Sender, keys: set[str]) -> list[Offer]:
    """The packs for the number's country. A word that could not be added to this number is not offered."""
    return [offer for pack in packs.keyword_packs(sender.country) if (offer := _offer(pack, sender, keys)).words]


def _offer(pack: packs.Language, sender: Sender, keys: set[str]) -> Offer:
    by_key = {keywords.key(word): word for word in reversed(pack.opt_out)}  # of two spellings of one word the first
    words = {key: by_key[key] for key in map(keywords.key, pack.opt_out)}
    return Offer(
        pack.code,
        pack.name,
        [word for key, word in words.items() if key not in keys and not senders.risk_of(word, sender.opt_in_words)],
        [word for key, word in words.items() if key in keys],
    )


def removed(sender: Sender, key: str) -> Keyword | None:
    """The keyword that was just taken away, if it still is: it can be put back."""
    return Keyword.objects.filter(sender=sender, key=key[:80], removed_at__isnull=False).first() if key else None
