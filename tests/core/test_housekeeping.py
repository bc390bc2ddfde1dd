"""What is forgotten, and what is kept."""

from __future__ import annotations

from datetime import timedelta

import people

from heed.core import database, housekeeping
from heed.core.models import Event, HelpAnswer


def test_events_go_when_nobody_can_be_told_of_them_any_more(world):
    now = database.now()
    ages = [housekeeping.EVENTS_KEPT + timedelta(hours=1)] * 3 + [housekeeping.EVENTS_KEPT - timedelta(hours=1)]
    kept = [Event.objects.create(account=world.account, kind="inbound", at=now - age).id for age in ages][-1]
    assert [housekeeping.forget_events(limit=2) for _ in range(3)] == [2, 1, 0]
    assert list(Event.objects.values_list("id", flat=True)) == [kept]


def test_who_was_answered_help_is_forgotten_when_they_may_be_answered_again(world):
    now = database.now()
    for phone, age in ((people.ANNA, timedelta(minutes=59)), (people.BEN, timedelta(minutes=61))):
        HelpAnswer.objects.create(sender_id=world.number.id, recipient=phone, at=now - age)
    housekeeping.forget_old()
    assert list(HelpAnswer.objects.values_list("recipient", flat=True)) == [people.ANNA]
