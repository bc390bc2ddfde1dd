"""What comes back to ESMEs: receipts of what they submitted, and texts from phones, once and in order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from esme import Esme, add, submit, until
from people import ANNA, BEN

from heed.core import consent, deliveries, esmes, gate, handoff, inbound, leases, receipts, smpp_words
from heed.core.consent import Cause
from heed.core.handoff import Sent
from heed.core.models import Consent, Delivery, Endpoint, Message, Source
from heed.providers.smpp.pdu import BindReceiver, BindTransmitter, CancelSm, Tag
from heed.providers.smpp.texts import decode, part_of
from heed.rules import numbers
from heed.rules.values import InboundText, Receipt


def text(world, words: str, sender: int = ANNA, id_: str = "") -> None:
    inbound.receive(world.link, [InboundText(id_, numbers.show(sender), world.number.address, words)])


def hand_off(world, said: str = "delivered") -> None:
    """The carrier takes what is queued, and says later what became of it."""
    token = leases.take("test")
    claimed = gate.claim(world.link.id, 100, token)
    handoff.handed_off([Sent(one.id, f"id{one.id}", one.of) for one in claimed], token)
    receipts.apply(world.link, [Receipt(f"id{one.id}", "", said, "27") for one in claimed])


def states() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


@pytest.mark.parametrize(
    ("said", "state", "word"), [("delivered", 2, b"stat:DELIVRD"), ("undelivered", 5, b"stat:UNDELIV")]
)
def test_a_receipt_comes_back(bound, smpp_world, said, state, word):
    id_ = bound.ask(submit(b"Sale today, and more", registered_delivery=1)).body.message_id
    hand_off(smpp_world, said)
    (unit,) = bound.wait_for(1)
    body = unit.body
    assert (body.source, body.source_ton, body.destination, body.destination_ton) == (
        "447700900501", 1, "447700900001", 1
    )  # fmt: skip
    assert body.esm_class == 4
    assert body.tlv(Tag.RECEIPTED_MESSAGE_ID) == id_.encode() + b"\0"
    assert body.tlv(Tag.MESSAGE_STATE) == bytes([state])
    assert body.short_message.startswith(f"id:{id_} sub:001 dlvrd:00{int(state == 2)} submit date:".encode())
    assert word in body.short_message
    assert body.short_message.endswith(b" err:027 text:Sale today, and more")
    until(lambda: states() == ["delivered"])


@pytest.mark.parametrize(
    ("registered", "said", "count"),
    [(0, "delivered", 0), (0, "undelivered", 0), (2, "delivered", 0), (2, "undelivered", 1), (0x11, "delivered", 1)],
)
def test_only_the_receipts_that_are_wanted_are_kept(bound, smpp_world, registered, said, count):
    assert bound.ask(submit(registered_delivery=registered)).status == 0
    hand_off(smpp_world, said)
    assert Delivery.objects.count() == count


def test_a_stop_before_it_leaves_is_told_by_a_receipt(bound, smpp_world):
    assert bound.ask(submit(registered_delivery=1)).status == 0
    consent.opt_out(smpp_world.account.id, smpp_world.number.id, ANNA, Cause(Source.API, "test"))
    assert b"stat:REJECTD" in bound.wait_for(1)[0].body.short_message


def test_a_message_that_is_cancelled_is_told_by_a_receipt(bound):
    id_ = bound.ask(submit(registered_delivery=1, scheduled_at="000000010000000R")).body.message_id
    assert bound.ask(CancelSm(message_id=id_)).status == 0
    assert b"stat:DELETED" in bound.wait_for(1)[0].body.short_message


def test_a_refusal_of_0_is_told_by_a_receipt(front, smpp_world):
    password = add(smpp_world.account, "other", refusal=0)
    consent.opt_out(smpp_world.account.id, smpp_world.number.id, ANNA, Cause(Source.API, "test"))
    with Esme(front) as one:
        answer = one.bind(password, "other").ask(submit(registered_delivery=1))
        body = one.wait_for(1)[0].body
    assert answer.status == 0
    assert body.tlv(Tag.RECEIPTED_MESSAGE_ID) == answer.body.message_id.encode() + b"\0"
    assert body.tlv(Tag.MESSAGE_STATE) == bytes([smpp_words.REJECTED])


def test_a_text_comes_back_and_a_stop_is_obeyed_whatever_the_program_does(bound, smpp_world):
    text(smpp_world, "stop")
    body = bound.wait_for(1)[0].body
    assert (body.source, body.destination, body.short_message, body.esm_class) == (
        "447700900501", "447700900001", b"stop", 0
    )  # fmt: skip
    assert Consent.objects.get(sender_id=smpp_world.number.id).state == "out"
    assert bound.ask(submit()).status == 0x0B


@pytest.mark.parametrize("words", ["€5 for {you}", "Привет 😀", "long " * 60, "длинный " * 30])
def test_any_text_is_whole_again(bound, smpp_world, words):
    text(smpp_world, words.strip())
    pieces = []
    while sum(len(one) for one in pieces) < len(words.strip()):
        body = bound.wait_for(len(pieces) + 1)[-1].body
        _, octets, fill = part_of(body.esm_class, body.short_message, body.tlvs)
        pieces.append(decode(octets, body.data_coding, fill=fill))
    assert "".join(pieces) == words.strip()


def test_what_came_while_nobody_was_bound_waits_and_comes_in_order(front, password, smpp_world):
    for number in range(5):
        text(smpp_world, f"text {number}", id_=f"i{number}")
    with Esme(front) as one, Esme(front) as two:
        one.bind(password, kind=BindTransmitter)
        two.bind(password, kind=BindReceiver)
        came = [unit.body.short_message for unit in two.wait_for(5)]
        assert not one.given
    assert came == [f"text {number}".encode() for number in range(5)]
    until(lambda: states() == ["delivered"] * 5)


def test_a_strangers_texts_and_receipts_are_not_told(bound, smpp_world):
    inbound.receive(smpp_world.link, [InboundText("", numbers.show(BEN), smpp_world.other_number.address, "hello")])
    text(smpp_world, "mine")
    assert [unit.body.short_message for unit in bound.wait_for(1)] == [b"mine"]
    assert Delivery.objects.count() == 1


def test_a_program_that_wants_no_texts_gets_none(password, smpp_world):
    add(smpp_world.account, "other", takes_inbound=False)
    text(smpp_world, "hello")
    assert [row.endpoint.url for row in Delivery.objects.select_related("endpoint")] == ["smpp:shop"]


@pytest.mark.parametrize(("status", "state"), [(0x64, "waiting"), (0x14, "waiting"), (0x65, "dead"), (0x03, "dead")])
def test_a_refusal_is_tried_again_or_final(front, password, smpp_world, status, state):
    with Esme(front) as one:
        one.answers_deliveries = status
        one.bind(password)
        text(smpp_world, "hello")
        one.wait_for(1)
        until(lambda: Delivery.objects.get().tries == 1)
    row = Delivery.objects.get()
    assert row.state == state
    assert row.problem.startswith(f"It answered 0x{status:08X}")


def test_what_was_not_answered_comes_again(front, password, smpp_world):
    with Esme(front) as one:
        one.answers_deliveries = None
        one.bind(password)
        text(smpp_world, "hello")
        one.wait_for(1)
    until(lambda: Delivery.objects.get().tries == 1)
    assert states() == ["waiting"]
    Delivery.objects.update(due_at=Delivery.objects.get().created_at)
    with Esme(front) as two:
        assert two.bind(password).wait_for(1)[0].body.short_message == b"hello"
    until(lambda: states() == ["delivered"])


def test_what_waits_too_long_is_given_up_and_no_endpoint_pauses(front, password, smpp_world):
    text(smpp_world, "hello")
    Endpoint.objects.update(failures=9)
    Delivery.objects.update(give_up_at=Delivery.objects.get().created_at - timedelta(seconds=1))
    assert deliveries.give_up() == 1
    with Esme(front) as one:
        one.bind(password)
    assert states() == ["dead"]
    assert Endpoint.objects.get().failures == 0


def test_what_is_gone_is_not_told(front, password, smpp_world):
    with Esme(front) as one:
        one.bind(password, kind=BindTransmitter)
        one.ask(submit(registered_delivery=1))
    hand_off(smpp_world)
    Message.objects.all().delete()
    with Esme(front) as one:
        one.bind(password)
        until(lambda: states() == ["dead"])


def test_removing_one_tells_nobody(front, password, smpp_world):
    text(smpp_world, "hello")
    esmes.remove(esmes.of(smpp_world.account)[0], actor="test")
    text(smpp_world, "again", id_="2")
    assert Delivery.objects.count() == 1
    assert not deliveries.ready(list(Endpoint.objects.values_list("id", flat=True)))


def test_the_worker_leaves_them_to_the_front(password, smpp_world):
    text(smpp_world, "hello")
    assert deliveries.ready() == []
