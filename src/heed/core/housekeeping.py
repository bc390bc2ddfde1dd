"""What may be forgotten: answers to old requests, dead processes, used links. Never an entry or an inbound key."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session

from heed.core import database
from heed.core.models import IdempotencyKey, Lease, SignInLink
from heed.core.outbound import ANSWERS_LAST


def forget_old() -> int:
    """Delete what has expired. Returns 0: there is never a reason to hurry on."""
    now = database.now()
    IdempotencyKey.objects.filter(created_at__lt=now - ANSWERS_LAST).delete()
    Lease.objects.filter(expires_at__lt=now - timedelta(days=7)).delete()
    SignInLink.objects.filter(expires_at__lt=now - timedelta(days=7)).delete()
    Session.objects.filter(expire_date__lt=now).delete()
    return 0
