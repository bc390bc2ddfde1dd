"""Kill -9 while a campaign is read, queued and sent: everybody gets it once, and every count is exact."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from killing import Installation, until
from people import World
from working import plan, upload

from heed.core import audience, campaigns, database, reports, running, senders, uploads
from heed.core.audience import Counts
from heed.core.models import Job, Lease, Message, SandboxDelivery
from heed.rules.states import CampaignState

PEOPLE = [f"+1{area}55501{line:02}" for area in range(201, 299) for line in range(6)]
ROWS = "phone,name\n" + "".join(f"{phone},P{at}\n" for at, phone in enumerate(PEOPLE)) + "nobody,x\n" * 30
TEXT = "Hi ${name}. Reply STOP to leave"


@pytest.fixture
def site(live: str, live_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("HEED_THREADS", "2")
    installation = Installation(live, tmp_path / "log")
    yield installation
    installation.stop()


def kill(site: Installation, name: str) -> None:
    site.kill(name)
    dead = [one.id for one in site.leases_of_the_dead()]
    Lease.objects.filter(id__in=dead).update(expires_at=database.now())  # rather than wait for it


def at_a_rate(world: World, rate: int) -> None:
    senders.change(world.number, senders.Setting(rate=rate), actor="test")


def test_kill_the_worker_and_the_dispatcher(site: Installation, live_world: World) -> None:
    account = live_world.account
    campaign = campaigns.create(account, plan(live_world, text=TEXT), actor="anna")
    file = upload(account, ROWS)
    job = audience.from_upload(account, campaign.id, file, uploads.mapping_of(file), actor="anna")
    until(lambda: Job.objects.get(id=job.id).state != "waiting", "the worker reads")
    kill(site, "work")
    until(lambda: campaigns.required(account, campaign.id).state == CampaignState.READY, "the campaign is counted")
    found = audience.counts(campaigns.required(account, campaign.id))
    size = len(PEOPLE)
    assert found == Counts(to_send=size, rows=size + 30, invalid=30, parts=size, longest=1)

    at_a_rate(live_world, 30)  # so that there is something left to send at each kill
    running.start(account, campaign.id, actor="anna", expect=size)
    for name in random.sample(["work", "dispatch", "work"], 3):
        before = SandboxDelivery.objects.count()
        until(lambda before=before: SandboxDelivery.objects.count() > before, "texts arrive")
        time.sleep(random.uniform(0, 0.3))
        kill(site, name)
    assert Message.objects.filter(campaign=campaign).count() < size  # the last kill came before the end, too
    at_a_rate(live_world, 0)
    until(lambda: campaigns.required(account, campaign.id).state == CampaignState.FINISHED, "the campaign ends")
    assert Message.objects.filter(campaign=campaign).count() == size
    assert max(Counter(SandboxDelivery.objects.values_list("to", flat=True)).values()) == 1
    outcomes = reports.of_campaign(campaigns.required(account, campaign.id)).outcomes
    states = Counter(Message.objects.filter(campaign=campaign).values_list("state", flat=True))
    assert (outcomes.sent, outcomes.unconfirmed) == (states["sent"], states["unconfirmed"])
    assert outcomes.settled == size
