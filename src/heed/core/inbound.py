"""Texts from phones: store, read, act, answer; one transaction for a batch.

A text is never lost: if acting on one raises, its row alone commits unread, and the worker reads it again.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import OperationalError, transaction
from django.db.models import F

from heed.core import answers, consent, database, events, long_texts, reviews, senders, verdicts
from heed.core.consent import Cause, Doing, Outcome
from heed.core.events import Happened
from heed.core.models import Connection, Decision, Inbound, InboundKey, Sender, SenderKind, Source
from heed.core.senders import Word
from heed.core.verdicts import Text
from heed.rules import numbers, requests
from heed.rules.texts import clean
from heed.rules.values import InboundText
from heed.rules.verdicts import NOTHING, Verdict

log = logging.getLogger(__name__)

MOST_TEXT = 5000  # characters; a text of ten parts has 1,530
READ_AT_MOST = 10  # tries to read one text before it waits for a new version


TakeIn = Callable[[list[Text], datetime], None]


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


WAITS = Received(0, Verdict.NONE, "", "")  # a part of a long text: it is read with the others


def receive(link: Connection, batch: Sequence[InboundText]) -> list[Received]:
    """Store ``batch``, act on it and answer; committed durably on return. One result for each text, in order.

    A text that the carrier delivered before changes nothing, but for one that has not been read yet. An id that comes
    back with another text is no replay: some carriers count from zero again.
    """
    return receive_all([(link, text) for text in batch])


def receive_all(batch: Sequence[tuple[Connection, InboundText]]) -> list[Received]:
    """The same, of several connections."""
    cleaned = [(link, _cleaned(text)) for link, text in batch]
    requests.prepare()  # The first time it takes a moment, and nobody shall wait for the database meanwhile.
    try:
        return database.retried(lambda: _received(cleaned, _take_in))
    except OperationalError:
        raise  # The database, not a text: nothing has committed, and the carrier tries again.
    except Exception:
        # One of them can't be read or acted on. It must keep no other from acting.
        return database.retried(lambda: _received(cleaned, _take_in_one_by_one))


def _cleaned(text: InboundText) -> InboundText:
    return replace(
        text,
        provider_id=clean(text.provider_id)[:128],
        sender=clean(text.sender).strip()[:40],
        to=clean(text.to).strip()[:40],
        text=clean(text.text)[:MOST_TEXT]
        if text.part is None
        else text.text[:MOST_TEXT],  # half a character may end it
    )


def _received(batch: Sequence[tuple[Connection, InboundText]], take_in: TakeIn) -> list[Received]:
    with transaction.atomic(durable=True):
        if not any(text.part for _, text in batch):
            return _receive(batch, take_in)
        joined = long_texts.join(batch, database.now())
        results = _receive([(link, _cleaned(text)) for _, link, text in joined], take_in)
        of_places = {place: result for (place, _, _), result in zip(joined, results, strict=True)}
        return [of_places.get(place, WAITS) for place in range(len(batch))]


def _receive(batch: Sequence[tuple[Connection, InboundText]], take_in: TakeIn) -> list[Received]:
    now = database.now()
    keys = _new_keys(batch, now)
    routes = _routes({text.to for _, text in batch}, now)
    results: dict[int, Received] = {}
    texts: dict[int, Text] = {}
    repeated: list[int] = []
    for at, (link, raw) in enumerate(batch):
        if raw.provider_id and (link.id, raw.provider_id) not in keys:
            repeated.append(at)
            continue
        texts[at] = _text(link, raw, routes, now, keys.pop((link.id, raw.provider_id), None))
    take_in(list(texts.values()), now)
    for at in repeated:
        if again := _again(batch[at]):
            results[at] = again
    others = {at: _text(*batch[at], routes, now) for at in repeated if at not in results}
    take_in(list(others.values()), now)
    for at, text in (texts | others).items():
        results[at] = _result(text)
    return [results[at] for at in range(len(batch))]


def _text(
    link: Connection, raw: InboundText, routes: Mapping[str, Sender], now: datetime, key_id: int | None = None
) -> Text:
    sender = _reached(routes.get(raw.to) or _in_national_form(raw.to, link), link)
    return Text(raw, link, now, sender, _person(raw.sender, sender), key_id)


def _reached(sender: Sender | None, link: Connection) -> Sender | None:
    """``sender`` if a carrier of ``link`` may speak for it: one account's connection reaches no other's numbers."""
    is_others = sender is not None and link.account_id is not None and sender.account_id != link.account_id
    return None if is_others else sender


def _person(raw: str, sender: Sender | None) -> int | None:
    """Who sent it; a number in national form is read in the country of the number that it came to."""
    found = numbers.originator(raw, sender.country if sender else None)
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


def _again(item: tuple[Connection, InboundText]) -> Received | None:
    """A replay: what the first delivery gave; an unread row is read, not dropped. None for another text under its id."""
    link, raw = item
    row = Inbound.objects.filter(key__connection=link, key__provider_id=raw.provider_id).first()
    if row is None:  # The text was erased; the key is kept.
        return Received(0, Verdict.NONE, "", "", is_duplicate=True)
    if (row.from_address, row.text) != (raw.sender, raw.text):
        return None
    if row.read_at is None:
        return replace(_read_row(row), is_duplicate=True)
    return Received(row.id, row.verdict, row.rule, row.word, is_duplicate=True)


def _routes(addresses: set[str], now: datetime) -> dict[str, Sender]:
    """The sender that each address reaches: the one in use, else the one most recently released."""
    forms = {address: _route_keys(address) for address in addresses}
    found: dict[str, Sender] = {}
    wanted = {key for keys in forms.values() for key in keys}
    which = f"key {database.among_words()} AND kind <> %s"
    rows = database.instances(Sender, which, [database.words_value(wanted), SenderKind.NAME.value])
    for sender in sorted(rows, key=lambda one: (one.closed_at is not None, -(one.closed_at or now).timestamp())):
        found.setdefault(sender.key, sender)
    return {address: found[key] for address, keys in forms.items() for key in keys if key in found}


def _in_national_form(address: str, link: Connection) -> Sender | None:
    """The number of ``link`` that ``address`` names as it is dialled in its own country, if it is just one."""
    if not address.startswith("0") or numbers.digits_of(address) is not None:
        return None
    mine = Sender.objects.filter(connection=link).exclude(kind=SenderKind.NAME)
    keys = set()
    for country in mine.exclude(country="").values_list("country", flat=True).distinct():
        with contextlib.suppress(numbers.BadNumber):
            keys.add(numbers.show(numbers.parse(address, country)))
    found = list(mine.filter(key__in=keys).order_by(F("closed_at").desc(nulls_first=True)))
    return found[0] if len({one.key for one in found}) == 1 else None


def _route_keys(address: str) -> tuple[str, ...]:
    number = numbers.originator(address)
    return (address.casefold(),) if number is None else (numbers.show(number), address.casefold())


def _take_in(texts: list[Text], now: datetime) -> None:
    """Read all, then write all: two writes of each row, or a savepoint for each text, would be one too many."""
    if texts:
        words = _read(texts, now)
        _store(texts, read_at=now)
        _act(texts, words, now, _arrivals(texts))


def _take_in_one_by_one(texts: list[Text], now: datetime) -> None:
    """Store each, then try to read it: what can't be read stays, unread."""
    for text in texts:
        _store([text], read_at=None)
        events.tell(_arrivals([text]), now)
        _read_stored(text, now)


