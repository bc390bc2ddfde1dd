"""Feeders, dispatchers and staff on one campaign at once: nobody twice, nobody after a pause, nothing lost or miscounted."""

from __future__ import annotations

import random
import time

import pytest
from crowd import together
from people import World
from working import ready

from heed.core import campaigns, gate, handoff, leases, outcomes, reports, running
from heed.core.feeding import Feeder
from heed.core.handoff import Sent
from heed.core.models import Campaign, Message

PEOPLE = 400
ROWS = "phone\n" + "".join(f"07700900{number}\n" for number in range(500, 900))
FOR_S = 4.0


@pytest.fixture
def campaign(live_world: World, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    monkeypatch.setattr("heed.core.feeding.MOST_QUEUED", 20)
    made = ready(live_world, ROWS, text="Hello. Reply STOP to leave")
    running.start(live_world.account, made.id, actor="anna")
    return made


def feed(end: float) -> None:
    feeder = Feeder()
    while time.monotonic() < end:
        feeder.feed()


def dispatch(world: World, end: float, puts_back: float = 0) -> list[tuple[float, float, int]]:
    """Claim and hand off, or put back a share; when each claim began and ended, and whom it took."""
    token, taken = leases.take("dispatch"), []
    while time.monotonic() < end:
        leases.renew(token)
        began = time.monotonic()
        claimed = gate.claim(world.link.id, 5, token)
        taken += [(began, time.monotonic(), one.recipient) for one in claimed]
        if random.random() < puts_back:
            handoff.put_back([one.id for one in claimed], token)
        else:
            handoff.handed_off([Sent(one.id, "x", one.of) for one in claimed], token)
        outcomes.fold()
    return taken


def test_nobody_is_written_to_twice_and_nobody_while_it_is_paused(live_world: World, campaign: Campaign) -> None:
    account, pauses = live_world.account, []

    def pause_and_resume(end: float) -> None:
        while time.monotonic() < end:
            time.sleep(random.uniform(0, 0.3))
            try:
                running.pause(account, campaign.id, actor="anna")
            except campaigns.Refused:
                return  # Everyone has been written to before the time was up.
            paused_at = time.monotonic()
            time.sleep(random.uniform(0, 0.2))
            pauses.append((paused_at, time.monotonic()))
            running.resume(account, campaign.id, actor="anna")

    end = time.monotonic() + FOR_S
    _, _, taken, more, _ = together(
        lambda: feed(end), lambda: feed(end), lambda: dispatch(live_world, end), lambda: dispatch(live_world, end),
        lambda: pause_and_resume(end),
    )  # fmt: skip
    assert pauses
    feed(time.monotonic() + 0.5)
    dispatch(live_world, time.monotonic() + 0.5)
    recipients = list(Message.objects.filter(campaign=campaign).values_list("recipient", flat=True))
    assert len(recipients) == len(set(recipients))
    assert campaigns.required(account, campaign.id).fed == len(recipients)
    # A claim that began in a pause and ended after it may have looked when it was over.
    during = [
        one
        for began, ended, one in [*taken, *more]
        for paused_at, resumed_at in pauses
        if paused_at < began and ended < resumed_at
    ]
    assert during == []
    sent = Message.objects.filter(campaign=campaign, state="sent").count()
    assert reports.of_campaign(campaigns.required(account, campaign.id)).outcomes.sent == sent


def test_cancelled_in_the_middle_every_message_has_an_end(live_world: World, campaign: Campaign) -> None:
    def cancel(at: float) -> float:
        time.sleep(at)
        running.cancel(live_world.account, campaign.id, actor="anna")
        return time.monotonic()

    end = time.monotonic() + FOR_S / 2
    _, _, taken, cancelled_at = together(
        lambda: feed(end), lambda: feed(end), lambda: dispatch(live_world, end, 0.3), lambda: cancel(FOR_S / 6)
    )
    feed(time.monotonic() + 0.5)
    assert set(Message.objects.values_list("state", flat=True)) <= {"sent", "cancelled"}
    found = reports.of_campaign(campaigns.required(live_world.account, campaign.id))
    assert found.outcomes.settled + found.left_over == PEOPLE
    assert found.waiting == 0
    # What the dispatcher puts back can be claimed until the feeder looks again; nothing else can.
    assert len([one for began, _, one in taken if began > cancelled_at]) <= 5
