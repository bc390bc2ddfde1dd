"""One text from a phone: how it reads on the number that it came to, and the acts that it asks for. Changes nothing."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from heed.core import database, senders
from heed.core.consent import Cause, Doing, Outcome, Verb
from heed.core.models import (
    Account,
    Connection,
    Consent,
    Inbound,
    LedgerEntry,
    Mention,
    Message,
    Sender,
    SenderKind,
    Source,
)
from heed.core.senders import Word
from heed.rules import codes, reading
from heed.rules.consent import ALL_SENDERS, Act, State, opt_out_counts_from, start_counts_from
from heed.rules.values import InboundText
from heed.rules.verdicts import NOTHING, Reading, Verdict


@dataclass(slots=True)
class Text:
    """One text on its way through a batch."""

    raw: InboundText
    link: Connection
    received_at: datetime
    sender: Sender | None
    recipient: int | None
    key_id: int | None = None
    id: int = 0
    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    reading: Reading = NOTHING
    free: list[tuple[Account, str]] = field(default_factory=list)  # accounts whose free keyword stands in it
    doings: list[Doing] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    is_read: bool = True

    @property
    def is_shared(self) -> bool:
        return self.sender is not None and self.sender.kind == SenderKind.SHARED

    @property
    def account_id(self) -> int | None:
        return self.sender.account_id if self.sender else None

    @property
    def evidence(self) -> str:
        return evidence_of(self.salt, self.raw.text)

    def cause(self, source: Source, rule: str, word: str) -> Cause:
        return Cause(
            source,
            rule=rule,
            word=word,
            through_id=self.sender.id if self.sender else 0,
            inbound_id=self.id,
            evidence=self.evidence,
            carrier_at=self.raw.carrier_at,
        )


def evidence_of(salt: str, text: str) -> str:
    """What the ledger keeps of a text that is evidence: nobody can tell the text from it once its salt is erased."""
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()


def prefixes(texts: Sequence[Text]) -> dict[str, Account]:
    """The accounts whose free keyword may stand in one of ``texts``."""
    wanted = {prefix for text in texts for prefix, _ in codes.free_keyword_candidates(text.raw.text)}
    return (
        {account.free_prefix: account for account in Account.objects.filter(free_prefix__in=wanted)} if wanted else {}
    )


def words(sender_ids: set[int], now: datetime) -> dict[int, list[Word]]:
    """The keywords of each sender: those in use, those removed in the last sixty days, which act too, and former ones."""
    found: dict[int, list[Word]] = {sender_id: [] for sender_id in sender_ids}
    rows = database.run(
        f"""SELECT sender_id, word, reply, removed_at <= %s FROM core_keyword
        WHERE sender_id {database.among_numbers()}""",  # noqa: S608 (our own text alone)
        [database.to_column(now - senders.LINGERS), database.numbers_value(sender_ids)],
    )
    for sender_id, word, reply, is_former in rows:
        found[sender_id].append(Word(word, reply, bool(is_former)))
    return found


def _acting(words: Iterable[Word]) -> tuple[str, ...]:
    return tuple(one.word for one in words if not one.is_former)


def reader(
    sender: Sender, now: datetime, more: Sequence[str] = (), opt_in_words: Sequence[str] | None = None
) -> Callable[[str], Reading]:
    """How texts read on ``sender`` as it is set now, or as they would with ``more`` keywords or other opt-in words.

    Free keywords apart: they are the same on every number.
    """
    own = (*_acting(words({sender.id}, now)[sender.id]), *more)
    back = tuple(sender.opt_in_words if opt_in_words is None else opt_in_words)
    return partial(reading.read, nanp=senders.is_nanp(sender), words=own, start_words=back)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a change would have done to the last ``count`` texts: those that would have read otherwise, and how."""

    count: int
    changed: list[tuple[Inbound, Verdict, Verdict]]


def try_words(
    sender: Sender,
    now: datetime,
    *,
    more: Sequence[str] = (),
    opt_in_words: Sequence[str] | None = None,
    limit: int = 100,
) -> Trial:
    """Read the last texts to ``sender`` once more, with ``more`` keywords or other opt-in words. Changes nothing."""
    texts = list(Inbound.objects.filter(sender=sender, account=sender.account).order_by("-id")[:limit])
    is_now, would_be = reader(sender, now), reader(sender, now, more, opt_in_words)
    verdicts = [(text, is_now(text.text).verdict, would_be(text.text).verdict) for text in texts]
    return Trial(len(texts), [one for one in verdicts if one[1] is not one[2]])


def read(text: Text, prefixes: dict[str, Account], words: dict[int, list[Word]]) -> None:
    candidates = codes.free_keyword_candidates(text.raw.text)
    found = [(prefixes[p], word) for p, word in candidates if p in prefixes and _may_say(text.link, prefixes[p], word)]
    leaving = [account for account, word in found if word == "stop"]
    if found:
        text.free = [(account, "stop") for account in leaving] or found
        verdict = Verdict.OPT_OUT if leaving else Verdict.OPT_IN
        word = codes.free_keyword(text.free[0][0].free_prefix) if leaving else f"{text.free[0][0].free_prefix}START"
        text.reading = Reading(verdict, "free keyword", word, everything=True)
        return
    text.free = []
    sender = text.sender
    if sender is None:
        text.reading = NOTHING
        return
    theirs = words.get(sender.id, ())
    read_with = partial(
        reading.read, text.raw.text, nanp=senders.is_nanp(sender), start_words=tuple(sender.opt_in_words)
    )
    text.reading = read_with(words=_acting(theirs))
    if text.reading.verdict in (Verdict.NONE, Verdict.REVIEW) and (former := [one for one in theirs if one.is_former]):
        again = read_with(words=tuple(one.word for one in former))
        if again.verdict is Verdict.OPT_OUT and _was_named(text, sender, again.word):
            text.reading = again
    if text.is_shared and text.reading.verdict in (Verdict.NONE, Verdict.REVIEW) and codes.ends_in_stop(text.raw.text):
        text.reading = Reading(Verdict.OPT_OUT, "unknown free keyword", "STOP", everything=True)

    text.reading = as_carrier_read(text.reading, text.raw)


