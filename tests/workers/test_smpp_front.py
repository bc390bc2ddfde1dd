"""The SMPP front: who may bind, what is accepted, and that nothing is lost, doubled or sent past the gate."""

from __future__ import annotations

import logging
import ssl
import struct
from datetime import UTC, datetime, timedelta

import pytest
from certificates import certificate
from esme import Esme, add, serving, submit, until
from people import ANNA, BEN

from heed.core import consent, esmes, gate, leases, outbound, smpp_words
from heed.core.consent import Cause
from heed.core.models import Account, Callback, Message, Source
from heed.providers.smpp import pdu
from heed.providers.smpp.pdu import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    CancelSm,
    DataSm,
    EnquireLink,
    GenericNack,
    QuerySm,
    ReplaceSm,
    SubmitMulti,
    Tag,
    Unbind,
    UnbindResp,
)
from heed.providers.smpp.status import Status
from heed.workers.front import doorman, guest, server


def leave(world, recipient=ANNA):
    consent.opt_out(world.account.id, world.number.id, recipient, Cause(Source.API, "test"))


def only() -> Message:
    return Message.objects.get()


# Binding


@pytest.mark.parametrize("kind", [BindTransceiver, BindTransmitter, BindReceiver])
def test_a_program_binds(front, password, kind):
    with Esme(front) as one:
        answer = one.ask(kind(system_id="shop", password=password))
    assert (answer.status, answer.body.system_id) == (0, "Heed")
    assert answer.body.tlv(Tag.SC_INTERFACE_VERSION) == b"\x34"


@pytest.mark.parametrize(("system_id", "given"), [("shop", "wrong"), ("nobody", "wrong"), ("shop", ""), ("", "")])
def test_a_wrong_password_and_a_wrong_name_are_told_the_same_and_logged_without_it(front, system_id, given, caplog):
    with Esme(front) as one:
        assert one.ask(BindTransceiver(system_id=system_id, password=given)).status == Status.INVALID_PASSWORD
        assert one.read() is None
    assert "is refused" in caplog.text
    assert not given or f" {given}" not in caplog.text.replace("is wrong", "")


def test_guessing_locks_the_address_out(front, password, monkeypatch):
    monkeypatch.setattr(doorman.esmes, "is_password_of", lambda esme, given: given == password)
    front.doorman._of_address = doorman.Failures(3)
    for _ in range(3):
        with Esme(front) as one:
            assert one.ask(BindTransceiver(system_id="shop", password="g")).status == Status.INVALID_PASSWORD  # noqa: S106
    with Esme(front) as one:
        assert one.ask(BindTransceiver(system_id="shop", password=password)).status == Status.BIND_FAILED


def test_guessing_from_elsewhere_locks_nobody_out_who_has_bound_before(front, password):
    with Esme(front) as one:
        one.bind(password)
    front.doorman._of_system_id = doorman.Failures(1)
    front.doorman._of_system_id.note("shop")
    with Esme(front) as one:
        one.bind(password)
    front.doorman._known.clear()
    with Esme(front) as one:
        assert one.ask(BindTransceiver(system_id="shop", password=password)).status == Status.BIND_FAILED


def test_a_program_has_as_many_binds_as_it_may(front, password, smpp_world):
    esmes.change(esmes.of(smpp_world.account)[0], esmes.Setting(most_binds=1), actor="test")
    with Esme(front) as one, Esme(front) as two:
        one.bind(password)
        assert two.ask(BindTransceiver(system_id="shop", password=password)).status == Status.BIND_FAILED


@pytest.mark.parametrize(("networks", "status"), [(["127.0.0.0/8"], 0), (["192.0.2.0/24", "2001:db8::/32"], 0x0E)])
def test_a_program_comes_from_its_networks_alone(front, password, smpp_world, networks, status):
    esmes.change(esmes.of(smpp_world.account)[0], esmes.Setting(networks=networks), actor="test")
    with Esme(front) as one:
        assert one.ask(BindTransceiver(system_id="shop", password=password)).status == status


