"""What becomes of a claimed message, as the dispatcher reports it. By claim token, so that no other's message is touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F

from heed.core import consent, database, events, outcomes, receipts
from heed.core.events import Happened
from heed.core.models import Connection, Message
from heed.core.outcomes import Came, Of
from heed.rules import backoff, numbers
from heed.rules.states import MessageState
from heed.rules.texts import clean

KEPT_TRYING = timedelta(days=3)
STILL_OURS = (MessageState.SENDING, MessageState.UNCONFIRMED)


@dataclass(frozen=True, slots=True)
class Sent:
    """``of`` is whose outcome it is (gate.Claimed.of); None isn't counted.

    ``part_ids`` are the carrier's ids of its parts from ``first_part`` on, where it has more than one.
    """

    message_id: int
    provider_id: str
    of: Of | None = None
    part_ids: tuple[str, ...] = ()
    first_part: int = 1
    connection_id: int = 0


def _kept(raw: str, most: int = 300) -> str:
    """What a carrier said, as the table can keep it: one answer that it can't keep would hold up all the others."""
    return clean(raw)[:most]


def handed_off(sent: Sequence[Sent], token: int) -> None:
    """The carrier accepted these. Also settles one that was taken for unconfirmed in the meantime."""
    if not sent:
        return
    database.retried(lambda: _handed_off(sorted(sent, key=lambda one: one.message_id), token))


def _handed_off(sent: Sequence[Sent], token: int) -> None:
    mark = """UPDATE core_message SET state = 'sent', settled_at = %s,
        provider_id = CASE WHEN parts_sent = 0 THEN {} ELSE core_message.provider_id END {} claim = %s {}"""
    still_ours = "AND state IN ('sending', 'unconfirmed')"
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        now = database.now()
        moment = database.to_column(now)
        if database.is_postgresql():  # One statement for all: five times as fast there as one for each.
            database.look_up_one_by_one()
            given = (
                "FROM unnest(%s::bigint[], %s::text[]) AS given(id, provider_id) WHERE core_message.id = given.id AND"
            )
            ids, provider_ids = [one.message_id for one in sent], [_kept(one.provider_id, 128) for one in sent]
            cursor.execute(mark.format("given.provider_id", given, still_ours), [moment, ids, provider_ids, token])
        else:
            rows = [(moment, _kept(one.provider_id, 128), one.message_id, token) for one in sent]
            cursor.executemany(mark.format("%s", "WHERE id = %s AND", still_ours), rows)
        if cursor.rowcount != len(sent):  # some were settled by others meanwhile
            mine = Message.objects.filter(id__in=[one.message_id for one in sent], state=MessageState.SENT)
            ours = set(mine.filter(claim=token, settled_at=now).values_list("id", flat=True))
            sent = [one for one in sent if one.message_id in ours]
        outcomes.note([Came(one.of, MessageState.SENT) for one in sent if one.of], now)
        events.tell_sent([one.message_id for one in sent if one.of], now)
        provider_ids = [_kept(id_, 128) for one in sent for id_ in (one.provider_id, *one.part_ids)]
        for one in sent:
            if one.part_ids:
                ids_of_parts = [_kept(id_, 128) for id_ in one.part_ids]
                receipts.keep_parts(one.message_id, one.connection_id, one.first_part, ids_of_parts)
        receipts.take_parked([one.message_id for one in sent], provider_ids, now)


def parts_accepted(message_id: int, token: int, connection_id: int, first: int, provider_ids: Sequence[str]) -> None:
    """The carrier took the parts from ``first`` on; what becomes of the rest is said next. Only they are tried again."""
    ids = [_kept(id_, 128) for id_ in provider_ids]
    with transaction.atomic(durable=True):
        mine = Message.objects.filter(id=message_id, claim=token, state__in=STILL_OURS)
        if mine.update(parts_sent=first - 1 + len(ids)):
            mine.filter(provider_id="").update(provider_id=ids[0])
            receipts.keep_parts(message_id, connection_id, first, ids)


def failed(message_id: int, token: int, *, code: str, words: str) -> None:
    """The carrier will never take it."""
    _settle(message_id, token, MessageState.FAILED, code=_kept(code, 40), words=_kept(words))


def unconfirmed(message_id: int, token: int, *, words: str) -> None:
    """It may have been sent. A receipt or a person settles it; it is never sent again by itself."""
    _settle(message_id, token, MessageState.UNCONFIRMED, words=_kept(words))


def _settle(message_id: int, token: int, state: MessageState, **values: str) -> None:
    with transaction.atomic(durable=True):
        now = database.now()
        mine = Message.objects.filter(id=message_id, claim=token, state=MessageState.SENDING)
        if mine.update(state=state, settled_at=now, **values):
            message = Message.objects.get(id=message_id)
            events.tell([Happened(message.account_id, state.value, message.recipient, message_id)], now)
            _count(message, state, now)