_CARRIER_READ = {"stop": Verdict.OPT_OUT, "start": Verdict.OPT_IN, "help": Verdict.HELP}


def as_carrier_read(reading: Reading, raw: InboundText) -> Reading:
    """``reading``, or what the carrier took the text for: who has left there must not stay here."""
    verdict = _CARRIER_READ.get(raw.carrier_read, reading.verdict)
    if verdict is reading.verdict or reading.verdict is Verdict.OPT_OUT:  # an opt-out is never read as anything less
        return reading
    return Reading(verdict, "carrier's keyword", raw.text.strip()[:80])


def _was_named(text: Text, sender: Sender, word: str) -> bool:
    """Whether a message of the last sixty days from ``sender`` to the person named ``word`` as a way out."""
    since = text.received_at - senders.LINGERS
    sent = Message.objects.filter(account_id=text.account_id or 0, recipient=text.recipient or 0, created_at__gt=since)
    return sent.filter(sender=sender, text__icontains=word).exists()


def _may_say(link: Connection, account: Account, word: str) -> bool:
    """Whether ``link`` may bring this free keyword: an account's own carrier, which it may be itself, lifts no other's."""
    return word == "stop" or link.account_id in (None, account.id)


def wanted(text: Text) -> list[Doing]:
    """The acts that ``text`` asks for. A bare START on a shared number asks for more than it is given."""
    if text.recipient is None or text.reading.verdict not in (Verdict.OPT_OUT, Verdict.REVIEW, Verdict.OPT_IN):
        return []
    leaves = text.reading.verdict is not Verdict.OPT_IN
    if text.free:
        return [_doing(text, account.id, ALL_SENDERS, Source.FREE_KEYWORD) for account, _ in text.free]
    source = Source.KEYWORD if text.reading.by_keyword else Source.REQUEST
    if text.is_shared:
        accounts = _named_accounts(text) if leaves else _left_through(text)
        return [_doing(text, account_id, ALL_SENDERS, source) for account_id in accounts]
    if text.sender is None or text.account_id is None:
        return []
    scope = senders.consent_id(text.sender)
    if leaves:
        scope = senders.scope_of(text.sender, everything=text.reading.everything)
    return [_doing(text, text.account_id, scope, source)]


def _doing(text: Text, account_id: int, sender_id: int, source: Source) -> Doing:
    cause = text.cause(source, text.reading.rule, text.reading.word)
    recipient = text.recipient or 0
    if text.reading.verdict is Verdict.REVIEW:
        return Doing(Verb.HOLD, account_id, recipient, sender_id, replace(cause, source=Source.REVIEW))
    if text.reading.verdict is Verdict.OPT_OUT:
        at = opt_out_counts_from(text.raw.carrier_at, text.received_at)
        return Doing(Verb.OPT_OUT, account_id, recipient, sender_id, cause, at)
    at = start_counts_from(text.raw.carrier_at, text.received_at)
    level = text.sender is not None and text.sender.account_level_opt_out
    return Doing(Verb.START, account_id, recipient, sender_id, cause, at, account_level=level)


def _named_accounts(text: Text) -> list[int]:
    """Whom a bare STOP to a shared number leaves: every account that ever named it to the person, or the only one."""
    named = Mention.objects.filter(sender=text.sender, recipient=text.recipient or 0).order_by("account_id")
    found = list(named.values_list("account_id", flat=True))
    if found:
        return found
    first_two = list(Account.objects.order_by("id").values_list("id", flat=True)[:2])
    return first_two if len(first_two) == 1 else []


def _left_through(text: Text) -> list[int]:
    """The accounts that the person ever left through this shared number."""
    texts = Inbound.objects.filter(sender=text.sender, recipient=text.recipient, account=None)
    through = LedgerEntry.objects.filter(
        inbound_id__in=texts.values("id"), recipient=text.recipient or 0, act=Act.OPT_OUT, sender_id=ALL_SENDERS
    )
    return sorted(set(through.values_list("account_id", flat=True)))


def confirmed(text: Text) -> list[Doing]:
    """The acts to do, now that their people are locked: a bare START on a shared number lifts what was made through it."""
    doings = wanted(text)
    if not (text.is_shared and text.reading.verdict is Verdict.OPT_IN and not text.free):
        return doings
    return [doing for doing in doings if _was_made_through(doing)]


def _was_made_through(doing: Doing) -> bool:
    """Whether the standing account opt-out was made, and each time repeated, through this one shared number."""
    rows = Consent.objects.filter(
        account_id=doing.account_id, recipient=doing.recipient, sender_id=ALL_SENDERS, state=State.OUT
    )
    since = rows.values_list("entry_id", flat=True).first()
    if since is None:
        return False
    outs = LedgerEntry.objects.filter(
        account_id=doing.account_id, recipient=doing.recipient, sender_id=ALL_SENDERS, act=Act.OPT_OUT, id__gte=since
    )
    return not outs.exclude(through_id=doing.cause.through_id).exists()
