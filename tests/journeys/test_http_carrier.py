"""A message through a carrier over HTTP, from the claim to its receipt and the STOP that answers it, in this process."""

from __future__ import annotations

import asyncio
import io
from urllib.parse import urlencode

import pytest
from standin import Reply, stand_in
from twilio.request_validator import RequestValidator

from heed import carriers
from heed.core import connections, gate, leases, outbound, senders
from heed.core.models import Message
from heed.core.outbound import Draft
from heed.hooks import writer
from heed.hooks.calls import application
from heed.workers.dispatcher import Dispatcher, Pump

SID, TOKEN = "AC00000000000000000000000000000001", "s3cret"
PHONE, NUMBER = 442079460123, 442079460124  # from Ofcom's numbers for drama in London, which Heed takes for any other


@pytest.fixture
def at_carrier(live_world, monkeypatch):
    """Twilio as a stand-in, and a number of the account there."""
    monkeypatch.setattr(writer, "WAIT_S", 60)  # a busy machine is no failure
    monkeypatch.setattr(connections, "_noted", {})  # another test's connection may have had this id
    with stand_in(Reply(201, "twilio/sent.json")) as carrier:
        values = {"account_sid": SID, "auth_token": TOKEN, "api": carrier.url}
        link = carriers.add("twilio", "Twilio", values, answered=["stop"], account=None, actor="test")
        yield carrier, link, senders.take_number(live_world.account, NUMBER, link, actor="test")


def dispatch(link):
    """Claim what is queued for ``link`` and hand it off once, in an event loop of its own."""

    async def main():
        process = Dispatcher()
        process.token = await process.database(lambda: leases.take("test"))
        pump = Pump(process, link)
        try:
            await pump._pump((-1, 0), 0.0)
            await asyncio.gather(*pump.in_flight)
            await pump._report()
        finally:
            await pump.provider.close()
            await process.database(_close)
            process._thread.shutdown()

    asyncio.run(main())


def _close():
    from django.db import connection

    connection.close()


def call(link, url, form):
    """Twilio calls the hook, signed by its own library."""
    body, query = urlencode(form).encode(), url.partition("?")[2]
    said = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/hooks/twilio/{link.token}/",
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_TWILIO_SIGNATURE": RequestValidator(TOKEN).compute_signature(url, form),
        "wsgi.input": io.BytesIO(body),
    }
    list(application(environ, lambda status, headers: said.append(status)))
    return said[0]


def test_a_message_its_receipt_and_the_stop_that_answers_it(at_carrier, live_world, settings):
    settings.PUBLIC_URL = "https://heed.example"
    carrier, link, sender = at_carrier
    draft = Draft(PHONE, f"+{PHONE}", "Hello!")
    id_ = outbound.queue(sender, [draft], door="command", actor="test")[0].id
    dispatch(link)
    (asked,) = carrier.asked
    assert (asked.form["To"], asked.form["Body"]) == (f"+{PHONE}", "Hello!")
    assert Message.objects.get(id=id_).state == "sent"
    receipt = {"MessageSid": "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "MessageStatus": "delivered"}
    assert call(link, asked.form["StatusCallback"], receipt) == "200 OK"
    assert Message.objects.get(id=id_).state == "delivered"
    text = {"From": f"+{PHONE}", "To": f"+{NUMBER}", "Body": "Stop", "MessageSid": "SM1", "OptOutType": "STOP"}
    assert call(link, connections.hook_url(link), text) == "200 OK"
    assert gate.may_send(live_world.account.id, sender.id, [PHONE])
    outbound.queue(sender, [draft], door="command", actor="test")
    dispatch(link)
    assert len(carrier.asked) == 1  # neither a second message nor an answer: Twilio has given one
    link.refresh_from_db()
    assert link.called_at


@pytest.mark.parametrize(
    ("reply", "state", "is_out"),
    [
        (Reply(400, "twilio/opted_out.json"), "suppressed", True),
        (Reply(400, "twilio/invalid_to.json"), "failed", False),
        (Reply(429, "twilio/too_many.json"), "waiting", False),
        (Reply(500), "unconfirmed", False),
        (Reply(401, "twilio/unauthorized.json"), "queued", False),
    ],
)
def test_what_the_carrier_says_becomes_of_the_message(at_carrier, live_world, reply, state, is_out):
    carrier, link, sender = at_carrier
    carrier.replies = [reply]
    id_ = outbound.queue(sender, [Draft(PHONE, f"+{PHONE}", "Hello!")], door="command", actor="test")[0].id
    dispatch(link)
    assert Message.objects.get(id=id_).state == state
    assert bool(gate.may_send(live_world.account.id, sender.id, [PHONE])) is is_out
    link.refresh_from_db()
    assert bool(link.stopped_at) is (state == "queued")
