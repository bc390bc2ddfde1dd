"""Endpoints, and what is to be told to them: written with the event, told in order, kept, told again."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from people import ANNA, BEN, World

from heed.core import (
    consent,
    deliveries,
    events,
    gate,
    handoff,
    inbound,
    leases,
    outbound,
    queued,
    reviews,
    vault,
    webhooks,
)
from heed.core.consent import Cause, Doing, Verb
from heed.core.deliveries import Call, Result
from heed.core.events import Happened
from heed.core.models import Account, Audit, Callback, Delivery, DeliveryState, Endpoint, Event, Message, Review, Source
from heed.core.outbound import Draft
from heed.core.webhooks import KINDS, Refused, Setting
from heed.rules import numbers
from heed.rules.values import InboundText

URL = "https://shop.example/heed"


def endpoint(account: Account, *kinds: str, url: str = URL) -> Endpoint:
    return webhooks.create(account, url, kinds or list(KINDS), actor="test")[0]


def text(world: World, words: str, phone: int = ANNA) -> None:
    inbound.receive(world.link, [InboundText("", numbers.show(phone), world.number.address, words)])


def send(world: World, phone: int = ANNA, **more) -> int:
    draft = Draft(phone, numbers.show(phone), "Hello", **more)
    return outbound.queue(world.number, [draft], door="api", actor="test")[0].id


def token() -> int:
    return leases.take(leases.WEBHOOKS)


def claimed(endpoint: Endpoint, limit: int = 50, lease: int = 0) -> list[Call]:
    return deliveries.claim(endpoint.id, limit, lease or token())


def told(endpoint: Endpoint) -> list[dict]:
    """What an endpoint that answers is told, in order."""
    found, lease = [], token()
    while calls := claimed(endpoint, lease=lease):
        found += [json.loads(call.body) for call in calls]
        deliveries.settle([Result(call, timezone.now(), 5, 200) for call in calls], lease)
    return found


def wait(**time: float) -> None:
    """Let time pass, by moving everything that has a time back."""
    by = timedelta(**time)
    Delivery.objects.update(
        **{name: F(name) - by for name in ("due_at", "give_up_at", "created_at", "settled_at", "tried_at")}
    )
    Endpoint.objects.update(**{name: F(name) - by for name in ("retry_at", "failing_since", "paused_at")})


def fail(calls: list[Call], lease: int, **more) -> None:
    deliveries.settle([Result(call, timezone.now(), 5, **({"status": 500} | more)) for call in calls], lease)


# What is written


def test_without_an_endpoint_nothing_is_written(world: World) -> None:
    endpoint(world.other)
    text(world, "STOP")
    assert not Delivery.objects.exists()
    assert Event.objects.filter(kind="opt_out").count() == 1


def test_only_what_was_asked_for_is_told(world: World) -> None:
    mine, all_of_it = endpoint(world.account, "opt_out"), endpoint(world.account, url=URL + "2")
    text(world, "STOP")
    assert [one["type"] for one in told(mine)] == ["com.interact.messages.sms.opt.out"]
    assert [one["data"]["status"] for one in told(all_of_it)] == ["inbound", "opt_out"]


def test_it_commits_with_the_event_or_not_at_all(live_world: World) -> None:
    endpoint(live_world.account)
    with transaction.atomic():
        events.tell([Happened(live_world.account.id, "inbound", ANNA)], timezone.now())
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_many_events_at_once_each_have_their_row(world: World) -> None:
    mine = endpoint(world.account, "opt_out")
    happened = [Happened(world.account.id, "opt_out", ANNA + at) for at in range(1203)]
    events.tell([*happened, Happened(world.other.id, "opt_out", ANNA), Happened(None, "opt_out", BEN)], timezone.now())
    assert Delivery.objects.filter(endpoint=mine).count() == 1203
    assert Delivery.objects.values("event_id").distinct().count() == 1203


def test_one_that_is_switched_off_or_taken_away_is_told_nothing(world: World) -> None:
    off, gone = endpoint(world.account), endpoint(world.account)
    webhooks.change(off, Setting(is_enabled=False), actor="test")
    webhooks.remove(gone, actor="test")
    text(world, "STOP")
    assert not Delivery.objects.exists()
    webhooks.change(off, Setting(is_enabled=True), actor="test")
    text(world, "START")
    assert [one["data"]["status"] for one in told(off)] == ["inbound", "opt_in"]


# What it says


SOURCES = [
    (Source.KEYWORD, lambda world: text(world, "STOP"), "STOP", False),
    (Source.FREE_KEYWORD, lambda world: text(world, f"{world.account.free_prefix}STOP"), None, True),
    (Source.REQUEST, lambda world: text(world, "please stop texting me"), None, False),
    *[
        (source, lambda world, s=source: consent.opt_out(world.account.id, 0, ANNA, Cause(s, note="Why")), "", True)
        for source in (Source.WEB_FORM, Source.CONSOLE, Source.API, Source.COMMAND, Source.PROVIDER)
    ],
    (
        Source.IMPORT,
        lambda world: consent.act(Doing(Verb.IMPORT, world.account.id, ANNA, 0, Cause(Source.IMPORT))),
        "",
        True,
    ),
]


@pytest.mark.parametrize(("source", "leave", "message", "is_account"), SOURCES, ids=[str(one[0]) for one in SOURCES])
def test_an_opt_out_says_how_it_came(world: World, source, leave, message, is_account) -> None:
    mine = endpoint(world.account, "opt_out")
    leave(world)
    (event,) = told(mine)
    data = event.pop("data")
    assert event["specversion"] == "1.0"
    assert event["id"].startswith("evt_")
    assert event["source"].endswith("/accounts/acme")
    assert event["datacontenttype"] == "application/json"
    assert (data["status"], data["channel"], data["type"]) == ("opt_out", "sms", source.value)
    assert data["phone_number"] == "+447700900501"
    assert data["account_level_opt_out"] is is_account
    assert data["opt_out_time"].endswith("Z")
    if message is not None:
        assert data["message"] == message
    if data["message"]:
        assert data["inbound_number"] == "+447700900001"
        assert data["inbound_number_id"].startswith("num_")


def test_reviews_tell_of_their_deadline_and_what_becomes_of_it(world: World) -> None:
    mine = endpoint(world.account, "review_due", "opt_out")
    text(world, "not interested")
    text(world, "not interested", BEN)
    first = reviews.queue(world.account)[0]
    Review.objects.update(due_at=timezone.now() + timedelta(hours=1))
    reviews.warn()
    due = [one["data"] for one in told(mine) if one["type"] == "heed.messages.sms.review.due"]
    assert [(one["phone_number"], one["message"]) for one in due] == [
        ("+447700900501", "not interested"),
        ("+447700900502", "not interested"),
    ]
    assert all(one["review_id"].startswith("rev_") and one["due_at"] for one in due)
    reviews.decide(first, reviews.Decision.OPT_OUT, actor="test")
    Review.objects.update(due_at=timezone.now())
    reviews.expire()
    assert [one["data"]["type"] for one in told(mine)] == ["review", "deadline"]


def test_an_inbound_names_its_rule(world: World) -> None:
    mine = endpoint(world.account, "inbound")
    text(world, "STOP")
    text(world, "Hello there", BEN)
    first, second = (one["data"] for one in told(mine))
    assert first["rules"] == [{"rule": first["rules"][0]["rule"], "trigger_keyword": "STOP", "target_lists": []}]
    assert (second["message"], second["rules"]) == ("Hello there", [])


def test_a_message_is_followed_to_its_end(world: World) -> None:
    mine = endpoint(world.account, "submitted", "delivered", "failed", "suppressed")
    id_ = send(world, correlation_id="order-42")
    lease = leases.take(leases.DISPATCHER)
    (message,) = gate.claim(world.link.id, 10, lease)
    handoff.handed_off([handoff.Sent(id_, "p1", message.of)], lease)
    events.tell([Happened(world.account.id, "delivered", ANNA, id_)], timezone.now())
    text(world, "STOP", BEN)
    blocked = send(world, BEN)
    submitted, delivered, suppressed = sorted(told(mine), key=lambda one: (one["data"]["phone_number"], one["time"]))
    assert (submitted["data"]["status"], delivered["data"]["status"]) == ("submitted", "delivered")
    assert submitted["transaction_id"] == delivered["transaction_id"] != suppressed["transaction_id"]
    assert submitted["correlation_id"] == "order-42"
    assert submitted["type"] == suppressed["type"] == "com.interact.messages.sms.status"
    assert submitted["data"]["message_body"] == "Hello"
    assert submitted["data"]["from"] == "+447700900001"
    assert (suppressed["data"]["status"], suppressed["data"]["reason"]) == ("suppressed", "opted_out")
    assert Message.objects.get(id=blocked).state == "suppressed"


def test_what_may_have_been_sent_and_what_was_cancelled_is_told(world: World) -> None:
    mine = endpoint(world.account, "submitted", "failed")
    doubtful, lease = send(world), leases.take(leases.DISPATCHER)
    gate.claim(world.link.id, 10, lease)
    handoff.unconfirmed(doubtful, lease, words="The answer is missing.")
    lost = send(world, BEN)
    gate.claim(world.link.id, 10, lease)
    leases.end(lease)
    assert handoff.settle_stale() == 1
    assert queued.cancel(world.account.id, send(world))
    states = {one["transaction_id"]: one["data"]["status"] for one in told(mine)}
    assert list(states.values()).count("unconfirmed") == 2
    assert list(states.values()).count("cancelled") == 1
    assert Message.objects.get(id=lost).state == "unconfirmed"


def test_what_nobody_wants_of_sent_messages_is_not_written(world: World) -> None:
    endpoint(world.account, "opt_out")
    endpoint(world.other, "submitted")
    id_, lease = send(world), leases.take(leases.DISPATCHER)
    (message,) = gate.claim(world.link.id, 10, lease)
    handoff.handed_off([handoff.Sent(id_, "p1", message.of)], lease)
    assert not Event.objects.filter(kind="sent").exists()


def test_every_try_says_the_same(world: World) -> None:
    mine, lease = endpoint(world.account, "inbound"), token()
    text(world, "Hello")
    (first,) = claimed(mine, lease=lease)
    fail([first], lease)
    world.account.name = "Renamed"
    world.account.slug = "renamed"
    world.account.save()
    wait(minutes=1)
    (second,) = claimed(mine)
    assert (first.body, first.event_id) == (second.body, second.event_id)


# In order, and again


def test_one_person_is_told_of_in_order_and_the_others_meanwhile(world: World) -> None:
    mine, lease = endpoint(world.account, "opt_out", "opt_in"), token()
    text(world, "STOP")
    text(world, "START")
    text(world, "STOP", BEN)
    first = claimed(mine, lease=lease)
    assert [json.loads(one.body)["data"]["status"] for one in first] == ["opt_out", "opt_out"]
    assert claimed(mine) == []
    fail(first[:1], lease)
    deliveries.settle([Result(first[1], timezone.now(), 5, 204)], lease)
    Endpoint.objects.update(retry_at=None)
    assert claimed(mine) == []  # Anna's START waits for her STOP
    wait(minutes=1)
    assert [one["data"]["status"] for one in told(mine)] == ["opt_out", "opt_in"]


def test_the_wait_doubles_and_ends_after_three_days(world: World) -> None:
    mine = endpoint(world.account, "inbound")
    text(world, "Hello")
    lease, waits = token(), []
    for _ in range(200):
        Endpoint.objects.update(paused_at=None)
        fail(claimed(mine, lease=lease), lease)
        row = Delivery.objects.get()
        if row.state == DeliveryState.DEAD:
            break
        waits.append((row.due_at - timezone.now()).total_seconds())
        wait(seconds=waits[-1] + 0.01)
    assert 20 < row.tries < 60
    assert waits[0] < 7
    assert all(later > 1.2 * earlier for earlier, later in pairwise(waits[:10]))
    assert max(waits) <= 1.2 * 4 * 3600
    assert timedelta(days=2.5) < timezone.now() - row.created_at < timedelta(days=3)


def test_an_endpoint_that_asks_for_time_gets_it(world: World) -> None:
    mine, lease = endpoint(world.account, "inbound"), token()
    text(world, "Hello")
    fail(claimed(mine, lease=lease), lease, status=429, wait_s=600)
    assert Delivery.objects.get().due_at > timezone.now() + timedelta(minutes=9)
    assert deliveries.ready() == []
    assert Endpoint.objects.get().retry_at > timezone.now() + timedelta(minutes=9)


def test_one_that_fails_rests_and_is_tried_one_at_a_time(world: World) -> None:
    mine, lease = endpoint(world.account, "inbound"), token()
    for phone in range(ANNA, ANNA + 5):
        text(world, "Hello", phone)
    assert deliveries.ready() == [deliveries.Ready(mine.id, False)]
    fail(claimed(mine, 2, lease), lease)
    assert deliveries.ready() == []
    wait(seconds=2)
    assert deliveries.ready() == [deliveries.Ready(mine.id, True)]
    (call,) = claimed(mine, 1, lease)
    deliveries.settle([Result(call, timezone.now(), 5, 200)], lease)
    assert deliveries.ready() == [deliveries.Ready(mine.id, False)]


@pytest.mark.parametrize("days", [2.9, 3.1])
def test_after_three_days_of_failing_it_is_paused(world: World, days: float) -> None:
    mine = endpoint(world.account, "inbound")
    text(world, "Hello")
    lease = token()
    fail(claimed(mine, lease=lease), lease)
    wait(days=days)
    text(world, "Hello again", BEN)
    lease = token()
    fail(claimed(mine, lease=lease), lease)
    assert webhooks.paused(world.account).exists() == (days > 3)
    assert Audit.objects.filter(action="webhook.pause", account=world.account).count() == (days > 3)
    wait(hours=6)
    assert (deliveries.ready() == []) == (days > 3)
    webhooks.change(mine, Setting(is_enabled=True), actor="test")
    assert "Hello again" in [one["data"]["message"] for one in told(mine)]


def test_gone_pauses_at_once(world: World) -> None:
    mine, lease = endpoint(world.account, "inbound"), token()
    text(world, "Hello")
    fail(claimed(mine, lease=lease), lease, status=410)
    assert "410" in webhooks.paused(world.account).get().paused_reason


def test_what_waits_at_a_paused_endpoint_is_given_up_in_time_and_told_again_on_request(world: World) -> None:
    mine = endpoint(world.account, "inbound")
    Endpoint.objects.update(paused_at=timezone.now())
    for phone in (ANNA, BEN):
        text(world, "Hello", phone)
    assert deliveries.give_up() == 0
    wait(days=3, minutes=1)
    assert deliveries.give_up() == 2
    assert {row.state for row in Delivery.objects.all()} == {DeliveryState.DEAD}
    webhooks.change(mine, Setting(is_enabled=True), actor="test")
    assert deliveries.replay_dead(mine, actor="test") == 2
    assert deliveries.replay_dead(mine, actor="test") == 0
    assert len(told(mine)) == 2
    assert deliveries.replay(Delivery.objects.latest("id"), actor="test")
    assert not deliveries.replay(Delivery.objects.latest("id"), actor="test")
    assert len(told(mine)) == 1


def test_what_a_worker_left_behind_is_sent_by_another(world: World) -> None:
    mine, lease = endpoint(world.account, "inbound"), token()
    text(world, "Hello")
    (call,) = claimed(mine, lease=lease)
    assert deliveries.take_back() == 0
    leases.end(lease)
    assert deliveries.take_back() == 1
    other = token()
    (again,) = claimed(mine, lease=other)
    assert again.event_id == call.event_id
    fail([call], lease)  # the first one lives after all: it is no longer its
    assert Delivery.objects.get().state == DeliveryState.SENDING


def test_old_deliveries_are_forgotten(world: World) -> None:
    mine = endpoint(world.account, "inbound")
    text(world, "Hello")
    told(mine)
    text(world, "Waiting", BEN)
    wait(days=31)
    assert deliveries.forget_old() == 1
    assert Delivery.objects.get().state == DeliveryState.WAITING


def test_callbacks_are_forgotten_with_their_messages(world: World) -> None:
    young, old = send(world), send(world, BEN)
    webhooks.call_back(world.account, [young, old, old + 1], URL, "key")  # the last one's message is gone
    Message.objects.filter(id=old).update(created_at=timezone.now() - timedelta(days=31))
    deliveries.forget_old()
    assert Callback.objects.get().message_id == young


# Endpoints


@pytest.mark.parametrize(
    ("url", "kinds", "code"),
    [
        ("http://shop.example/", ["opt_out"], "not_https"),
        ("https://10.0.0.1/", ["opt_out"], "private"),
        (URL, ["nonsense"], "unknown_event"),
        (URL, [], "no_events"),
    ],
)
def test_what_cant_be_an_endpoint_is_refused(world: World, url: str, kinds: list[str], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        webhooks.create(world.account, url, kinds, actor="test")
    assert refusal.value.code == code
    assert not Endpoint.objects.exists()


def test_an_account_has_a_bounded_number(world: World) -> None:
    for _ in range(webhooks.MOST_ENDPOINTS):
        endpoint(world.account)
    with pytest.raises(Refused, match="at most"):
        endpoint(world.account)
    endpoint(world.other)


def test_the_secret_is_kept_encrypted_and_two_are_good_for_a_day(world: World) -> None:
    mine, first = webhooks.create(world.account, URL, ["inbound"], actor="test")
    assert first not in str(Endpoint.objects.values().get())
    mine, second = webhooks.rotate(mine, actor="test")
    now = timezone.now()
    assert webhooks.secrets_of(mine, now) == [second, first]
    assert webhooks.secrets_of(mine, now + timedelta(hours=25)) == [second]


def test_a_key_that_is_gone_keeps_the_delivery_and_says_so(world: World, settings) -> None:
    mine = endpoint(world.account, "inbound")
    text(world, "Hello")
    old = settings.FIELD_KEYS
    settings.FIELD_KEYS = ("ab" * 32,)
    (call,) = claimed(mine)
    assert "HEED_FIELD_KEYS" in call.problem
    settings.FIELD_KEYS = ("cd" * 32, *old)
    assert webhooks.secrets_of(mine, timezone.now())


def test_the_first_key_encrypts_and_all_decrypt(settings) -> None:
    settings.FIELD_KEYS = ("11" * 32,)
    kept = vault.encrypt("secret")
    settings.FIELD_KEYS = ("22" * 32, "11" * 32)
    assert vault.decrypt(kept) == "secret"
    assert vault.decrypt(vault.encrypt("other")) == "other"
    settings.FIELD_KEYS = ("22" * 32,)
    with pytest.raises(vault.Unreadable):
        vault.decrypt(kept)


def test_a_test_reaches_one_endpoint_alone(world: World) -> None:
    mine, other = endpoint(world.account), endpoint(world.account)
    deliveries.test(mine, actor="test")
    assert [one["type"] for one in told(mine)] == ["heed.webhook.test"]
    assert told(other) == []
