"""Receipts move messages forward, once, whatever order and how often they come in."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import people
import pytest

from heed.core import database, gate, handoff, leases, outbound, outcomes, receipts
from heed.core.handoff import Sent
from heed.core.models import Connection, Event, LedgerEntry, Message, MessagePart, ParkedReceipt
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.values import Receipt


def claimed(world, phone=people.ANNA):
    """A message that this process has claimed, and its token."""
    token = leases.take("test")
    outbound.queue(world.number, [Draft(phone, numbers.show(phone), "Hello!")], door="command", actor="test")
    [message] = gate.claim(world.link.id, 10, token)
    return message, token


def sent(world, provider_id="p1", phone=people.ANNA, **more):
    message, token = claimed(world, phone)
    handoff.handed_off([Sent(message.id, provider_id, message.of, connection_id=world.link.id, **more)], token)
    return message.id


def counted(world):
    found = Counter()
    for (outcome, _), count in outcomes.of_campaign(world.account.id, 0).items():
        found[outcome] += count
    return {outcome: count for outcome, count in found.items() if count}


def state(id_):
    return Message.objects.get(id=id_).state


@pytest.mark.parametrize(
    ("said", "end"),
    [
        (["sent"], "sent"),
        (["delivered"], "delivered"),
        (["undelivered"], "undelivered"),
        (["delivered", "sent"], "delivered"),
        (["delivered", "undelivered"], "delivered"),
        (["undelivered", "delivered"], "undelivered"),
        (["delivered", "delivered"], "delivered"),
        (["nonsense"], "sent"),
    ],
)
def test_it_moves_forward_never_back(live_world, said, end):
    id_ = sent(live_world)
    for one in said:
        receipts.apply(live_world.link, [Receipt("p1", "", one, "3")])
    assert state(id_) == end
    assert counted(live_world) == ({"sent": 1} if end == "sent" else {"sent": 1, end: 1})
    assert Event.objects.filter(kind=end, message_id=id_).count() == (end != "sent")


def test_one_call_may_tell_the_whole_story_of_a_message(live_world):
    id_ = sent(live_world)
    receipts.apply(live_world.link, [Receipt("p1", "", one) for one in ("sent", "delivered", "delivered")])
    assert state(id_) == "delivered"
    assert counted(live_world) == {"sent": 1, "delivered": 1}


def test_it_keeps_what_the_carrier_said(live_world):
    id_ = sent(live_world)
    receipts.apply(live_world.link, [Receipt("p1", "", "undelivered", "30003\0", "Unreachable")])
    message = Message.objects.get(id=id_)
    assert (message.code, message.words) == ("30003␀", "Unreachable")
    assert message.receipt_at is not None


@pytest.mark.parametrize("said", ["sent", "delivered", "undelivered"])
def test_what_was_unconfirmed_is_counted_as_sent_after_all(live_world, said):
    message, token = claimed(live_world)
    handoff.unconfirmed(message.id, token, words="No answer.")
    receipts.apply(live_world.link, [Receipt("p9", receipts.reference(message.id), said)])
    assert state(message.id) == said
    assert counted(live_world) == ({"sent": 1} if said == "sent" else {"sent": 1, said: 1})


def test_our_reference_counts_before_the_carriers_id(live_world):
    older, newer = sent(live_world, "p1"), sent(live_world, "p2", people.BEN)
    receipts.apply(live_world.link, [Receipt("p2", receipts.reference(older), "delivered")])
    assert (state(older), state(newer)) == ("delivered", "sent")


def test_of_those_with_the_same_id_the_newest_within_seven_days_is_meant(live_world):
    first, second = sent(live_world), sent(live_world, phone=people.BEN)
    receipts.apply(live_world.link, [Receipt("p1", "", "delivered")])
    assert (state(first), state(second)) == ("sent", "delivered")
    Message.objects.update(claimed_at=database.now() - timedelta(days=8))
    receipts.apply(live_world.link, [Receipt("p1", "", "undelivered")])
    assert (state(first), state(second)) == ("sent", "delivered")


def test_another_connection_reaches_no_message_of_this_one(live_world):
    id_ = sent(live_world)
    other = Connection.objects.create(kind="sandbox", name="Other", token="other")  # noqa: S106
    receipts.apply(other, [Receipt("p1", "", "delivered"), Receipt("", receipts.reference(id_), "delivered")])
    assert state(id_) == "sent"


@pytest.mark.parametrize("names", ["id", "reference"])
def test_one_that_overtakes_the_hand_off_is_taken_by_it(live_world, names):
    message, token = claimed(live_world)
    reference = receipts.reference(message.id)
    early = Receipt("p1", "", "delivered") if names == "id" else Receipt("", reference, "delivered")
    receipts.apply(live_world.link, [early, early])
    assert (state(message.id), ParkedReceipt.objects.count()) == ("sending", 1)
    handoff.handed_off([Sent(message.id, "p1", message.of)], token)
    assert (state(message.id), ParkedReceipt.objects.count()) == ("delivered", 0)
    assert counted(live_world) == {"sent": 1, "delivered": 1}


def test_the_worker_matches_what_was_parked_too_late_for_the_hand_off(live_world):
    receipts.apply(live_world.link, [Receipt("p1", "", "delivered"), Receipt("never", "", "delivered")])
    token = leases.take("test")
    outbound.queue(live_world.number, [Draft(people.ANNA, "+447700900501", "Hi")], door="command", actor="test")
    [message] = gate.claim(live_world.link.id, 10, token)
    Message.objects.filter(id=message.id).update(state="sent", provider_id="p1")
    assert receipts.match_parked() == 0  # not yet
    ParkedReceipt.objects.update(look_at=database.now())
    assert receipts.match_parked() == 1
    assert state(message.id) == "delivered"
    assert ParkedReceipt.objects.get().look_at > database.now()


def test_what_no_message_ever_comes_for_is_forgotten(live_world):
    receipts.apply(live_world.link, [Receipt("never", "", "delivered")])
    ParkedReceipt.objects.update(look_at=database.now(), received_at=database.now() - timedelta(days=8))
    receipts.match_parked()
    assert not ParkedReceipt.objects.exists()


def test_the_carriers_word_that_somebody_left_opts_out_and_suppresses(live_world):
    id_ = sent(live_world)
    gone = Receipt("p1", "", "undelivered", "21610", "Unsubscribed", opted_out=True)
    receipts.apply(live_world.link, [gone])
    receipts.apply(live_world.link, [gone])
    message = Message.objects.get(id=id_)
    assert (message.state, message.reason) == ("suppressed", "carrier")
    assert LedgerEntry.objects.get(source="provider").id == message.entry_id
    assert gate.may_send(live_world.account.id, live_world.number.id, [people.ANNA])
    assert not gate.may_send(live_world.account.id, live_world.second.id, [people.ANNA])
    assert counted(live_world) == {"suppressed": 1}


def test_a_text_in_parts_is_delivered_when_all_of_them_are(live_world):
    id_ = sent(live_world, "p1", part_ids=("p1", "p2", "p3"))
    receipts.apply(live_world.link, [Receipt("p3", "", "delivered"), Receipt("p1", "", "delivered")])
    assert state(id_) == "sent"
    receipts.apply(live_world.link, [Receipt("p2", "", "delivered")])
    assert state(id_) == "delivered"
    assert counted(live_world) == {"sent": 1, "delivered": 1}


def test_a_text_is_undelivered_when_any_part_of_it_is(live_world):
    id_ = sent(live_world, "p1", part_ids=("p1", "p2"))
    reference = receipts.reference(id_)
    receipts.apply(live_world.link, [Receipt("p2", reference, "undelivered"), Receipt("p1", reference, "delivered")])
    assert state(id_) == "undelivered"
    assert set(MessagePart.objects.values_list("state", flat=True)) == {"undelivered", "delivered"}
