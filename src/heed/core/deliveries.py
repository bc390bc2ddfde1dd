"""What is to be told to endpoints, and what became of it: claimed under a lease, tried for three days, kept for thirty.

Deliveries to one endpoint about one recipient go out in the order of their events: the next waits for the one before.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any  # Values of columns.

from django.db import transaction
from django.db.models import Q, QuerySet

from heed.core import audit, cloud_events, database, events, smpp_words, status_callbacks, vault, webhooks
from heed.core.models import (
    Account,
    Callback,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointStyle,
    Event,
    Lease,
    Message,
)
from heed.rules import backoff
from heed.rules.texts import clean

FIRST_WAIT_S, LONGEST_WAIT_S = 5, 4 * 3600  # of one delivery: about thirty tries in three days
LONGEST_REST_S = 60  # of an endpoint that fails
PAUSED_AFTER = timedelta(days=3)
KEPT_FOR = timedelta(days=30)
MOST_RESPONSE = 2000  # characters of an answer that are kept
CHUNK = 500
GONE = 410  # Standard Webhooks: never call again


@dataclass(frozen=True, slots=True)
class Ready:
    """An endpoint with something to do. ``is_failing``: one at a time, until one succeeds."""

    endpoint_id: int
    is_failing: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One delivery, ready to be made. Its ``secrets`` sign it; ``problem`` says why it can't be."""

    id: int
    endpoint_id: int
    style: str
    url: str
    event_id: str
    body: str
    secrets: tuple[str, ...]
    tries: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a call: the status and the answer, or the ``problem`` that there was none."""

    call: Call
    at: datetime
    took_ms: int
    status: int | None = None
    response: str = ""
    problem: str = ""
    wait_s: float = 0  # as the endpoint asked
    is_accepted: bool = False  # by SMPP, which has other statuses
    is_final: bool = False  # it is refused for good

    @property
    def is_delivered(self) -> bool:
        return self.is_accepted or (self.status is not None and 200 <= self.status < 300)


# The worker's side


def ready(endpoint_ids: Sequence[int] | None = None) -> list[Ready]:
    """The endpoints that have something due, and may be told now: of those given, else all that are called by HTTP."""
    moment = database.to_column(database.now())
    which = f"e.id {database.among_numbers()}" if endpoint_ids is not None else "e.style <> 'smpp'"
    rows = database.run(
        f"""SELECT e.id, e.failures FROM core_endpoint e
        WHERE {which} AND e.is_enabled AND e.paused_at IS NULL AND e.removed_at IS NULL
        AND (e.retry_at IS NULL OR e.retry_at <= %s)
        AND EXISTS (SELECT 1 FROM core_delivery d WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.due_at <= %s)
        ORDER BY e.id""",  # noqa: S608 (our own text)
        [*([database.numbers_value(endpoint_ids)] if endpoint_ids is not None else []), moment, moment],
    )
    return [Ready(id_, failures > 0) for id_, failures in rows]


def claim(endpoint_id: int, limit: int, token: int) -> list[Call]:
    """Take up to ``limit`` due deliveries of one endpoint under the lease ``token``, at most one of each recipient."""

    def verb() -> list[Any]:
        with transaction.atomic(durable=True):
            moment = database.to_column(database.now())
            return database.run(
                f"""WITH picked AS MATERIALIZED (
                    SELECT d.id FROM core_delivery d
                    WHERE d.endpoint_id = %s AND d.state = 'waiting' AND d.due_at <= %s AND NOT EXISTS (
                        SELECT 1 FROM core_delivery b WHERE b.endpoint_id = d.endpoint_id AND b.lane = d.lane
                        AND b.id < d.id AND b.state IN ('waiting', 'sending'))
                    ORDER BY d.due_at, d.id LIMIT %s {database.for_update("FOR UPDATE OF d SKIP LOCKED")})
                UPDATE core_delivery SET state = 'sending', claim = %s FROM picked
                WHERE core_delivery.id = picked.id AND state = 'waiting' RETURNING core_delivery.id""",  # noqa: S608 (our own text)
                [endpoint_id, moment, limit, token],
            )

    return calls(sorted(row[0] for row in database.retried(verb)))


def calls(ids: Sequence[int]) -> list[Call]:
    """The calls of deliveries that were claimed, in order; what they say is written down before it is first said."""
    rows = list(Delivery.objects.filter(id__in=ids).select_related("endpoint").order_by("id"))
    found = Event.objects.in_bulk({row.event_id for row in rows})
    sources = cloud_events.Sources.of([found[row.event_id] for row in rows if not row.body and row.event_id in found])
    new: list[Delivery] = []
    made = []
    now = database.now()
    for row in rows:
        event, problem = found.get(row.event_id), ""
        if not row.body and event is not None:
            row.body = _body(row, event, sources)
            new.append(row)
        if not row.body:
            problem = "The event was forgotten before it could be told."
        secrets: list[str] = []
        try:
            if row.endpoint.style != EndpointStyle.SMPP:
                secrets = webhooks.secrets_of(row.endpoint, now)
        except vault.Unreadable as error:
            problem = str(error)
        id_ = cloud_events.public_event_id(row.event_id)
        url, endpoint = row.url or row.endpoint.url, row.endpoint
        made.append(Call(row.id, endpoint.id, endpoint.style, url, id_, row.body, tuple(secrets), row.tries, problem))
    if new:
        with transaction.atomic(durable=True):
            Delivery.objects.bulk_update(new, ["body"])
    return made


def _body(row: Delivery, event: Event, sources: cloud_events.Sources) -> str:
    if row.endpoint.style == EndpointStyle.CALLBACK:
        return status_callbacks.body(event, sources.messages.get(event.message_id or 0))
    if row.endpoint.style == EndpointStyle.SMPP:
        return smpp_words.body(event, sources)
    return json.dumps(cloud_events.envelope(event, sources), ensure_ascii=False, separators=(",", ":"))


def settle(results: Sequence[Result], token: int) -> None:
    """Write down what became of calls, and what it says about their endpoints. By claim, so that no other's is touched."""
    if results:
        database.retried(lambda: _settle(sorted(results, key=lambda one: one.call.id), token))