@pytest.mark.parametrize("end", [esmes.remove, esmes.change_password])
def test_removing_one_or_a_new_password_ends_its_binds(bound, smpp_world, end):
    end(esmes.of(smpp_world.account)[0], actor="test")
    assert isinstance(bound.read().body, Unbind)


def test_an_account_that_is_closed_binds_no_more(front, password, smpp_world):
    mine = Account.objects.filter(id=smpp_world.account.id)
    mine.update(closed_at=datetime.now(UTC))
    with Esme(front) as one:
        assert one.ask(BindTransceiver(system_id="shop", password=password)).status == Status.INVALID_PASSWORD
    mine.update(closed_at=None)


def test_a_program_binds_with_tls_alone_where_that_is_asked_for(password, tmp_path):
    certificate(tmp_path)
    context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    with serving(context=server.tls(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))) as front:
        with Esme(front, context) as one:
            assert one.bind(password).ask(submit()).status == 0
        with Esme(front) as one:
            one.send(BindTransceiver(system_id="shop", password=password))
            assert one.read() is None


# Submitting


def test_a_message_is_accepted_once_it_has_committed(bound, smpp_world):
    answer = bound.ask(submit(b"Sale today"))
    row = only()
    assert (answer.status, answer.body.message_id) == (0, smpp_words.message_id(row.id))
    assert (row.state, row.text, row.recipient, row.address) == ("queued", "Sale today", ANNA, "+447700900501")
    assert (row.sender_id, row.door, row.actor) == (smpp_world.number.id, "smpp", "esme shop")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"short_message": b"\x1b\x65 \x1b\x28\x1b\x29 \x00 \x04"}, "€ {} @ è"),
        ({"short_message": "Привет 😀".encode("utf-16-be"), "data_coding": 8}, "Привет 😀"),
        ({"short_message": "déjà".encode("latin-1"), "data_coding": 3}, "déjà"),
        ({"short_message": b"", "tlvs": ((Tag.MESSAGE_PAYLOAD, b"x" * 400),)}, "x" * 400),
        ({"short_message": b"hello", "data_coding": 0x10}, "hello"),
        ({"short_message": b"{a} @", "data_coding": 1}, "{a} @"),
        ({"short_message": b"\x1b\x28a\x1b\x29", "data_coding": 1}, "{a}"),
    ],
)
def test_alphabets_are_read(bound, fields, text):
    assert bound.ask(submit(**fields)).status == 0
    assert only().text == text


def test_data_coding_0_is_what_the_program_says(bound, smpp_world):
    esmes.change(esmes.of(smpp_world.account)[0], esmes.Setting(alphabet="latin1"), actor="test")
    until(lambda: bound.ask(submit("déjà".encode("latin-1"))).status == 0 and Message.objects.last().text == "déjà")


@pytest.mark.parametrize(
    ("fields", "recipient"),
    [
        ({"destination": "447700900502"}, BEN),
        ({"destination": "+447700900502"}, BEN),
        ({"destination": "07700900502", "destination_ton": 2}, BEN),
        ({"destination": "447700900502", "destination_ton": 0}, BEN),
        ({"destination": "00447700900502", "destination_ton": 0}, BEN),
        ({"destination": "12025550123", "destination_ton": 0}, 12025550123),
    ],
)
def test_numbers_are_read_by_their_type(bound, fields, recipient):
    assert bound.ask(submit(**fields)).status == 0
    assert only().recipient == recipient


