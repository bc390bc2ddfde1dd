"""A conversation with one person, and replies to them, which pass the gate as everything does."""

from __future__ import annotations

import pytest
from people import ANNA, BEN, FIRST_NUMBER, SECOND_NUMBER, signed_in
from reading import fields, said

from heed.core import consent, contacts, inbound, outbound, senders
from heed.core.consent import Cause
from heed.core.models import Message, Source
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS
from heed.rules.values import InboundText

HERE = f"/inbox/{ANNA}/"


def text(world, words, phone=ANNA, to=FIRST_NUMBER):
    inbound.receive(world.link, [InboundText("", numbers.show(phone), numbers.show(to), words)])


def reply(client, text="Until five.", **given):
    return client.post(f"{HERE}reply/", {"text": text, "from": "+447700900001", "token": "t1"} | given, follow=True)


def sent(world):
    rows = Message.objects.filter(account=world.account, purpose="message").order_by("id")
    return list(rows.values_list("text", "sender__address", "state", "door", "actor"))


REPLIED = ("Until five.", "+447700900001", "queued", "inbox", "owner@example.com")


def test_what_went_both_ways_stands_in_order_and_is_answered(owner, world):
    outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Ready")], door="quick_send", actor="test")
    text(world, "When do you close?")
    contacts.save(world.account, numbers.show(ANNA), {"First name": "Anna"}, actor="test")
    page = owner.get(HERE)
    assert [(turn.kind, turn.text) for turn in page.context["turns"]] == [
        ("wrote", "Ready"),
        ("got", "When do you close?"),
    ]
    assert "+44 7700 900501 Anna" in said(page)
    assert "The reply is queued." in said(reply(owner))
    assert sent(world)[1] == REPLIED
    assert [turn.text for turn in owner.get(HERE).context["turns"]][-1] == "Until five."


def test_a_second_click_sends_no_second_reply(owner, world):
    text(world, "When do you close?")
    for _ in range(2):
        reply(owner)
    assert sent(world) == [REPLIED]
    assert len(fields(owner.get(HERE))["token"]) == 32


@pytest.mark.parametrize("where", ["sender", "account"])
def test_the_gate_refuses_it_with_the_reason_in_words(owner, world, where):
    text(world, "When do you close?")
    scope = world.number.id if where == "sender" else ALL_SENDERS
    consent.opt_out(world.account.id, scope, ANNA, Cause(Source.WEB_FORM))
    left = "Left this sender on" if where == "sender" else "Left the account on"
    words = said(owner.get(HERE))
    assert f"No reply can go {left}" in words
    answer = reply(owner)
    assert answer.status_code == 422
    assert f"Not sent. {left}" in said(answer)
    assert b"Until five.</textarea>" in answer.content
    assert b"/why-not/?from=%2B447700900001&amp;number=%2B447700900501" in answer.content
    assert sent(world) == []


def test_it_goes_from_a_number_that_they_wrote_to_the_latest_first(owner, world):
    text(world, "One")
    text(world, "Two", to=SECOND_NUMBER)
    assert [one.address for one in owner.get(HERE).context["choices"]] == ["+447700900002", "+447700900001"]
    assert owner.get(f"{HERE}?from=%2B447700900001").context["chosen"].address == "+447700900001"
    senders.release(world.second, actor="test")
    assert [one.address for one in owner.get(HERE).context["choices"]] == ["+447700900001"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"from": "+447700900002"}, "They have texted no number of yours that is in use."),
        ({"from": "ACME"}, "They have texted no number of yours that is in use."),
        ({"text": " \x00".strip("\x00")}, "Write a message."),
        ({"text": "x" * 1600}, "at most 10 can be sent"),
    ],
)
def test_what_can_not_be_sent_is_said_and_kept(owner, world, given, why):
    text(world, "When do you close?")
    answer = reply(owner, **given)
    assert answer.status_code == 422
    assert why in said(answer)
    assert sent(world) == []


def test_there_is_nothing_to_reply_to_who_never_wrote(owner, world):
    assert "nothing to reply to" in said(owner.get(HERE))
    assert reply(owner).status_code == 422
    assert owner.get("/inbox/12/").status_code == 404


def test_older_turns_are_on_older_pages(owner, world, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr("heed.console.conversation.A_PAGE", 2)
    for at in range(5):
        text(world, f"Text {at}")
    with django_assert_max_num_queries(20):
        first = owner.get(HERE)
    assert [turn.text for turn in first.context["turns"]] == ["Text 3", "Text 4"]
    older = owner.get(f"{HERE}?{first.context['older']}")
    assert [turn.text for turn in older.context["turns"]] == ["Text 1", "Text 2"]
    assert "Send to" not in said(older)


def test_parts_are_counted_without_a_word_about_marketing(owner):
    assert said(owner.post("/inbox/parts/", {"text": "50% off for you"})) == "1 part, 15 characters (GSM-7)"


def test_who_may(world):
    text(world, "When do you close?")
    assert "Send to +44 7700 900501" in said(signed_in(world.teammate).get(HERE))
    viewer = signed_in(world.viewer)
    words = said(viewer.get(HERE))
    assert ("When do you close?" in words, "Send to" in words) == (True, False)
    assert reply(viewer).status_code == 403
    stranger = signed_in(world.stranger)
    assert "When do you close?" not in said(stranger.get(HERE))
    assert reply(stranger).status_code == 422
    text(world, "Hi", BEN)
    assert sent(world) == []