def _settle(results: Sequence[Result], token: int) -> None:
    with transaction.atomic(durable=True):
        now = database.now()
        ids = [one.call.id for one in results]
        rows = Delivery.objects.select_for_update().filter(id__in=ids, claim=token, state=DeliveryState.SENDING)
        mine = rows.order_by("id").in_bulk()
        for one in results:
            if one.call.id in mine:
                _write(mine[one.call.id], one, now)
        names = "state tries due_at claim tried_at settled_at status response problem took_ms".split()
        Delivery.objects.bulk_update(mine.values(), names)
        for endpoint_id in sorted({one.call.endpoint_id for one in results}):
            _judge(endpoint_id, [one for one in results if one.call.endpoint_id == endpoint_id], now)


def _write(row: Delivery, one: Result, now: datetime) -> None:
    row.tries += 1
    row.claim, row.tried_at, row.took_ms = 0, one.at, one.took_ms
    row.status, row.response, row.problem = one.status, clean(one.response)[:MOST_RESPONSE], clean(one.problem)[:300]
    wait_s = backoff.delay_s(row.tries, first_s=FIRST_WAIT_S, most_s=LONGEST_WAIT_S) * random.uniform(0.8, 1.2)  # noqa: S311
    row.due_at = now + timedelta(seconds=max(wait_s, one.wait_s))
    if one.is_delivered:
        row.state, row.settled_at = DeliveryState.DELIVERED, now
    elif one.is_final or row.due_at >= row.give_up_at:
        row.state, row.settled_at = DeliveryState.DEAD, now
    else:
        row.state = DeliveryState.WAITING


def _judge(endpoint_id: int, results: Sequence[Result], now: datetime) -> None:
    """An endpoint that fails is given a rest that doubles, and is paused when it has failed for three days."""
    mine = Endpoint.objects.filter(id=endpoint_id)
    if any(one.is_delivered or one.is_final for one in results):
        mine.filter(failures__gt=0).update(failures=0, failing_since=None, retry_at=None)
        return
    endpoint = mine.select_for_update().get()
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    rest_s = backoff.delay_s(endpoint.failures, first_s=0.5, most_s=LONGEST_REST_S)
    endpoint.retry_at = now + timedelta(seconds=max(rest_s, *(one.wait_s for one in results)))
    if any(one.status == GONE for one in results):
        _pause(endpoint, "It answered 410 Gone: it wants no more events.", now)
    elif endpoint.failing_since <= now - PAUSED_AFTER and endpoint.style != EndpointStyle.SMPP:
        _pause(endpoint, f"Nothing has reached it for three days. {_words(results[-1])}", now)
    endpoint.save(update_fields=["failures", "failing_since", "retry_at", "paused_at", "paused_reason"])


def _words(one: Result) -> str:
    return clean(one.problem)[:200] or f"Its last answer was {one.status}."


def _pause(endpoint: Endpoint, reason: str, now: datetime) -> None:
    if endpoint.paused_at is None and endpoint.is_enabled:
        endpoint.paused_at, endpoint.paused_reason = now, reason[:300]
        audit.note(endpoint.account_id, "Heed", "webhook.pause", endpoint.url, reason=reason)


def put_back(ids: Sequence[int], token: int) -> None:
    """Give back what was claimed and not begun, because this worker ends."""
    mine = Delivery.objects.filter(id__in=ids, claim=token, state=DeliveryState.SENDING)
    mine.update(state=DeliveryState.WAITING, claim=0)