def _count(message: Message, outcome: MessageState, now: datetime) -> None:
    if whose := outcomes.of(message.account_id, message.campaign_id, message.sender_id, message.purpose):
        reason = outcomes.reason_of(message.code, message.words) if outcome is MessageState.FAILED else message.reason
        outcomes.note([Came(whose, outcome, reason)], now)


def wait(message_id: int, token: int, *, seconds: float | None = None, words: str = "") -> None:
    """Surely not sent: try again in ``seconds``, or after a delay that doubles. An answer goes back at once or expires."""
    with transaction.atomic(durable=True):
        now = database.now()
        message = (
            Message.objects.select_for_update().filter(id=message_id, claim=token, state=MessageState.SENDING).first()
        )
        if message is None:
            return
        limit = message.expires_at or message.created_at + KEPT_TRYING
        due_at = now + timedelta(seconds=backoff.delay_s(message.tries) if seconds is None else seconds)
        if due_at >= limit:
            Message.objects.filter(id=message_id).update(
                state=MessageState.EXPIRED, claim=0, settled_at=now, words=_kept(words)
            )
            events.tell([Happened(message.account_id, "expired", message.recipient, message_id)], now)
            _count(message, MessageState.EXPIRED, now)
        else:
            Message.objects.filter(id=message_id).update(
                state=MessageState.WAITING, claim=0, due_at=due_at, words=_kept(words)
            )


def carrier_says_opted_out(message_id: int, token: int, *, words: str) -> None:
    """The carrier's own word: the message is suppressed, and the person opted out as by a STOP to its sender.

    Also when the message was taken for unconfirmed in the meantime: the word is no less true.
    """

    def verb() -> None:
        with transaction.atomic(durable=True):
            message = (
                Message.objects.select_related("sender")
                .filter(id=message_id, claim=token, state__in=STILL_OURS)
                .first()
            )
            if message is None:
                return
            entry_id = None
            if message.account_id is not None:
                entry_id = consent.record([receipts.opting_out(message, _kept(words, 500))])[0].entry_id
            receipts.suppress(message, entry_id, _kept(words), database.now())

    database.retried(verb)


def put_back(message_ids: Iterable[int], token: int) -> int:
    """Return to the queue what this process claimed and has not begun to hand off; how many. By claim token alone."""
    with transaction.atomic(durable=True):
        mine = Message.objects.filter(id__in=sorted(message_ids), claim=token, state=MessageState.SENDING)
        return mine.update(state=MessageState.QUEUED, claim=0, tries=F("tries") - 1)


def settle_stale(limit: int = 1000) -> int:
    """Mark as unconfirmed the messages whose process's lease has expired; how many."""

    def verb() -> int:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            now = database.now()
            moment = database.to_column(now)
            cursor.execute(
                # Materialized: a sub-select that PostgreSQL looks at again would lock and take more than the limit.
                f"""WITH stale AS MATERIALIZED (SELECT m.id FROM core_message m LEFT JOIN core_lease l ON l.id = m.claim
                    WHERE m.state = 'sending' AND (l.id IS NULL OR l.expires_at <= %s)
                    ORDER BY m.id LIMIT %s {database.for_update("FOR UPDATE OF m SKIP LOCKED")})
                UPDATE core_message SET state = 'unconfirmed', settled_at = %s,
                    words = 'The process that was sending it ended.'
                WHERE id IN (SELECT id FROM stale) AND state = 'sending'
                RETURNING id, account_id, recipient, campaign_id, sender_id, purpose""",  # noqa: S608
                [moment, limit, moment],
            )
            rows = cursor.fetchall()
            events.tell([Happened(row[1], "unconfirmed", row[2], row[0]) for row in sorted(rows)], now)
            counted = [outcomes.of(row[1], *row[3:]) for row in rows]
            outcomes.note([Came(whose, MessageState.UNCONFIRMED) for whose in counted if whose], now)
            return len(rows)

    return database.retried(verb) if Message.objects.filter(state=MessageState.SENDING).exists() else 0


def stop_connection(connection_id: int, message_id: int, token: int, *, words: str) -> None:
    """The carrier refuses our credentials or set-up: nothing more is claimed for it until staff start it again.

    The message was surely not sent; it waits with the others.
    """
    with transaction.atomic(durable=True):
        now = database.now()
        Connection.objects.filter(id=connection_id, stopped_at=None).update(stopped_at=now, stopped_reason=_kept(words))
        Message.objects.filter(id=message_id, claim=token, state=MessageState.SENDING).update(
            state=MessageState.QUEUED, claim=0, words=_kept(words)
        )


def may_be_handed(kind: str, address: str) -> bool:
    """Whether a connection of ``kind`` may be given ``address``: numbers reserved for fiction are the sandbox's alone."""
    return kind == "sandbox" or not numbers.is_fictional(int(address.lstrip("+")))
