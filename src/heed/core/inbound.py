"""Texts from phones: store, read, act, answer; one transaction for a batch.

A text is never lost: if acting on one raises, its row alone commits unread, and the worker reads it again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import F, Q

from heed.core import consent, database, events, outbound, senders
from heed.core.consent import Cause, Doing, Outcome, Verb
from heed.core.events import Happened
from heed.core.models import (
    Account,
    Connection,
    Consent,
    Inbound,
    InboundKey,
    Keyword,
    LedgerEntry,
    Mention,
    Message,
    Purpose,
    Sender,
    SenderKind,
    Source,
)
from heed.rules import codes, numbers, wording
from heed.rules.consent import ALL_SENDERS, Act, State, opt_out_counts_from, start_counts_from
from heed.rules.reading import NOTHING, Reading, Verdict, read
from heed.rules.texts import clean
from heed.rules.values import InboundText

log = logging.getLogger(__name__)

MOST_TEXT = 5000  # characters; a text of ten parts has 1,530
HELP_AT_MOST_EVERY = timedelta(hours=1)
READ_AT_MOST = 10  # tries to read one text before it waits for a new version


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one text: its row, the verdict, and whether the carrier had delivered it before."""

    id: int
    verdict: str
    rule: str
    word: str
    is_duplicate: bool = False
    is_read: bool = True
    changed: bool = False


@dataclass(slots=True)
class _Text:
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
        return hashlib.sha256(f"{self.salt}{self.raw.text}".encode()).hexdigest()

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


def receive(link: Connection, batch: Sequence[InboundText]) -> list[Received]:
    """Store ``batch``, act on it and answer; committed durably on return. One result for each text, in order.

    A text that the carrier delivered before changes nothing, but for one that has not been read yet.
    """
    return receive_all([(link, text) for text in batch])


def receive_all(batch: Sequence[tuple[Connection, InboundText]]) -> list[Received]:
    """The same, of several connections."""
    cleaned = [(link, _cleaned(text)) for link, text in batch]

    def verb() -> list[Received]:
        with transaction.atomic(durable=True):
            return _receive(cleaned)

    return database.retried(verb)


def _cleaned(text: InboundText) -> InboundText:
    return replace(
        text,
        provider_id=clean(text.provider_id)[:128],
        sender=clean(text.sender).strip()[:40],
        to=clean(text.to).strip()[:40],
        text=clean(text.text)[:MOST_TEXT],
    )


def _receive(batch: Sequence[tuple[Connection, InboundText]]) -> list[Received]:
    now = database.now()
    keys = _new_keys(batch, now)
    routes = _routes({text.to for _, text in batch}, now)
    results: dict[int, Received] = {}
    texts: dict[int, _Text] = {}
    repeated: list[int] = []
    for at, (link, raw) in enumerate(batch):
        if raw.provider_id and (link.id, raw.provider_id) not in keys:
            repeated.append(at)
            continue
        key_id = keys.pop((link.id, raw.provider_id), None)
        sender = _reached(routes.get(raw.to), link)
        texts[at] = _Text(raw, link, now, sender, _person(raw.sender, sender), key_id)
    _store(list(texts.values()))
    _read_and_act(list(texts.values()), now)
    for at, text in texts.items():
        results[at] = _result(text)
    for at in repeated:
        results[at] = _again(batch[at])
    return [results[at] for at in range(len(batch))]


def _reached(sender: Sender | None, link: Connection) -> Sender | None:
    """``sender`` if a carrier of ``link`` may speak for it: one account's connection reaches no other's numbers."""
    is_others = sender is not None and link.account_id is not None and sender.account_id != link.account_id
    return None if is_others else sender


def _person(raw: str, sender: Sender | None) -> int | None:
    """Who sent it; a number in national form is read in the country of the number that it came to."""
    found = numbers.originator(raw)
    if found is None and sender is not None and sender.country and raw.startswith("0"):
        with contextlib.suppress(numbers.BadNumber):
            return numbers.parse(raw, sender.country)
    return found


