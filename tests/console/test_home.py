"""Home: the steps of a newcomer, and how things stand today."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from people import ANNA, BEN, World, signed_in
from reading import said

from heed.core import causes, gate, handoff, inbound, outbound
from heed.core.handoff import Sent
from heed.core.models import Inbound, OptOutCause
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.values import InboundText


@pytest.fixture
def lived(world: World) -> World:
    """Anna and Ben were sent to, Anna left, and the next message to her was stopped."""
    send(world)
    for one in gate.claim(world.link.id, 10, 7):
        handoff.handed_off([Sent(one.id, "id", one.of)], 7)
    inbound.receive(world.link, [InboundText("1", numbers.show(ANNA), world.number.address, "STOP")])
    send(world)
    causes.attribute()
    return world


def send(world: World) -> None:
    drafts = [Draft(phone, numbers.show(phone), "Hello") for phone in (ANNA, BEN)]
    outbound.queue(world.number, drafts, door="test", actor="test")


def home(user) -> str:
    return said(signed_in(user).get("/"))


TODAY = "2 Messages sent today 1 Not sent: opted out or in review 1 Texts received today 1 People who left today"


def test_it_counts_what_happened_today(lived: World) -> None:
    assert TODAY in home(lived.owner)
    assert TODAY in home(lived.viewer)


def test_a_stranger_sees_nothing_of_it(lived: World) -> None:
    shown = home(lived.stranger)
    assert (
        "0 Messages sent today 0 Not sent: opted out or in review 0 Texts received today 0 People who left today"
        in shown
    )


def test_yesterday_is_not_today(lived: World) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    Inbound.objects.update(received_at=yesterday)
    OptOutCause.objects.update(at=yesterday)
    assert "0 Texts received today 0 People who left today" in home(lived.owner)


def test_it_asks_little(lived: World, django_assert_max_num_queries) -> None:
    client = signed_in(lived.owner)
    with django_assert_max_num_queries(20):
        client.get("/")