def test_a_name_is_a_source(bound, smpp_world):
    assert bound.ask(submit(source="Acme", source_ton=5)).status == 0
    assert only().sender_id == smpp_world.name.id


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"source": "447700900003"}, Status.INVALID_SOURCE_ADDRESS),  # a stranger's
        ({"source": "OTHER", "source_ton": 5}, Status.INVALID_SOURCE_ADDRESS),
        ({"source": ""}, Status.INVALID_SOURCE_ADDRESS),
        ({"destination": "44"}, Status.INVALID_DESTINATION_ADDRESS),
        ({"destination": ""}, Status.INVALID_DESTINATION_ADDRESS),
        ({"destination": "nobody"}, Status.INVALID_DESTINATION_ADDRESS),
        ({"short_message": b""}, Status.INVALID_MESSAGE_LENGTH),
        ({"short_message": b"", "tlvs": ((Tag.MESSAGE_PAYLOAD, b"x" * 2000),)}, Status.INVALID_MESSAGE_LENGTH),
        ({"esm_class": 0x08}, Status.INVALID_ESM_CLASS),
        ({"data_coding": 4}, Status.SUBMIT_FAILED),
        ({"data_coding": 0xF5}, Status.SUBMIT_FAILED),
        ({"esm_class": 0x40, "short_message": b"\x06\x05\x04\x15\x81\x15\x81hello"}, Status.SUBMIT_FAILED),
        ({"scheduled_at": "tomorrow"}, Status.INVALID_SCHEDULED_TIME),
        ({"scheduled_at": "000008000000000R"}, Status.INVALID_SCHEDULED_TIME),
        ({"valid_until": "991399000000000+"}, Status.INVALID_EXPIRY_TIME),
        ({"valid_until": "200101000000000+"}, Status.INVALID_EXPIRY_TIME),
    ],
)
def test_what_can_not_be_sent_is_refused_with_its_reason(bound, fields, status):
    assert bound.ask(submit(**fields)).status == status
    assert not Message.objects.exists()
    assert bound.ask(EnquireLink()).status == 0


def test_times_are_kept(bound):
    soon = datetime.now(UTC) + timedelta(hours=2)
    local = (soon + timedelta(hours=1)).strftime("%y%m%d%H%M%S004+")  # an hour east of UTC
    assert bound.ask(submit(scheduled_at=local, valid_until="000000003000000R")).status == 0
    row = only()
    assert row.state == "waiting"
    assert abs(row.due_at - soon) < timedelta(seconds=2)
    assert abs(row.expires_at - row.due_at - timedelta(minutes=30)) < timedelta(seconds=2)


def test_a_data_sm_is_a_message_too(bound):
    body = DataSm(source="447700900001", destination="447700900501", tlvs=((Tag.MESSAGE_PAYLOAD, b"hello"),))
    answer = bound.ask(body)
    assert (answer.status, answer.body.message_id) == (0, smpp_words.message_id(only().id))


# The gate


def test_somebody_who_left_is_refused_and_the_message_kept_as_suppressed(bound, smpp_world):
    leave(smpp_world)
    assert bound.ask(submit(registered_delivery=1)).status == Status.INVALID_DESTINATION_ADDRESS
    assert (only().state, only().reason) == ("suppressed", "opted_out")
    assert not Callback.objects.exists()
    assert bound.ask(submit(destination="447700900502")).status == 0


@pytest.mark.parametrize(("refusal", "status"), [(0x45, 0x45), (0, 0)])
def test_the_refusal_is_what_the_account_says(front, smpp_world, refusal, status):
    password = add(smpp_world.account, "other", refusal=refusal)
    leave(smpp_world)
    with Esme(front) as one:
        answer = one.bind(password, "other").ask(submit(registered_delivery=1))
    assert (answer.status, only().state) == (status, "suppressed")
    assert Callback.objects.exists() is (refusal == 0)


def test_a_stop_after_the_submit_still_counts(bound, smpp_world):
    assert bound.ask(submit()).status == 0
    leave(smpp_world)
    assert not gate.claim(smpp_world.link.id, 10, leases.take("test"))
    assert only().state == "suppressed"


# Limits