def _new_keys(batch: Sequence[tuple[Connection, InboundText]], now: datetime) -> dict[tuple[int, str], int]:
    """The keys that this batch is the first to bring, in the one order of locks."""
    wanted = sorted({(link.id, text.provider_id) for link, text in batch if text.provider_id})
    rows = database.insert(
        InboundKey._meta.db_table,
        ("connection_id", "provider_id", "received_at"),
        [(*key, database.to_column(now)) for key in wanted],
        "ON CONFLICT (connection_id, provider_id) DO NOTHING RETURNING connection_id, provider_id, id",
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _again(item: tuple[Connection, InboundText]) -> Received:
    """A replay: what the first delivery gave; an unread row is read, not dropped."""
    link, raw = item
    row = Inbound.objects.filter(key__connection=link, key__provider_id=raw.provider_id).first()
    if row is None:  # The text was erased; the key is kept.
        return Received(0, Verdict.NONE, "", "", is_duplicate=True)
    if row.read_at is None:
        return replace(_read_row(row), is_duplicate=True)
    return Received(row.id, row.verdict, row.rule, row.word, is_duplicate=True)


def _routes(addresses: set[str], now: datetime) -> dict[str, Sender]:
    """The sender that each address reaches: the one in use, else the one most recently released."""
    forms = {address: _route_keys(address) for address in addresses}
    found: dict[str, Sender] = {}
    wanted = {key for keys in forms.values() for key in keys}
    rows = Sender.objects.select_related("account", "connection").filter(key__in=wanted).exclude(kind=SenderKind.NAME)
    for sender in sorted(rows, key=lambda one: (one.closed_at is not None, -(one.closed_at or now).timestamp())):
        found.setdefault(sender.key, sender)
    return {address: found[key] for address, keys in forms.items() for key in keys if key in found}


def _route_keys(address: str) -> tuple[str, ...]:
    number = numbers.originator(address)
    return (address.casefold(),) if number is None else (numbers.show(number), address.casefold())


_COLUMNS = (
    "account_id connection_id key_id sender_id from_address to_address recipient text salt verdict rule word "
    "carrier_at received_at read_at failures"
).split()


def _store(texts: Sequence[_Text]) -> None:
    column = database.to_column
    rows = [
        (
            text.account_id, text.link.id, text.key_id, text.sender.id if text.sender else None, text.raw.sender,
            text.raw.to, text.recipient, text.raw.text, text.salt, "", "", "", column(text.raw.carrier_at),
            column(text.received_at), None, 0,
        )
        for text in texts
    ]  # fmt: skip
    ids = sorted(row[0] for row in database.insert(Inbound._meta.db_table, _COLUMNS, rows, "RETURNING id"))
    for text, id_ in zip(texts, ids, strict=True):
        text.id = id_
    events.tell(
        [Happened(text.account_id, "inbound", text.recipient, inbound_id=text.id) for text in texts],
        texts[0].received_at if texts else database.now(),
    )


def _read_and_act(texts: list[_Text], now: datetime) -> None:
    """All at once; if anything raises, one by one, so that a text that can't be read keeps no other from acting."""
    if not texts:
        return
    try:
        with transaction.atomic():
            _act(texts, now)
    except OperationalError:
        raise  # The database, not a text: nothing commits, and the carrier tries again.
    except Exception:
        if len(texts) > 1:
            for text in texts:
                _read_and_act([text], now)
            return
        log.exception("Inbound %s could not be read; it will be tried again.", texts[0].id)
        texts[0].reading, texts[0].is_read = NOTHING, False
        Inbound.objects.filter(id=texts[0].id).update(failures=F("failures") + 1)


def _act(texts: Sequence[_Text], now: datetime) -> None:
    prefixes = _prefixes(texts)
    words = _words({text.sender.id for text in texts if text.sender}, now)
    for text in texts:
        text.doings, text.outcomes = [], []
        _read(text, prefixes, words)
    consent.lock((doing.account_id, doing.recipient) for text in texts for doing in _wanted(text))
    for text in texts:
        text.doings = _confirmed(text)
    outcomes = iter(consent.record([doing for text in texts for doing in text.doings]) if texts else ())
    for text in texts:
        text.outcomes = [next(outcomes) for _ in text.doings]
    moment = database.to_column(now)
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE core_inbound SET verdict = %s, rule = %s, word = %s, read_at = %s WHERE id = %s",
            [
                (text.reading.verdict.value, text.reading.rule, text.reading.word[:80], moment, text.id)
                for text in texts
            ],
        )
    for text in texts:
        _answer(text, words, now)


def _prefixes(texts: Sequence[_Text]) -> dict[str, Account]:
    """The accounts whose free keyword may stand in one of ``texts``."""
    wanted = {prefix for text in texts for prefix, _ in codes.free_keyword_candidates(text.raw.text)}
    return (
        {account.free_prefix: account for account in Account.objects.filter(free_prefix__in=wanted)} if wanted else {}
    )


