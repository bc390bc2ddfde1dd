"""ESMEs that we did not write, smpplib and smpp34, at our front: what they send arrives, and what comes back they read."""

from __future__ import annotations

import asyncio
import logging

import pytest
import smpp34
import smpplib.client
import smpplib.consts
import smpplib.gsm
from people import ANNA

from heed.core import inbound
from heed.core.models import Consent, Message
from heed.rules import numbers
from heed.rules.values import InboundText

TEXTS = ["Sale: 5 € off {today} [here]", "Привет 😀", ("€uro {and} more. " * 20).strip(), "Длинный текст 😀." * 12]


def say(world, words):
    inbound.receive(world.link, [InboundText("", numbers.show(ANNA), world.number.address, words)])


@pytest.fixture
def smpplib_client(front, password):
    client = smpplib.client.Client(
        "127.0.0.1", front.ports[0], timeout=5, logger_name="smpplib-test", allow_unknown_opt_params=True
    )
    logging.getLogger("smpplib-test").setLevel(logging.CRITICAL)
    client.answered, client.came = [], []
    client.set_message_sent_handler(lambda pdu: client.answered.append(pdu))
    client.set_message_received_handler(lambda pdu: client.came.append(pdu))
    client.set_error_pdu_handler(lambda pdu: None)  # by default it raises
    client.connect()
    client.bind_transceiver(system_id="shop", password=password)
    yield client
    client.unbind()
    client.disconnect()


def smpplib_send(client, text, **more):
    """The statuses of its parts."""
    parts, coding, esm_class = smpplib.gsm.make_parts(text)
    before = len(client.answered)
    for part in parts:
        client.send_message(
            source_addr_ton=1, source_addr="447700900001", dest_addr_ton=1, destination_addr="447700900501",
            short_message=part, data_coding=coding, esm_class=esm_class, registered_delivery=True, **more,
        )  # fmt: skip
    while len(client.answered) < before + len(parts):
        client.read_once()
    return [pdu.status for pdu in client.answered[before:]]


@pytest.mark.parametrize("text", TEXTS)
def test_smpplib_sends_any_text(smpplib_client, text):
    assert set(smpplib_send(smpplib_client, text)) == {0}
    assert Message.objects.get().text == text


def test_smpplib_gets_a_stop_and_a_receipt_and_is_refused(smpplib_client, smpp_world):
    assert smpplib_send(smpplib_client, "Sale") == [0]
    id_ = smpplib_client.answered[0].message_id
    say(smpp_world, "STOP")
    while len(smpplib_client.came) < 2:
        smpplib_client.read_once()
    by_kind = {bool(pdu.esm_class & 4): pdu for pdu in smpplib_client.came}
    assert by_kind[False].short_message == b"STOP"
    assert by_kind[True].receipted_message_id == id_
    assert by_kind[True].message_state == smpplib.consts.SMPP_MESSAGE_STATE_REJECTED
    assert Consent.objects.get(sender_id=smpp_world.number.id).state == "out"
    assert smpplib_send(smpplib_client, "Sale") == [smpplib.consts.SMPP_ESME_RINVDSTADR]


def test_smpp34_sends_and_is_told(front, password, smpp_world):
    async def run():
        client = smpp34.Client("127.0.0.1", front.ports[0], system_id="shop", password=password)
        session = await client.connect()
        try:
            addresses = {"source_addr": "447700900001", "source_addr_ton": 1, "dest_addr_ton": 1}
            sent = await session.submit_sm("447700900501", b"\x1be off", **addresses, registered_delivery=1)
            await asyncio.to_thread(say, smpp_world, "Stop it!")
            came = [await asyncio.wait_for(session.next(), 5) for _ in range(2)]
            refused = await session.submit_sm("447700900501", b"again", **addresses)
            return sent, came, refused
        finally:
            await session.unbind()
            await client.stop()

    sent, came, refused = asyncio.run(run())
    assert sent.is_success
    assert Message.objects.order_by("id")[0].text == "€ off"
    by_kind = {one.esm_class: one for one in came}
    assert by_kind[0].short_message == b"Stop it!"
    assert f"id:{sent.message_id} ".encode() in by_kind[4].short_message
    assert b"stat:REJECTD" in by_kind[4].short_message
    assert (refused.is_success, refused.command_status) == (False, smpp34.ESME_RINVDSTADR)