def test_a_window_that_is_over_and_a_rate_are_throttled(front, smpp_world):
    password = add(smpp_world.account, "other", window=3, rate=5)
    with Esme(front) as one:
        one.bind(password, "other")
        octets = b"".join(pdu.encode(submit(), number) for number in range(11, 21))
        one.socket.sendall(octets)
        statuses = [one.answer_to(number).status for number in _order(one, 10)]
    assert set(statuses) == {0, Status.THROTTLED}
    assert statuses.count(0) == Message.objects.count() <= 5


def _order(one, count):
    """The numbers of the next answers, which stay to be read."""
    units = [one.read() for _ in range(count)]
    one._whole = units + one._whole
    return [unit.sequence for unit in units]


# Asking after messages


def test_a_message_is_asked_after_and_cancelled(bound, smpp_world):
    soon = (datetime.now(UTC) + timedelta(hours=2)).strftime("%y%m%d%H%M%S000+")
    id_ = bound.ask(submit(scheduled_at=soon)).body.message_id
    assert bound.ask(QuerySm(id_)).body.message_state == smpp_words.ENROUTE
    assert bound.ask(CancelSm(message_id=id_)).status == 0
    assert only().state == "cancelled"
    answer = bound.ask(QuerySm(id_)).body
    assert (answer.message_id, answer.message_state, bool(answer.final_at)) == (id_, smpp_words.DELETED, True)
    assert bound.ask(CancelSm(message_id=id_)).status == Status.CANCEL_FAILED


def test_a_strangers_message_is_none(bound, smpp_world):
    draft = outbound.Draft(BEN, "+447700900502", "hello")
    (row,) = outbound.queue(smpp_world.other_number, [draft], door="api", actor="test")
    id_ = smpp_words.message_id(row.id)
    assert bound.ask(QuerySm(id_)).status == Status.QUERY_FAILED
    assert bound.ask(CancelSm(message_id=id_)).status == Status.CANCEL_FAILED
    assert bound.ask(QuerySm("'; --")).status == Status.QUERY_FAILED
    assert only().state == "queued"


# Hostile


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (submit(), Status.INCORRECT_BIND_STATUS),
        (QuerySm("1"), Status.INCORRECT_BIND_STATUS),
        (EnquireLink(), 0),
        (SubmitMulti(), Status.INCORRECT_BIND_STATUS),
    ],
)
def test_before_a_bind_nothing_is_done(front, body, status):
    with Esme(front) as one:
        assert one.ask(body).status == status
    assert not Message.objects.exists()


def test_whoever_asks_and_does_not_bind_is_let_go(front):
    with Esme(front) as one:
        one.socket.sendall(pdu.encode(submit(), 1) * 20)
        while unit := one.read():
            assert unit.status == Status.INCORRECT_BIND_STATUS


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (BindTransceiver(system_id="shop", password="x"), Status.ALREADY_BOUND),  # noqa: S106
        (SubmitMulti(source="447700900001"), Status.INVALID_COMMAND_ID),
        (ReplaceSm("1"), Status.REPLACE_FAILED),
        (pdu.DeliverSm(short_message=b"x"), Status.INVALID_COMMAND_ID),
    ],
)
def test_what_is_not_for_us_is_answered(bound, body, status):
    assert bound.ask(body).status == status
    assert bound.ask(submit()).status == 0


def test_a_receiver_submits_nothing(front, password):
    with Esme(front) as one:
        assert one.bind(password, kind=BindReceiver).ask(submit()).status == Status.INCORRECT_BIND_STATUS
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("octets", "answered"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Status.INVALID_COMMAND_LENGTH),
        (struct.pack(">IIII", 5, 4, 0, 1), Status.INVALID_COMMAND_LENGTH),
        (struct.pack(">IIII", 2**31, 4, 0, 1), Status.INVALID_COMMAND_LENGTH),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40, Status.INVALID_COMMAND_LENGTH),  # TLS
    ],
)
def test_garbage_ends_the_connection(front, octets, answered):
    with Esme(front) as one:
        one.socket.sendall(octets)
        unit = one.read()
        assert (type(unit.body), unit.status) == (GenericNack, answered)
        assert one.read() is None


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (struct.pack(">IIII", 16, 0x7777, 0, 9), Status.INVALID_COMMAND_ID),
        (struct.pack(">IIII", 20, 4, 0, 9) + b"abcd", Status.INVALID_COMMAND_LENGTH),
        (struct.pack(">IIII", 16, 4, 0, 9), Status.INVALID_COMMAND_LENGTH),
        (struct.pack(">IIII", 16, 0x80000004, 0, 9), None),  # an answer to nothing
    ],
)
def test_units_that_make_no_sense_are_answered_and_survived(bound, octets, status):
    bound.socket.sendall(octets)
    if status is not None:
        assert bound.answer_to(9).status == status
    assert bound.ask(submit()).status == 0