def _words(sender_ids: set[int], now: datetime) -> dict[int, list[Keyword]]:
    """The keywords of each sender that act: those in use, and those removed in the last sixty days."""
    found: dict[int, list[Keyword]] = {sender_id: [] for sender_id in sender_ids}
    acting = Q(removed_at=None) | Q(removed_at__gt=now - senders.LINGERS)
    for keyword in Keyword.objects.filter(acting, sender_id__in=sender_ids):
        found[keyword.sender_id].append(keyword)
    return found


def _read(text: _Text, prefixes: dict[str, Account], words: dict[int, list[Keyword]]) -> None:
    found = [(prefixes[p], word) for p, word in codes.free_keyword_candidates(text.raw.text) if p in prefixes]
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
    text.reading = read(
        text.raw.text,
        nanp=senders.is_nanp(sender),
        words=tuple(keyword.word for keyword in words.get(sender.id, ())),
        start_words=tuple(sender.opt_in_words),
    )
    if text.is_shared and text.reading.verdict is Verdict.NONE and codes.ends_in_stop(text.raw.text):
        text.reading = Reading(Verdict.OPT_OUT, "unknown free keyword", "STOP", everything=True)


def _wanted(text: _Text) -> list[Doing]:
    """The acts that ``text`` asks for. A bare START on a shared number asks for more than it is given."""
    if text.recipient is None or text.reading.verdict not in (Verdict.OPT_OUT, Verdict.OPT_IN):
        return []
    leaves = text.reading.verdict is Verdict.OPT_OUT
    if text.free:
        return [_doing(text, account.id, ALL_SENDERS, Source.FREE_KEYWORD) for account, _ in text.free]
    if text.is_shared:
        accounts = _named_accounts(text) if leaves else _left_through(text)
        return [_doing(text, account_id, ALL_SENDERS, Source.KEYWORD) for account_id in accounts]
    if text.sender is None or text.account_id is None:
        return []
    everything = leaves and (text.reading.everything or text.sender.account_level_opt_out)
    scope = ALL_SENDERS if everything else senders.consent_id(text.sender)
    return [_doing(text, text.account_id, scope, Source.KEYWORD)]


def _doing(text: _Text, account_id: int, sender_id: int, source: Source) -> Doing:
    cause = text.cause(source, text.reading.rule, text.reading.word)
    recipient = text.recipient or 0
    if text.reading.verdict is Verdict.OPT_OUT:
        at = opt_out_counts_from(text.raw.carrier_at, text.received_at)
        return Doing(Verb.OPT_OUT, account_id, recipient, sender_id, cause, at)
    at = start_counts_from(text.raw.carrier_at, text.received_at)
    level = text.sender is not None and text.sender.account_level_opt_out
    return Doing(Verb.START, account_id, recipient, sender_id, cause, at, account_level=level)


def _named_accounts(text: _Text) -> list[int]:
    """Whom a bare STOP to a shared number leaves: every account that ever named it to the person, or the only one."""
    named = Mention.objects.filter(sender=text.sender, recipient=text.recipient or 0).order_by("account_id")
    found = list(named.values_list("account_id", flat=True))
    if found:
        return found
    first_two = list(Account.objects.order_by("id").values_list("id", flat=True)[:2])
    return first_two if len(first_two) == 1 else []


def _left_through(text: _Text) -> list[int]:
    """The accounts that the person ever left through this shared number."""
    texts = Inbound.objects.filter(sender=text.sender, recipient=text.recipient, account=None)
    through = LedgerEntry.objects.filter(
        inbound_id__in=texts.values("id"), recipient=text.recipient or 0, act=Act.OPT_OUT, sender_id=ALL_SENDERS
    )
    return sorted(set(through.values_list("account_id", flat=True)))


def _confirmed(text: _Text) -> list[Doing]:
    """The acts to do, now that their people are locked: a bare START on a shared number lifts what was made through it."""
    doings = _wanted(text)
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


def _answer(text: _Text, words: dict[int, list[Keyword]], now: datetime) -> None:
    """Rule 6: at most one automatic answer, tied to this text."""
    sender = text.sender
    if sender is None or text.recipient is None:
        return
    if reply := _reply(text, sender, words):
        purpose = Purpose.WELCOME if text.reading.verdict is Verdict.OPT_IN else Purpose.ANSWER
        outbound.answer(text.id, sender, text.recipient, _address(text, text.recipient), reply, now, purpose)


