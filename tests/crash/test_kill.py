"""Kill -9 at any moment under load loses no acknowledged opt-out, and sends nothing twice."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from killing import PHONES, Installation, Load, until
from people import World

from heed.core import database, gate, outbound, replay, senders
from heed.core.models import Inbound, Lease, LedgerEntry, Message, SandboxDelivery
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.codes import public_id

STAYS = PHONES[-1] + 1  # a phone that nobody of the load has


@pytest.fixture
def site(live: dict[str, str], live_world: World, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(live, tmp_path / "log")
    yield installation
    installation.stop()


def test_kill_each_process_once(site: Installation, live_world: World) -> None:
    names = ["web", "dispatch", "work"]
    random.shuffle(names)
    _kill_under_load(site, live_world, names, hurry=True)


@pytest.mark.crash
@pytest.mark.parametrize("at", range(10))
def test_kill_any_process_many_times(site: Installation, live_world: World, at: int) -> None:
    """The same for longer, and with the time that a lease really takes to run out."""
    _kill_under_load(site, live_world, random.choices(["web", "below web", "dispatch", "work"], k=12), hurry=False)


def _kill_under_load(site: Installation, world: World, names: list[str], *, hurry: bool) -> None:
    senders.change(world.number, senders.Setting(reply_message="Bye."), actor="test")
    load = Load(site, world)
    load.begin()
    try:
        until(lambda: load.acknowledged and SandboxDelivery.objects.exists(), "the first text in and out")
        for name in names:
            time.sleep(random.uniform(0, 0.7))
            _kill(site, name)
        before = len(load.acknowledged), SandboxDelivery.objects.count()
        until(
            lambda: len(load.acknowledged) > before[0] and SandboxDelivery.objects.count() > before[1],
            "texts in and out again after the last kill",
        )
    finally:
        load.end()
    _let_the_dead_rest(site, hurry=hurry)
    _nothing_is_lost(load, world)
    _nothing_is_sent_twice(load)
    _what_the_dead_held_is_unconfirmed(site)
    _all_goes_on(site, world)


def _kill(site: Installation, name: str) -> None:
    if name == "below web":
        site.kill_below("web")
        return
    if name == "dispatch":  # while it has something in its hands
        until(lambda: Message.objects.filter(state="sending").exists(), "something is being sent")
    site.kill(name)


def _let_the_dead_rest(site: Installation, *, hurry: bool) -> None:
    if hurry:  # A lease lasts fifteen seconds; here they have just passed. (Those of last week are cleared away.)
        ids = [one.id for one in site.leases_of_the_dead()]
        Lease.objects.filter(id__in=ids).update(expires_at=database.now())
    pending = Message.objects.filter(state__in=["waiting", "queued", "sending"])
    until(lambda: not pending.exists(), "everything comes to its end")


def _nothing_is_lost(load: Load, world: World) -> None:
    assert load.acknowledged
    for sender in load.senders.values():
        left = {phone for phone, sender_id in load.acknowledged if sender_id == sender.id}
        assert left == gate.may_send(world.account.id, sender.id, left).keys()
    entries = set(LedgerEntry.objects.filter(act="opt_out").values_list("recipient", "sender_id"))
    assert load.acknowledged.keys() <= entries
    assert len(entries) == LedgerEntry.objects.count()  # nobody's text acted twice, though carriers called again
    assert not Inbound.objects.filter(read_at=None).exists()
    assert list(replay.verify()) == []


def _nothing_is_sent_twice(load: Load) -> None:
    delivered = Counter(SandboxDelivery.objects.values_list("reference", flat=True))
    assert [reference for reference, times in delivered.items() if times > 1] == []
    for message in Message.objects.all():
        is_delivered = public_id(settings.ID_KEY, "tid", message.id) in delivered
        assert message.state in ("sent", "suppressed", "unconfirmed", "expired")
        assert is_delivered or message.state != "sent"
        assert not is_delivered or message.state in ("sent", "unconfirmed")
        left_at = load.acknowledged.get((message.recipient, message.sender_id))
        if is_delivered and left_at and message.purpose == "message":
            assert message.claimed_at < left_at


def _what_the_dead_held_is_unconfirmed(site: Installation) -> None:
    dead = {one.id for one in site.leases_of_the_dead()}
    held = Message.objects.filter(state="unconfirmed")
    assert {one.claim for one in held} <= dead
    assert held.exists() or not dead


def _all_goes_on(site: Installation, world: World) -> None:
    def outbox() -> int:
        return SandboxDelivery.objects.filter(to=STAYS).count()

    def send() -> str:
        draft = Draft(STAYS, numbers.show(STAYS), "Hello!")
        return outbound.queue(world.number, [draft], door="test", actor="")[0].state

    assert send() == "queued"
    until(outbox, "a message leaves")
    text = {"id": "last", "from": numbers.show(STAYS), "to": world.number.address, "text": "STOP"}
    until(lambda: site.post(text) == 200, "a STOP is taken")
    assert send() == "suppressed"
    until(lambda: outbox() == 2, "the STOP is answered")
