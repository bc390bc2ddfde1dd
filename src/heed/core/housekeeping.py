"""What may be forgotten: old answers, old events, dead processes, used links. Never an entry or an inbound key."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session

from heed.core import database, long_texts
from heed.core.answers import HELP_AT_MOST_EVERY
from heed.core.models import Event, HelpAnswer, IdempotencyKey, Lease, LongText, SignInLink
from heed.core.outbound import ANSWERS_LAST

EVENTS_KEPT = timedelta(days=60)  # a delivery of one is tried for three days, and can be replayed for thirty after them


def forget_old() -> int:
    """Delete what has expired. Returns 0: there is never a reason to hurry on."""
    now = database.now()
    IdempotencyKey.objects.filter(created_at__lt=now - ANSWERS_LAST).delete()
    HelpAnswer.objects.filter(at__lt=now - HELP_AT_MOST_EVERY).delete()
    LongText.objects.filter(read_at__lt=now - long_texts.KEPT, last_at__lt=now - long_texts.KEPT).delete()
    Lease.objects.filter(expires_at__lt=now - timedelta(days=7)).delete()
    SignInLink.objects.filter(expires_at__lt=now - timedelta(days=7)).delete()
    Session.objects.filter(expire_date__lt=now).delete()
    return 0


def forget_events(limit: int = 2000) -> int:
    """Delete events that nobody can be told of any more, oldest first; how many. What they tell stays where it is."""
    before = database.now() - EVENTS_KEPT
    oldest = Event.objects.order_by("id").values_list("id", "at")[:limit]
    old = [id_ for id_, at in oldest if at < before]
    Event.objects.filter(id__in=old).delete()
    return len(old)