def _address(text: _Text, recipient: int) -> str:
    """The form that the carrier gave, as +digits; the canonical one for a national number."""
    given = numbers.digits_of(text.raw.sender)
    return numbers.show(given if given is not None else recipient)


def _reply(text: _Text, sender: Sender, words: dict[int, list[Keyword]]) -> str:
    link, changed = sender.connection, any(outcome.changed for outcome in text.outcomes)
    match text.reading.verdict:
        case Verdict.OPT_OUT if not link.answers_stop:
            if text.is_shared:
                return _shared_answer(text)
            return _opt_out_reply(text, sender, words) if changed else ""
        case Verdict.OPT_IN if not link.answers_start:
            return "" if text.is_shared or text.free else sender.opt_in_reply
        case Verdict.HELP if not link.answers_help and not _helped_lately(text):
            if text.is_shared:
                return wording.SHARED_HELP
            name = sender.account.name if sender.account else ""
            return sender.help_reply or wording.help_answer(name)
    return ""


def _opt_out_reply(text: _Text, sender: Sender, words: dict[int, list[Keyword]]) -> str:
    if text.free:
        # Somebody else's free keyword on this account's number: its owner has nothing to say about it.
        return sender.reply_message if any(account.id == text.account_id for account, _ in text.free) else ""
    own = [keyword.reply for keyword in words.get(sender.id, ()) if keyword.word == text.reading.word]
    return next((reply for reply in own if reply), sender.reply_message)


def _shared_answer(text: _Text) -> str:
    """One answer for all accounts left; how to be more exact only for those who left none."""
    left = [doing.account_id for doing, outcome in zip(text.doings, text.outcomes, strict=True) if outcome.changed]
    if left:
        names = Account.objects.filter(id__in=left).order_by("name").values_list("name", flat=True)
        return wording.left_answer(list(names))
    return "" if text.doings else wording.SHARED_UNKNOWN


def _helped_lately(text: _Text) -> bool:
    """Whether this person got a help answer on this number within the hour, or another text just caused it."""
    return Message.objects.filter(
        account=text.sender.account if text.sender else None,
        recipient=text.recipient or 0,
        sender=text.sender,
        purpose=Purpose.ANSWER,
        inbound__verdict=Verdict.HELP,
        created_at__gt=text.received_at - HELP_AT_MOST_EVERY,
    ).exists()


def _result(text: _Text) -> Received:
    changed = any(outcome.changed for outcome in text.outcomes)
    reading = text.reading
    return Received(text.id, reading.verdict.value, reading.rule, reading.word, is_read=text.is_read, changed=changed)


# What staff read as an opt-out


def scope_of(sender: Sender) -> int:
    """The sender id that a STOP to ``sender`` opts out of: its own or its pool's, or all of the account."""
    return ALL_SENDERS if sender.account_level_opt_out else senders.consent_id(sender)


def opt_out(row: Inbound, *, actor: str) -> Outcome:
    """Opt out who sent ``row``, as a STOP in its place would have, with its text as evidence. Committed on return."""
    if row.sender is None or row.account_id is None or row.recipient is None:
        raise ValueError("This text did not come from a phone to a number of the account.")
    evidence = hashlib.sha256(f"{row.salt}{row.text}".encode()).hexdigest()
    cause = Cause(Source.CONSOLE, actor, through_id=row.sender.id, inbound_id=row.id, evidence=evidence)
    return consent.opt_out(row.account_id, scope_of(row.sender), row.recipient, cause)


# Reading again what could not be read


def read_unread(limit: int = 100) -> int:
    """Read the texts that could not be read when they came; how many were read now."""
    waiting = Inbound.objects.filter(read_at=None, failures__lt=READ_AT_MOST).order_by("id")
    done = 0
    for id_ in list(waiting.values_list("id", flat=True)[:limit]):
        with transaction.atomic(durable=True):
            row = Inbound.objects.select_for_update(skip_locked=True).filter(id=id_, read_at=None).first()
            if row is not None:
                done += _read_row(row).is_read
    return done


def _read_row(row: Inbound) -> Received:
    route = _routes({row.to_address}, row.received_at).get(row.to_address)
    sender = Sender.objects.select_related("account", "connection").get(id=row.sender_id) if row.sender_id else route
    raw = InboundText("", row.from_address, row.to_address, row.text, row.carrier_at)
    text = _Text(raw, row.connection, row.received_at, sender, row.recipient, row.key_id, row.id, row.salt)
    _read_and_act([text], row.received_at)
    return _result(text)