def _read_stored(text: Text, now: datetime) -> None:
    """Read and act on one text whose row is there. If that raises, the row stays unread."""
    try:
        with transaction.atomic():
            words = _read([text], now)
            _act([text], words, now)
            reading = text.reading
            Inbound.objects.filter(id=text.id).update(
                verdict=reading.verdict, rule=reading.rule, word=reading.word[:80], read_at=now
            )
    except OperationalError:
        raise
    except Exception:
        log.exception("Inbound %s could not be read; it will be tried again.", text.id)
        text.reading, text.is_read = NOTHING, False
        Inbound.objects.filter(id=text.id).update(failures=F("failures") + 1)


def _read(texts: Sequence[Text], now: datetime) -> dict[int, list[Word]]:
    """Give each text its verdict; returns the keywords of their senders."""
    prefixes = verdicts.prefixes(texts)
    words = verdicts.words({text.sender.id for text in texts if text.sender}, now)
    for text in texts:
        verdicts.read(text, prefixes, words)
    return words


_COLUMNS = (
    "account_id connection_id key_id sender_id from_address to_address recipient text salt verdict rule word "
    "carrier_at carrier_read received_at read_at failures"
).split()


def _store(texts: Sequence[Text], *, read_at: datetime | None) -> None:
    """Write the rows, with their verdicts if they have been read."""
    column = database.to_column
    received_at, read = column(texts[0].received_at), column(read_at)
    rows = [
        (
            text.account_id, text.link.id, text.key_id, text.sender.id if text.sender else None, text.raw.sender,
            text.raw.to, text.recipient, text.raw.text, text.salt,
            *((text.reading.verdict.value, text.reading.rule, text.reading.word[:80]) if read_at else ("", "", "")),
            column(text.raw.carrier_at), text.raw.carrier_read, received_at, read, 0,
        )
        for text in texts
    ]  # fmt: skip
    ids = sorted(row[0] for row in database.insert("core_inbound", _COLUMNS, rows, "RETURNING id"))
    for text, id_ in zip(texts, ids, strict=True):
        text.id = id_


