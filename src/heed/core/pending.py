"""What is on its way: by the small indexes of queued, waiting and sending messages, never through all that was sent.

The unary plus keeps the planner from the index of a campaign's messages, of which there may be a million.
"""

from __future__ import annotations

from typing import Any  # Columns of a row.

from django.db import connection, transaction
from django.db.models import QuerySet

from heed.core import database, events, outcomes
from heed.core.models import Campaign, Message
from heed.core.outcomes import Came
from heed.rules.states import MessageState

QUEUED = "state = 'queued' AND connection_id IN (SELECT id FROM core_connection) AND +campaign_id = %s"
HELD = "state = 'waiting' AND due_at IS NULL AND +campaign_id = %s"  # by a pause
TIMED = "state = 'waiting' AND due_at IS NOT NULL AND +campaign_id = %s"  # by a carrier that asked to wait
SENDING = "state = 'sending' AND +campaign_id = %s"
UNSETTLED = (MessageState.QUEUED, MessageState.WAITING, MessageState.SENDING)
CHUNK = 500


def in_state(found: QuerySet[Message], state: str) -> QuerySet[Message]:
    """Those of ``found`` in ``state``: of the settled ones by their index, of the others by the small ones.

    To have each message in an index by its state from the beginning would cost every claim a fifth of its time.
    """
    if state in UNSETTLED:
        return found.filter(id__in=Message.objects.filter(state=state).values("id"))
    return found.filter(state=state, settled_at__isnull=False)


def exists(campaign_id: int, *which: str) -> bool:
    with connection.cursor() as cursor:
        for condition in which:
            cursor.execute(f"SELECT 1 FROM core_message WHERE {condition} LIMIT 1", [campaign_id])  # noqa: S608
            if cursor.fetchone():
                return True
    return False


def move(campaign: Campaign, which: str, limit: int, **changes: Any) -> int:
    """Change the first ``limit`` of these, inside the caller's transaction; how many.

    Locked in order of id, as everybody does; what a claim took meanwhile no longer fits the condition.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM core_message WHERE {which} ORDER BY id LIMIT %s {database.for_update()}",  # noqa: S608
            [campaign.id, limit],
        )
        ids = [row[0] for row in cursor.fetchall()]
    count = Message.objects.filter(id__in=ids).update(**changes)
    if changes["state"] == MessageState.CANCELLED and campaign.sender_id:
        events.tell_cancelled(ids, database.now())
        whose = outcomes.Of(campaign.account_id, campaign.id, campaign.sender_id)
        outcomes.note({Came(whose, MessageState.CANCELLED): count}, database.now())
    return count


def move_all(campaign: Campaign, which: str, **changes: Any) -> int:
    """Change all of these, a chunk a transaction; how many. Where there are none nothing is locked."""
    total = 0
    while exists(campaign.id, which):
        with transaction.atomic(durable=True):
            total += move(campaign, which, CHUNK, **changes)
    return total
