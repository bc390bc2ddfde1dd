"""Long texts that ESMEs submit part by part: one message, whatever comes first, twice, late or never."""

from __future__ import annotations

import pytest
from esme import submit
from people import ANNA

from heed.core import consent
from heed.core.consent import Cause
from heed.core.models import Message, Source
from heed.providers.smpp.pdu import QuerySm, Tag
from heed.providers.smpp.texts import Alphabet, Headers, pieces

LONG = "A text of more than one part, with € and {brackets}. " * 6
WIDE = "Довольно длинный текст, и 😀 в нём. " * 5


def units(text: str, headers: Headers = Headers.UDH, reference: int = 7, **fields):
    return [
        submit(piece.octets, esm_class=piece.esm_class, data_coding=piece.data_coding, tlvs=piece.tlvs, **fields)
        for piece in pieces(text, Alphabet.GSM_7, headers, reference)
    ]


@pytest.mark.parametrize("text", [LONG.strip(), WIDE.strip()])
@pytest.mark.parametrize("headers", [Headers.UDH, Headers.SAR])
@pytest.mark.parametrize("order", [1, -1])
def test_parts_are_joined_each_answered_before_the_next(bound, text, headers, order):
    answers = [bound.ask(unit) for unit in units(text, headers)[::order]]
    assert [answer.status for answer in answers] == [0] * len(answers)
    assert len({answer.body.message_id for answer in answers}) == len(answers) > 1
    assert Message.objects.get().text == text
    assert bound.ask(QuerySm(answers[0].body.message_id)).body.message_state == 1


def test_each_part_has_its_receipt(bound, smpp_world):
    found = units(LONG, registered_delivery=1)
    ids = [bound.ask(unit).body.message_id.encode() + b"\0" for unit in found]
    consent.opt_out(smpp_world.account.id, smpp_world.number.id, ANNA, Cause(Source.API, "test"))
    assert [unit.body.tlv(Tag.RECEIPTED_MESSAGE_ID) for unit in bound.wait_for(len(ids))] == ids


def test_somebody_who_left_is_refused_with_the_last_part_and_told_of_the_others(bound, smpp_world):
    consent.opt_out(smpp_world.account.id, smpp_world.number.id, ANNA, Cause(Source.API, "test"))
    found = units(LONG, registered_delivery=1)
    answers = [bound.ask(unit) for unit in found]
    assert [answer.status for answer in answers] == [0] * (len(found) - 1) + [0x0B]
    told = bound.wait_for(len(found) - 1)
    assert [unit.body.tlv(Tag.RECEIPTED_MESSAGE_ID)[:-1].decode() for unit in told] == [
        answer.body.message_id for answer in answers[:-1]
    ]
    assert Message.objects.get().state == "suppressed"