# The worker's duties


def take_back(limit: int = CHUNK) -> int:
    """Have what a worker that ended was sending sent again: a receiver knows it by its id."""
    with transaction.atomic(durable=True):
        alive = Lease.objects.filter(expires_at__gt=database.now()).values("id")
        lost = Delivery.objects.filter(state=DeliveryState.SENDING).exclude(claim__in=alive).order_by("id")
        if not lost.exists():
            return 0
        ids = list(lost.select_for_update(skip_locked=True).values_list("id", flat=True)[:limit])
        return Delivery.objects.filter(id__in=ids).update(state=DeliveryState.WAITING, claim=0)


def give_up(limit: int = CHUNK) -> int:
    """Give up what has waited for its three days, behind others or at a paused endpoint; how many."""
    now = database.now()
    late = Delivery.objects.filter(state=DeliveryState.WAITING, give_up_at__lte=now).order_by("give_up_at")
    if not late.exists():
        return 0
    with transaction.atomic(durable=True):
        ids = list(late.select_for_update(skip_locked=True).values_list("id", flat=True)[:limit])
        return Delivery.objects.filter(id__in=ids).update(state=DeliveryState.DEAD, settled_at=now)


def forget_old(limit: int = 2000) -> int:
    """Delete deliveries that were settled a month ago, and callbacks of messages as old; how many."""
    before = database.now() - KEPT_FOR
    oldest = list(Delivery.objects.order_by("id").values_list("id", "settled_at")[:limit])
    old = [id_ for id_, settled_at in oldest if settled_at and settled_at < before]
    called = list(Callback.objects.order_by("message_id").values_list("message_id", flat=True)[:limit])
    young = set(Message.objects.filter(id__in=called, created_at__gte=before).values_list("id", flat=True))
    with transaction.atomic(durable=True):
        Delivery.objects.filter(id__in=old).delete()
        Callback.objects.filter(message_id__in=[id_ for id_ in called if id_ not in young]).delete()
    return len(old)


# What staff see and do


def log(endpoint: Endpoint, state: str = "", before: int | None = None) -> QuerySet[Delivery]:
    """The endpoint's deliveries, newest first; those in one state, or before one."""
    found = Delivery.objects.filter(account_id=endpoint.account_id, endpoint=endpoint).order_by("-id")
    if state:
        found = found.filter(state=state)
    return found.filter(id__lt=before) if before else found


def find(account: Account, delivery_id: int) -> Delivery | None:
    mine = Delivery.objects.filter(account_id=account.id, id=delivery_id, endpoint__removed_at=None)
    return mine.select_related("endpoint").first()


def test(endpoint: Endpoint, *, actor: str) -> Delivery:
    """Have the endpoint told of nothing: whether it is reached, and how it answers."""
    with transaction.atomic(durable=True):
        now = database.now()
        event = Event.objects.create(account_id=endpoint.account_id, kind="test", at=now)
        audit.note(endpoint.account_id, actor, "webhook.test", endpoint.url)
        return Delivery.objects.create(
            account_id=endpoint.account_id,
            endpoint=endpoint,
            event_id=event.id,
            lane=-event.id,
            state=DeliveryState.WAITING,
            tries=0,
            due_at=now,
            give_up_at=now + events.TRIED_FOR,
            claim=0,
            created_at=now,
        )


SETTLED = Q(state__in=[DeliveryState.DELIVERED, DeliveryState.DEAD])


def replay(delivery: Delivery, *, actor: str) -> bool:
    """Tell it again, for three days from now; whether it was settled, so that there is something to do again."""
    with transaction.atomic(durable=True):
        done = _again(Delivery.objects.filter(SETTLED, id=delivery.id))
        if done:
            audit.note(delivery.account_id, actor, "webhook.replay", delivery.endpoint.url, deliveries=1)
    return bool(done)


def replay_dead(endpoint: Endpoint, *, actor: str) -> int:
    """Tell again everything that was given up; how many. A chunk at a time, oldest first."""
    count = 0
    last = Delivery.objects.filter(endpoint=endpoint).order_by("-id").values_list("id", flat=True).first() or 0
    dead = Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.DEAD, id__lte=last)
    while ids := list(dead.order_by("id").values_list("id", flat=True)[:CHUNK]):
        with transaction.atomic(durable=True):
            count += _again(dead.filter(id__in=ids))
    if count:
        audit.note(endpoint.account_id, actor, "webhook.replay", endpoint.url, deliveries=count)
    return count


def _again(which: QuerySet[Delivery]) -> int:
    now = database.now()
    return which.update(
        state=DeliveryState.WAITING, tries=0, due_at=now, give_up_at=now + events.TRIED_FOR, settled_at=None
    )