def test_whoever_does_not_bind_is_let_go(password, monkeypatch):
    monkeypatch.setattr(guest, "BIND_WITHIN_S", 0.1)
    with serving() as front, Esme(front) as one, Esme(front) as two:
        two.socket.sendall(b"\0\0\0")  # half a length
        assert one.read() is None
        assert two.read() is None
        until(lambda: not front.guests)


def test_too_many_strangers_are_let_go(password, monkeypatch):
    monkeypatch.setattr(server, "MOST_STRANGERS", 2)
    with serving() as front:
        many = [Esme(front) for _ in range(3)]
        assert many[2].read() is None
        for one in many:
            one.close()


def test_a_silent_bind_is_asked_and_ended(password):
    with serving(enquire_every_s=0.1) as front, Esme(front) as one:
        one.bind(password)
        assert isinstance(one.read().body, EnquireLink)
        front.guests[0].wire.response_within_s = 0.1
        while one.read():
            continue
        until(lambda: not front.guests)


def test_who_does_not_read_answers_is_not_read_from(front, bound):
    wire = front.guests[0].wire
    front.loop.call_soon_threadsafe(wire.pause_writing)
    until(lambda: not wire._transport.is_reading())
    bound.send(submit(), 11)
    front.loop.call_soon_threadsafe(wire.resume_writing)
    assert bound.answer_to(11).status == 0


def test_an_unbind_in_mid_window_has_every_answer_first(bound):
    octets = b"".join(pdu.encode(submit(), number) for number in range(11, 21)) + pdu.encode(Unbind(), 30)
    bound.socket.sendall(octets)
    units = [bound.read() for _ in range(11)]
    assert {unit.sequence: unit.status for unit in units[:-1]} == dict.fromkeys(range(11, 21), 0)
    assert isinstance(units[-1].body, UnbindResp)
    assert bound.read() is None
    assert Message.objects.count() == 10


def test_a_connection_that_is_cut_loses_and_doubles_nothing(bound, front):
    bound.socket.sendall(b"".join(pdu.encode(submit(), number) for number in range(11, 21)))
    bound.close()
    until(lambda: not front.guests and front.writer._task.done())
    assert Message.objects.count() in range(11)


def test_no_log_has_a_number_or_a_text(bound, caplog, smpp_world):
    caplog.set_level(logging.DEBUG)
    leave(smpp_world)
    for fields in ({}, {"destination": "44770090050"}, {"source": "447700900003"}, {"esm_class": 8}):
        bound.ask(submit(b"my secret", **fields))
    assert "refused" in caplog.text
    for secret in ("my secret", "447700900501", "44770090050", "447700900003"):
        assert secret not in caplog.text


def test_a_stop_of_the_process_answers_what_was_submitted(password):
    with serving() as front, Esme(front) as one:
        one.bind(password)
        one.send(submit(), 11)
        assert one.answer_to(11).status == 0
        front.stopping.set()  # noticed within the watch's round
        while (unit := one.read()) and not isinstance(unit.body, Unbind):
            continue
        assert isinstance(unit.body, Unbind)
        one.send(UnbindResp(), unit.sequence)
        assert one.read() is None
