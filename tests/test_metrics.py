"""Figures for a monitor: of the whole installation, for whoever has the token."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any  # Django's settings in tests

import pytest
from django.test import Client
from people import ANNA, BEN, FIRST_NUMBER, World

from heed import config
from heed.core import causes, database, inbound, leases, outbound, outcomes, webhooks
from heed.core.gauges import Gauge
from heed.core.models import LedgerEntry, Review
from heed.core.outbound import Draft
from heed.metrics import exposition
from heed.rules import numbers
from heed.rules.values import InboundText

TOKEN = "a token that nobody guesses".replace(" ", "-")
LINE = re.compile(r'heed_\w+(\{\w+="[^"\n]*"(,\w+="[^"\n]*")*\})? -?[0-9.e+-]+')


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def said(client: Client, given: str = TOKEN) -> dict[str, float]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {given}"})
    assert answer.status_code == 200
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@pytest.mark.parametrize("given", ["", "wrong", TOKEN[:-1], "é"])
def test_nobody_without_the_token(db: None, client: Client, given: str) -> None:
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": f"Bearer {given}"}).status_code == 401


def test_without_a_token_set_there_is_no_page(db: None, client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_a_short_token_stops_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_METRICS_TOKEN", "short")
    with pytest.raises(config.Unusable, match="HEED_METRICS_TOKEN: must have at least 16"):
        config.read()


def test_an_idle_installation(world: World, client: Client) -> None:
    found = said(client)
    assert found['heed_queue_messages{state="queued"}'] == found["heed_queue_oldest_seconds"] == 0
    assert found["heed_reviews_open"] == found["heed_webhook_waiting"] == found["heed_inbound_unread"] == 0
    assert "heed_review_deadline_seconds" not in found
    assert found['heed_process_up{role="dispatch"}'] == 0
    assert found[f'heed_connection_up{{connection="{world.link.id}",kind="sandbox"}}'] == 1


def test_what_happened(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    webhooks.create(world.account, "https://shop.example/heed", ["opt_out"], actor="test")
    receive(world, "STOP", ANNA)
    receive(world, "not interested", BEN)
    receive(world, "hello", BEN)
    outbound.queue(world.second, [Draft(BEN, numbers.show(BEN), "Hi")], door="test", actor="")
    outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Hi")], door="test", actor="")
    outcomes.fold()
    causes.attribute()
    world.link.stopped_at = database.now()
    world.link.save()
    at = database.now() + timedelta(seconds=30)
    monkeypatch.setattr(database, "now", lambda: at)
    leases.take(leases.DISPATCHER)
    found = said(client)
    assert found['heed_inbound_last_day{verdict="opt_out"}'] == found['heed_inbound_last_day{verdict="none"}'] == 1
    assert found['heed_opt_outs_last_day{source="keyword"}'] == 1
    assert found['heed_messages_last_day{outcome="suppressed"}'] == 1
    assert found['heed_queue_messages{state="queued"}'] == 1
    assert 30 <= found["heed_queue_oldest_seconds"] < 90
    assert found["heed_reviews_open"] == 1
    assert 30 <= found["heed_review_oldest_seconds"] < 90
    assert 4 * 86400 < found["heed_review_deadline_seconds"] < 8 * 86400
    assert found["heed_webhook_waiting"] == 1
    assert 30 <= found["heed_webhook_oldest_seconds"] < 90
    assert found["heed_ledger_newest_entry"] == LedgerEntry.objects.latest("id").id
    assert found[f'heed_connection_up{{connection="{world.link.id}",kind="sandbox"}}'] == 0
    assert found['heed_process_up{role="dispatch"}'] == 1


def test_a_deadline_that_has_passed_is_below_zero(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(world, "not interested", BEN)
    at = Review.objects.get().due_at + timedelta(seconds=60)
    monkeypatch.setattr(database, "now", lambda: at)
    assert said(client)["heed_review_deadline_seconds"] == -60


def test_labels_can_hold_anything_and_numbers_are_whole() -> None:
    found = exposition([Gauge("x", "An x.", [({"of": 'a"b\\c\nd'}, 12345678)])])
    assert found.splitlines()[-1] == 'heed_x{of="a\\"b\\\\c\\nd"} 12345678'


def receive(world: World, words: str, sender: int) -> None:
    inbound.receive(world.link, [InboundText("", numbers.show(sender), numbers.show(FIRST_NUMBER), words)])
