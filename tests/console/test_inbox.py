"""Inbox: what people texted, how it was read, and opting out whom no keyword caught."""

from __future__ import annotations

import pytest
from django.urls import reverse
from people import ANNA, BEN, FIRST_NUMBER, SECOND_NUMBER, THIRD_NUMBER

from heed.console import ids
from heed.core import inbound, senders
from heed.core.models import Consent, Inbound, LedgerEntry
from heed.core.senders import Setting
from heed.rules import numbers
from heed.rules.values import InboundText


def text(world, words, phone=ANNA, to=FIRST_NUMBER):
    raw = InboundText("", numbers.show(phone) if isinstance(phone, int) else phone, numbers.show(to), words)
    return Inbound.objects.get(id=inbound.receive(world.link, [raw])[0].id)


def opt_out(row):
    return reverse("opt_out_text", args=[ids.public(ids.INBOUND, row.id)])


def test_it_shows_each_text_with_its_verdict_newest_first(owner, world):
    for words in ("STOP", "START", "HELP", "See <i>you</i> there"):
        text(world, words)
    page = owner.get("/inbox/")
    assert [str(line.badge.words) for line in page.context["lines"]] == ["Message", "Help", "Opt-in", "Opt-out"]
    assert b"See &lt;i&gt;you&lt;/i&gt; there" in page.content
    assert b"to +44 7700 900001" in page.content


def test_an_empty_inbox_leads_to_the_handset(owner):
    page = owner.get("/inbox/")
    assert b"Nobody has written yet" in page.content
    assert b'href="/handset/"' in page.content


@pytest.mark.parametrize(("account_level", "scope"), [(False, "number"), (True, "account")])
def test_one_button_opts_out_at_the_scope_of_a_stop(owner, world, account_level, scope):
    senders.change(world.number, Setting(account_level_opt_out=account_level), actor="test")
    row = text(world, "I am so angry with you")
    answer = owner.post(opt_out(row), follow=True)
    assert b"+44 7700 900501 is opted out." in answer.content
    out = Consent.objects.get(state="out")
    assert out.sender_id == (world.number.id if scope == "number" else 0)
    entry = LedgerEntry.objects.get(id=out.entry_id)
    assert (entry.source, entry.actor, entry.inbound_id) == ("console", "owner@example.com", row.id)
    assert b"had opted out already" in owner.post(opt_out(row), follow=True).content


def test_who_has_left_has_no_button_and_no_reply_link(owner, world):
    text(world, "STOP")
    text(world, "Hi", BEN)
    ben, anna = owner.get("/inbox/").context["lines"]
    assert (anna.stands, ben.stands) == (True, False)
    words = owner.get("/inbox/").content
    assert words.count(b"/opt-out/") == 1
    assert b"/inbox/447700900502/?from=%2B447700900001#reply" in words


@pytest.mark.parametrize("phone", ["ACME", "12345"])
def test_a_text_of_no_phone_is_shown_and_can_not_be_opted_out(owner, world, phone):
    row = text(world, "Hello", phone)
    page = owner.get("/inbox/")
    assert phone.encode() in page.content
    assert b"/opt-out/" not in page.content
    assert owner.post(opt_out(row)).status_code == 404


def test_it_has_pages(owner, world, monkeypatch):
    monkeypatch.setattr("heed.console.inbox.A_PAGE", 2)
    for at in range(3):
        text(world, f"Text {at}")
    first = owner.get("/inbox/")
    assert [line.text.text for line in first.context["lines"]] == ["Text 2", "Text 1"]
    second = owner.get(f"/inbox/?{first.context['older']}")
    assert [line.text.text for line in second.context["lines"]] == ["Text 0"]
    assert owner.get("/inbox/?before=nonsense").status_code == 404


def test_it_asks_a_bounded_number_of_questions(owner, world, django_assert_max_num_queries):
    for at in range(20):
        text(world, "Hi", ANNA + at % 7, SECOND_NUMBER if at % 2 else FIRST_NUMBER)
    with django_assert_max_num_queries(12):
        assert owner.get("/inbox/").status_code == 200


def test_a_stranger_reads_and_changes_nothing(client, world):
    row = text(world, "Private words")
    client.force_login(world.stranger)
    assert b"Private words" not in client.get("/inbox/").content
    assert client.post(opt_out(row)).status_code == 404
    assert not Consent.objects.filter(state="out").exists()


def test_a_viewer_reads_and_opts_nobody_out(client, world):
    row = text(world, "Hi")
    client.force_login(world.viewer)
    page = client.get("/inbox/")
    assert b"Hi" in page.content
    assert b"/opt-out/" not in page.content
    assert client.post(opt_out(row)).status_code == 403


def test_a_marketer_opts_out(client, world):
    client.force_login(world.teammate)
    assert client.post(opt_out(text(world, "Hi"))).status_code == 302
    assert Consent.objects.filter(state="out").exists()


def test_looking_changes_nothing(owner, world):
    row = text(world, "Hi", to=THIRD_NUMBER)
    assert owner.get(opt_out(row)).status_code == 405
    assert owner.post("/inbox/").status_code == 405
