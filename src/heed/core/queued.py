"""What becomes of a message after it was queued, but for its hand-off: moved when it is due, taken back, erased."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from heed.core import audit, database, events, outcomes
from heed.core.models import Message
from heed.core.outcomes import Came
from heed.rules.states import CampaignState, MessageState


def move_due(limit: int = 500) -> int:
    """Move waiting messages that are due into the queue; how many. A held campaign's are held or cancelled with it."""
    now = database.now()
    due = Message.objects.filter(state=MessageState.WAITING, due_at__lte=now)
    if not due.exists():
        return 0
    with transaction.atomic(durable=True):
        rows = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at")
        found = list(rows.values_list("id", "campaign__state")[:limit])
        paused = [id_ for id_, state in found if state == CampaignState.PAUSED]
        cancelled = [id_ for id_, state in found if state == CampaignState.CANCELLED]
        others = [id_ for id_, _ in found if id_ not in {*paused, *cancelled}]
        Message.objects.filter(id__in=paused).update(due_at=None)
        _cancel(Message.objects.filter(id__in=cancelled), now)
        Message.objects.filter(id__in=others).update(state=MessageState.QUEUED, due_at=None)
    return len(found)


def cancel(account_id: int, message_id: int) -> bool:
    """Whether the message was still waiting or queued; it is cancelled now."""
    pending = Message.objects.filter(
        account_id=account_id, id=message_id, state__in=[MessageState.WAITING, MessageState.QUEUED]
    )
    with transaction.atomic(durable=True):
        return bool(_cancel(pending, database.now()))


def delete(account_id: int, message_id: int, *, actor: str) -> bool:
    """Whether the message had come to its end; it is gone now, though counted, and its opt-outs stay."""
    with transaction.atomic(durable=True):
        done, _ = _ended(account_id, message_id).delete()
        if done:
            audit.note(account_id, actor, "message.delete", str(message_id))
    return bool(done)


def redact(account_id: int, message_id: int) -> bool:
    """Whether the message had come to its end; its text is gone now."""
    return bool(_ended(account_id, message_id).update(text=""))


def _ended(account_id: int, message_id: int) -> QuerySet[Message]:
    open_ = (MessageState.WAITING, MessageState.QUEUED, MessageState.SENDING, MessageState.UNCONFIRMED)
    return Message.objects.filter(account_id=account_id, id=message_id).exclude(state__in=open_)


def _cancel(messages: QuerySet[Message], now: datetime) -> int:
    """Cancel and count ``messages``, inside the caller's transaction; how many."""
    rows = messages.select_for_update().order_by("id")
    found = list(rows.values_list("account_id", "campaign_id", "sender_id", "purpose", "id"))
    whose = [row[:4] for row in found]
    count = messages.update(state=MessageState.CANCELLED, due_at=None, settled_at=now)
    events.tell_cancelled([row[4] for row in found], now)
    came = [outcomes.of(*one) for one in whose[:count]]
    outcomes.note([Came(one, MessageState.CANCELLED) for one in came if one], now)
    return count