def _arrivals(texts: Sequence[Text]) -> list[Happened]:
    return [Happened(text.account_id, "inbound", text.recipient, inbound_id=text.id) for text in texts]


def _act(texts: Sequence[Text], words: dict[int, list[Word]], now: datetime, before: Sequence[Happened] = ()) -> None:
    """Do what the texts ask for, and answer them. ``before`` is told before what they do."""
    consent.lock((doing.account_id, doing.recipient) for text in texts for doing in verdicts.wanted(text))
    for text in texts:
        text.doings, text.outcomes = _confirmed(text), []
    outcomes = iter(consent.record_locked([doing for text in texts for doing in text.doings], now, before))
    for text in texts:
        text.outcomes = [next(outcomes) for _ in text.doings]
        answers.give(text, words, now)
    reviews.open_for(texts, now)


def _confirmed(text: Text) -> list[Doing]:
    """What to do of what ``text`` asks for, now that its people are locked."""
    doings = verdicts.confirmed(text)
    return reviews.unanswered(text, doings) if doings and text.reading.verdict is Verdict.REVIEW else doings


def _result(text: Text) -> Received:
    changed = any(outcome.changed for outcome in text.outcomes)
    reading = text.reading
    return Received(text.id, reading.verdict.value, reading.rule, reading.word, is_read=text.is_read, changed=changed)


# What staff read as an opt-out


def opt_out(row: Inbound, *, actor: str) -> Outcome:
    """Opt out who sent ``row``, as a STOP in its place would have, with its text as evidence. Committed on return.

    Where the text waits for a person to decide, this is the decision.
    """
    if row.sender is None or row.account_id is None or row.recipient is None:
        raise ValueError("This text did not come from a phone to a number of the account.")
    with contextlib.suppress(reviews.Decided):
        if decided := reviews.decide_open(row, row.account_id, Decision.OPT_OUT, actor=actor):
            return decided
    evidence = verdicts.evidence_of(row.salt, row.text)
    cause = Cause(Source.CONSOLE, actor, through_id=row.sender.id, inbound_id=row.id, evidence=evidence)
    return consent.opt_out(row.account_id, senders.scope_of(row.sender), row.recipient, cause)


# Long texts, and reading again what could not be read


def read_overdue(limit: int = 100) -> int:
    """Read what has arrived of long texts whose other parts are overdue; how many."""
    with transaction.atomic(durable=True):
        waiting = long_texts.overdue(limit, database.now())
        if waiting:
            _receive([(link, _cleaned(text)) for link, text in waiting], _take_in_one_by_one)
    return len(waiting)


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
    routes = _routes({row.to_address}, row.received_at)
    route = routes.get(row.to_address) or _in_national_form(row.to_address, row.connection)
    sender = Sender.objects.get(id=row.sender_id) if row.sender_id else route
    raw = InboundText("", row.from_address, row.to_address, row.text, row.carrier_at, row.carrier_read)
    text = Text(raw, row.connection, row.received_at, sender, row.recipient, row.key_id, row.id, row.salt)
    _read_stored(text, row.received_at)
    return _result(text)
