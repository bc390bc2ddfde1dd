"""What carriers say of a hand-off is kept, however odd it is: what can't be written down would hold up all the rest."""

from __future__ import annotations

import pytest
from people import ANNA, World

from heed.core import gate, handoff, leases, outbound
from heed.core.handoff import Sent
from heed.core.models import Connection, LedgerEntry, Message
from heed.core.outbound import Draft
from heed.rules import numbers

ODD = "a\0b\ud800" + "c" * 600


@pytest.fixture
def token(world: World) -> int:
    return leases.take("test")


def claimed(world: World, token: int, tries: int = 0) -> gate.Claimed:
    [queued] = outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Hi")], door="api", actor="test")
    Message.objects.filter(id=queued.id).update(tries=tries)
    [message] = gate.claim(world.link.id, 10, token)
    return message


def test_an_odd_id_is_kept_as_far_as_the_table_can(world, token):
    message = claimed(world, token)
    handoff.handed_off([Sent(message.id, ODD, message.of)], token)
    row = Message.objects.get(id=message.id)
    assert (row.state, row.provider_id) == ("sent", "a␀b�" + "c" * 124)


@pytest.mark.parametrize(
    ("verb", "state"),
    [
        (handoff.unconfirmed, "unconfirmed"),
        (handoff.wait, "waiting"),
        (handoff.carrier_says_opted_out, "suppressed"),
        (lambda id_, token, words: handoff.failed(id_, token, code=ODD, words=words), "failed"),
        (lambda id_, token, words: handoff.stop_connection(_link(id_), id_, token, words=words), "queued"),
    ],
)
def test_odd_words_are_kept_as_far_as_the_table_can(world, token, verb, state):
    message = claimed(world, token)
    verb(message.id, token, words=ODD)
    row = Message.objects.get(id=message.id)
    assert (row.state, row.words) == (state, "a␀b�" + "c" * 296)
    assert row.code in ("", "a␀b�" + "c" * 36)
    for note in LedgerEntry.objects.values_list("note", flat=True):
        assert note == "a␀b�" + "c" * 496
    for reason in Connection.objects.exclude(stopped_reason="").values_list("stopped_reason", flat=True):
        assert reason == row.words


def _link(message_id: int) -> int:
    return Message.objects.get(id=message_id).connection_id


def test_a_message_may_be_tried_more_often_than_is_counted(world, token):
    message = claimed(world, token, tries=gate.MOST_TRIES)
    assert message.tries == gate.MOST_TRIES
    handoff.put_back([message.id], token)
    assert gate.claim(world.link.id, 10, token)[0].tries == gate.MOST_TRIES


def test_the_carriers_word_counts_when_the_process_had_lost_its_lease(world, token):
    message = claimed(world, token)
    leases.end(token)
    assert handoff.settle_stale() == 1
    handoff.carrier_says_opted_out(message.id, token, words="21610")
    assert gate.may_send(world.account.id, world.number.id, [ANNA])
    assert Message.objects.get(id=message.id).state == "suppressed"
