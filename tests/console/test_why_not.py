"""Why not? Any sender and any number, the answer in words, and the entry that gives it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from people import ANNA, BEN, signed_in

from heed.core import connections, consent, inbound, senders
from heed.core.consent import Cause
from heed.core.models import Consent, Source
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS
from heed.rules.values import InboundText


def ask(client, sender, number="07700 900501"):
    return client.get(f"/why-not/?{urlencode({'from': sender, 'number': number})}")


def text(world, words, to, phone=ANNA):
    return inbound.receive(world.link, [InboundText("", numbers.show(phone), to.address, words)])[0]


def entry_of(sender_id):
    return Consent.objects.get(recipient=ANNA, sender_id=sender_id).entry_id


def test_who_never_left_may_be_written_to(owner, world):
    page = ask(owner, world.number.address).content.decode()
    assert "A message from +44 7700 900001 to +44 7700 900501 would go now." in page
    assert f'href="/opt-outs/{ANNA}/"' in page


def test_the_entry_that_stops_it_is_told_and_linked_and_stands_in_the_timeline(owner, world):
    text(world, "STOP", world.number)
    page = ask(owner, world.number.address).content.decode()
    assert "to +44 7700 900501 would not go." in page
    assert "They opted out of +447700900001 on" in page
    assert "by texting STOP to +447700900001." in page
    assert "A START from them lifts it" in page
    entry = entry_of(world.number.id)
    assert f'href="/opt-outs/{ANNA}/#entry-{entry}"' in page
    assert f'id="entry-{entry}"' in owner.get(f"/opt-outs/{ANNA}/").content.decode()
    assert "would go now" in ask(owner, world.second.address).content.decode()
    assert "would go now" in ask(owner, world.number.address, "+447700900502").content.decode()


def test_an_account_opt_out_stops_every_sender_but_the_one_come_back_to(owner, world):
    cause = Cause(Source.CONSOLE, "owner@example.com", note="Said so on the phone")
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, cause)
    text(world, "START", world.second)
    assert "would go now" in ask(owner, world.second.address).content.decode()
    for sender in (world.number, world.name):
        page = ask(owner, sender.address).content.decode()
        assert "They opted out of the account on" in page
        assert "by hand, by owner@example.com" in page
        assert "Note: Said so on the phone" in page


def test_never_contact_says_that_no_start_lifts_it(owner, world):
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.CONSOLE, "owner@example.com"), never=True)
    assert "Never contact: START does not lift it" in ask(owner, "ACME").content.decode()


def test_what_is_in_review_is_said_with_its_review(owner, world):
    text(world, "stpo", world.number)
    page = ask(owner, world.number.address)
    assert b"A text from them is in review." in page.content
    assert owner.get(page.context["answer"].review).status_code == 200


def test_the_numbers_of_a_pool_are_left_together(owner, world):
    pool = senders.join_pool(world.number, "Shop", actor="test")
    senders.join_pool(world.second, "Shop", actor="test")
    world.number.refresh_from_db()
    text(world, "STOP", world.number)
    for sender in (world.number, world.second, pool):
        assert "They opted out of Shop on" in ask(owner, sender.address).content.decode()


def test_a_connection_that_has_stopped_is_said(owner, world):
    connections.stop(world.link, actor="owner@example.com")
    page = ask(owner, world.number.address).content.decode()
    assert "would go now" not in page
    assert "It would wait: the connection Sandbox has stopped. Stopped by owner@example.com." in page


@pytest.mark.parametrize(
    ("sender", "number", "why"),
    [
        ("+447700900001", "nobody", "“nobody” is not a phone number."),
        ("+447700900003", "07700900501", "There is no such sender in use."),  # the stranger's
        ("\x00", "\x00", "There is no such sender in use."),
    ],
)
def test_what_can_not_be_asked_is_said(owner, world, sender, number, why):
    page = ask(owner, sender, number)
    assert page.status_code == 422
    assert why in page.content.decode()
    assert page.context["answer"] is None


def test_nothing_is_asked_yet(owner, world):
    assert owner.get("/why-not/").context["answer"] is None


def test_every_member_may_ask_and_a_stranger_asks_about_their_own(world):
    consent.opt_out(world.account.id, ALL_SENDERS, BEN, Cause(Source.WEB_FORM))
    for who in (world.owner, world.teammate, world.viewer):
        assert "They opted out of the account" in ask(signed_in(who), "ACME", "07700900502").content.decode()
    page = ask(signed_in(world.stranger), world.other_number.address, "07700900502").content.decode()
    assert "would go now" in page


def test_it_asks_a_bounded_number_of_questions(owner, world, django_assert_max_num_queries):
    text(world, "STOP", world.number)
    with django_assert_max_num_queries(14):
        ask(owner, world.number.address)
