"""Quick send: compose, count, review, send once."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from people import ANNA, BEN, CLEO, FIRST_NUMBER, signed_in
from reading import fields, said

from heed.core import accounts, consent, gate, senders
from heed.core.consent import Cause, Doing, Verb
from heed.core.models import Audit, Connection, IdempotencyKey, Message, Source
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS

FROM = numbers.show(FIRST_NUMBER)
TYPED = {"from": FROM, "to": "07700 900501, +44 7700 900502", "text": "Hello! To opt out, text STOP to +447700900001"}


def leave(world, recipient, sender_id=ALL_SENDERS):
    consent.opt_out(world.account.id, sender_id, recipient, Cause(Source.WEB_FORM))


def start(world, recipient):
    consent.act(Doing(Verb.START, world.account.id, recipient, world.number.id, Cause(Source.KEYWORD)))


def hold(world, recipient):
    consent.act(Doing(Verb.HOLD, world.account.id, recipient, ALL_SENDERS, Cause(Source.REVIEW)))


def review(client, **changes):
    return client.post("/send/", TYPED | changes)


def send(client, page, **changes):
    return client.post("/send/", fields(page) | {"do": "send"} | changes)


def test_it_works(world, owner):
    page = owner.get("/send/")
    assert page.status_code == 200
    page = review(owner)
    assert "Send to 2 people" in said(page)
    done = send(owner, page)
    assert done.status_code == 302
    sent = Message.objects.order_by("id")
    assert [(one.recipient, one.sender_id, one.state, one.door, one.actor) for one in sent] == [
        (ANNA, world.number.id, "queued", "quick_send", "owner@example.com"),
        (BEN, world.number.id, "queued", "quick_send", "owner@example.com"),
    ]
    assert {one.text for one in sent} == {TYPED["text"]}
    words = said(owner.get(done["Location"]))
    assert "Queued for 2 people." in words
    assert "2 queued" in words


# Who may


@pytest.mark.parametrize(("who", "status"), [("owner", 200), ("teammate", 200), ("viewer", 403)])
def test_viewers_do_not_send(world, who, status):
    client = signed_in(getattr(world, who))
    pages = [client.get("/send/"), review(client), client.post("/send/count/", TYPED)]
    assert [page.status_code for page in pages] == [status] * 3
    client.post("/send/", TYPED | {"do": "send", "token": "abc"})
    assert Message.objects.exists() == (status == 200)


def test_a_stranger_sends_from_none_of_our_senders(world):
    stranger = signed_in(world.stranger)
    assert FROM not in said(stranger.get(f"/send/?from=%2B{FIRST_NUMBER}"))
    page = stranger.post("/send/", TYPED | {"do": "send", "token": "abc"})
    assert page.status_code == 422
    assert "Pick a sender that is in use." in said(page)
    assert FROM not in said(stranger.post("/send/count/", TYPED | {"text": "Hi"}))
    assert not Message.objects.exists()


def test_others_sign_in_first(world, client):
    assert client.get("/send/")["Location"] == "/sign-in/?next=/send/"
    for referer, back in [("http://testserver/numbers/?a=1", "/numbers/%3Fa%3D1"), ("http://other/x", "/"), ("", "/")]:
        file = SimpleUploadedFile("people.csv", b"07700900501")  # what can't be kept leads back to its page
        answer = client.post("/numbers/num_1/keywords/add/", {"file": file}, headers={"Referer": referer})
        assert answer["Location"] == f"/sign-in/?next={back}"  # not to where only a form goes
    asking = {"HX-Request": "true", "HX-Current-URL": "http://testserver/send/"}
    part = client.post("/send/count/", TYPED, headers=asking)
    assert (part.status_code, "HX-Redirect" in part) == (401, False)  # what was written stays on the page


def test_a_form_from_elsewhere_is_refused(world):
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.owner)
    assert client.post("/send/", TYPED | {"do": "send", "token": "abc"}).status_code == 403
    assert not Message.objects.exists()


def test_looking_changes_nothing(world, owner):
    owner.get("/send/", TYPED | {"do": "send", "token": "abc"})
    assert owner.get("/send/count/", TYPED).status_code == 405
    assert owner.put("/send/").status_code == 405
    assert not Message.objects.exists()


# Composing


def test_an_account_without_senders_is_told_where_to_begin(world, owner):
    for sender in (world.number, world.second, world.name):
        senders.release(sender, actor="test")
    words = said(owner.get("/send/"))
    assert "You have nothing to send from yet" in words
    assert "Review before sending" not in words


def test_the_form_may_come_filled_in(world, owner):
    page = owner.get("/send/", {"from": "ACME", "to": "+447700900501", "text": "Hi"})
    assert (fields(page)["to"], fields(page)["text"]) == ("+447700900501", "Hi")
    assert '<option value="ACME" selected>' in page.content.decode()


@pytest.mark.parametrize(("sender", "offered"), [(FROM, ["reply", "keyword", "form"]), ("ACME", ["keyword", "form"])])
@pytest.mark.parametrize("path", ["/send/", "/send/count/"])
def test_ways_out_that_the_sender_can_carry_are_offered(world, owner, path, sender, offered):
    asked = {"from": sender, "text": "Hi"}
    page = owner.get(path, asked) if path == "/send/" else owner.post(path, asked)
    words = said(page)
    assert [way for way in ("reply", "keyword", "form") if f"{way} To opt out" in words] == offered
    assert ("To opt out, text STOP to" in words) == (sender == FROM)
    assert ("Nobody can reply to the sender name ACME" in words) == (sender == "ACME")


@pytest.mark.parametrize(
    ("typed", "text"),
    [("", "LINE"), ("  ", "LINE"), ("Hello ", "Hello\nLINE"), ("Hello\r\nthere\r\n", "Hello\nthere\nLINE")],
)
def test_without_script_a_line_goes_to_the_end(world, owner, typed, text):
    page = owner.post("/send/", TYPED | {"text": typed, "line": "LINE"})
    assert fields(page)["text"] == text
    assert fields(page)["to"] == TYPED["to"]
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["1 part GSM-7 160 characters left"]),
        ("Hello", ["1 part GSM-7 155 characters left"]),
        ("a" * 159, ["1 part GSM-7 1 character left"]),
        ("a" * 161, ["2 parts GSM-7 145 characters left"]),
        ("Hello ‘you’", ["1 part UCS-2 59 characters left", "These characters force UCS-2", "160: ‘ ’"]),
        ("Hello\u200b", ["This character forces UCS-2", "160: zero width space"]),
        ("Hello\u00a0you", ["160: no-break space"]),
        ("абвгдежзийклмн", ["160: а б в г д е ж з и й …"]),
        ("a" * 1531, ["11 parts of at most 10"]),
        ("a" * 20_000, ["66 parts of at most 10"]),
    ],
)
def test_it_counts_while_one_writes(world, owner, text, told):
    words = said(owner.post("/send/count/", TYPED | {"text": text}))
    assert [one for one in told if one not in words] == []
    assert ("UCS-2, in which" in words) == any("160:" in one for one in told)


@pytest.mark.parametrize(
    ("sender", "text", "told"),
    [
        (FROM, "Hello", "This message says nowhere how to opt out."),
        (FROM, "Hello. Reply STOP to leave", ""),
        ("ACME", "Hello. Reply STOP to leave", "This message says STOP, but nobody can reply to the sender name ACME."),
        ("ACME", "Hello. LINK", ""),
        (FROM, "", ""),
        ("", "Hello", ""),
    ],
)
def test_a_message_without_a_way_out_is_warned_about(world, owner, sender, text, told):
    text = text.replace("LINK", accounts.opt_out_link(world.account))
    words = said(owner.post("/send/count/", {"from": sender, "text": text}))
    assert ("This message says" in words) == bool(told)
    assert told in words
    if told and sender:
        assert told in said(review(owner, **{"from": sender, "text": text}))


def test_what_was_typed_is_text(world, owner):
    nasty = "</textarea><script>alert(1)</script>"
    for page in (
        owner.get("/send/", {"to": nasty, "text": nasty}),
        owner.post("/send/count/", TYPED | {"text": nasty}),
        review(owner, text=nasty, to=f"{nasty}, 07700900501"),
    ):
        assert page.status_code == 200
        assert "<script>alert" not in page.content.decode()


# Mistakes


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"from": ""}, "Pick a sender."),
        ({"from": "NOBODY"}, "Pick a sender that is in use."),
        ({"from": "+447700900003"}, "Pick a sender that is in use."),  # another account's
        ({"from": "+447700900400"}, "Pick a sender that is in use."),  # the shared number
        ({"text": ""}, "Write a message."),
        ({"text": " \n "}, "Write a message."),
        ({"text": "a" * 1531}, "This message has 11 parts; at most 10 can be sent. Shorten it."),
        ({"text": "a" * 100_000}, "This message has 66+ parts; at most 10 can be sent. Shorten it."),
        ({"to": ""}, "Give at least one phone number."),
        ({"to": " ,;\n"}, "Give at least one phone number."),
        ({"to": "hello"}, "“hello”: This is not a phone number."),
        ({"to": "0" * 500}, "None of these is a phone number that a message can be sent to"),
        ({"to": ",".join(map(str, range(447700900000, 447700901001)))}, "You gave 1,001 recipients"),
    ],
)
def test_mistakes_stand_beside_their_field_and_lose_nothing(world, owner, changes, told):
    for do in ({}, {"do": "send", "token": "abc"}):
        page = owner.post("/send/", TYPED | changes | do)
        assert page.status_code == 422
        assert told in said(page)
        assert 'aria-invalid="true"' in page.content.decode()
        expected = TYPED | changes
        assert fields(page)["to"] == expected["to"]
        assert fields(page)["text"] == expected["text"]
    assert not Message.objects.exists()


def test_nul_bytes_and_emoji_come_through(world, owner):
    page = review(owner, text="Hello\x00 STOP \U0001f600", to="07700900501\x00, 07700900502")
    assert page.status_code == 200
    assert "Hello␀ STOP 😀" in said(page)


def test_numbers_reserved_for_fiction_go_to_the_sandbox_alone(world, owner):
    real = Connection.objects.create(kind="twilio", name="Real", token="t2")  # noqa: S106
    senders.add_name(world.account, "REAL", real, actor="test")
    page = review(owner, **{"from": "REAL", "to": "07700 900501, +44 20 7946 0018"})
    assert "This number is reserved for fiction; only the sandbox has it." in said(page)


# Review


def test_the_review_says_exactly_what_send_does(world, owner):
    leave(world, BEN)
    leave(world, CLEO, world.number.id)
    leave(world, 447700900504, world.second.id)
    leave(world, 447700900506)
    start(world, 447700900506)
    hold(world, 447700900505)
    to = "07700900501, 07700900502, 07700900503, 07700900504, 07700900505, 07700900506, +44 7700 900501, nonsense"
    text = "a" * 200 + " STOP"
    page = review(owner, to=to, text=text)
    found = page.context["review"]
    assert found.to_send == ["+44 7700 900501", "+44 7700 900504", "+44 7700 900506"]
    assert [one.recipient for one in found.opted_out] == [BEN, CLEO]
    assert [one.recipient for one in found.in_review] == [447700900505]
    assert found.people.repeated == ["+44 7700 900501"]
    assert [(one.raw, one.why) for one in found.people.invalid] == [("nonsense", "This is not a phone number.")]
    words = said(page)
    for told in (
        "Send to 3 people",
        "To send 3 Left out: opted out 2 Left out: in review 1 Duplicates 1 Invalid 1 Parts 6 2 each",
        "1 person that it is sent to left another sender of the account, but not +447700900001.",
        "+44 7700 900502 Left the account on",
        "+44 7700 900503 Left this sender on",
        text,
    ):
        assert told in words
    assert f'href="/opt-outs/{BEN}/"' in page.content.decode()
    done = send(owner, page)
    assert dict(Message.objects.values_list("recipient", "state")) == {
        ANNA: "queued",
        BEN: "suppressed",
        CLEO: "suppressed",
        447700900504: "queued",
        447700900505: "suppressed",
        447700900506: "queued",
    }
    words = said(owner.get(done["Location"]))
    assert "Queued for 3 people." in words
    assert "Not sent to 3 people who opted out or are in review." in words


def test_nobody_to_send_to_can_still_be_recorded(world, owner):
    leave(world, ANNA)
    page = review(owner, to="07700900501")
    assert "Nobody here can be sent to now." in said(page)
    assert "Record 1 as not sent" in said(page)
    send(owner, page)
    assert list(Message.objects.values_list("state", "reason")) == [("suppressed", "opted_out")]


def test_what_changed_after_the_review_counts(world, owner):
    page = review(owner, to="07700900501")
    leave(world, ANNA)
    done = send(owner, page)
    assert Message.objects.get().state == "suppressed"
    assert "Not sent to 1 person who opted out or is in review." in said(owner.get(done["Location"]))


def test_a_sender_released_after_the_review_sends_nothing(world, owner):
    page = review(owner)
    senders.release(world.number, actor="test")
    done = send(owner, page)
    assert done.status_code == 422
    assert "Pick a sender that is in use." in said(done)
    assert not Message.objects.exists()


def test_going_back_loses_nothing(world, owner):
    text, to = "\n  “Hello”\n\nyou &amp; all", " 07700 900501,\nnonsense;  "
    page = owner.post("/send/", fields(review(owner, text=text, to=to)) | {"do": "edit"})
    assert page.status_code == 200
    assert fields(page)["to"] == to
    assert fields(page)["text"] == text.strip()
    assert f'<option value="{FROM}" selected>' in page.content.decode()
    page = owner.post("/send/", TYPED | {"text": "\n\nHello", "to": "\n1", "do": "edit"})
    assert (fields(page)["text"], fields(page)["to"]) == ("\n\nHello", "\n1")
    assert not Message.objects.exists()


def test_sending_again_by_reload_sends_once(world, owner):
    page = review(owner)
    assert send(owner, page)["Location"] == send(owner, page)["Location"]
    assert Message.objects.count() == 2
    assert IdempotencyKey.objects.count() == 1
    send(owner, review(owner))
    assert Message.objects.count() == 4


def test_without_a_token_nothing_is_sent(world, owner):
    page = owner.post("/send/", TYPED | {"do": "send"})
    assert "Send to 2 people" in said(page)
    assert not Message.objects.exists()


def test_a_token_of_another_account_is_not_ours(world, owner):
    page = review(owner)
    send(owner, page)
    stranger = signed_in(world.stranger)
    other = {
        "from": "+447700900003",
        "to": "07700900503",
        "text": "Hi. STOP to leave",
        "token": fields(page)["token"],
        "do": "send",
    }
    stranger.post("/send/", other)
    assert Message.objects.get(account=world.other).recipient == CLEO


# A text without a way out


def test_a_text_without_a_way_out_goes_only_where_none_is_demanded(world, owner):
    page = review(owner, text="Hello!")
    assert "rules of United Kingdom demand a way out" in said(page)
    done = send(owner, page)
    assert done.status_code == 422
    assert "Messages to GB must say how to opt out." in said(done)
    assert not Message.objects.exists()
    page = review(owner, text="Hello!", to="+1 202 555 0123")  # the US demand one of sender names alone
    assert "no rule that Heed knows demands one" in said(page)
    assert send(owner, page).status_code == 302
    page = review(owner, text="Hello!", to="+1 202 555 0123", **{"from": "ACME"})
    assert "rules of United States demand a way out" in said(page)


def test_an_administrator_may_send_it_with_a_reason_that_is_kept(world, owner):
    page = review(owner, text="Your order is on its way.")
    assert send(owner, page, reason="  ").status_code == 422
    done = send(owner, page, reason="Order confirmation")
    assert done.status_code == 302
    send(owner, page, reason="Order confirmation")  # a second click
    assert Message.objects.count() == 2
    [kept] = Audit.objects.filter(action="send.without_exit")
    assert (kept.actor, kept.subject) == ("owner@example.com", FROM)
    assert kept.detail == {"reason": "Order confirmation", "countries": ["GB"]}
    send(owner, review(owner), reason="Not needed")  # this text has one
    assert Audit.objects.filter(action="send.without_exit").count() == 1


def test_a_marketer_may_not(world):
    marketer = signed_in(world.teammate)
    page = review(marketer, text="Hello!")
    text = page.content.decode()
    assert 'name="reason"' not in text
    assert re.search(r'value="send" disabled', text)
    assert "An owner or administrator can send it" in said(page)
    assert send(marketer, page, reason="I want to").status_code == 422
    assert not Message.objects.exists()
    assert not Audit.objects.filter(action="send.without_exit").exists()


def test_while_it_is_written_the_countries_typed_count(world, owner):
    assert "rules of United Kingdom" in said(owner.post("/send/count/", TYPED | {"text": "Hi", "to": ""}))
    assert "rules of France" in said(owner.post("/send/count/", TYPED | {"text": "Hi", "to": "+33 6 12 34 56 78, x"}))
    assert "demand" not in said(owner.post("/send/count/", TYPED))


def test_many_recipients_cost_no_more_queries_than_few(world, owner, django_assert_max_num_queries):
    leave(world, ANNA)
    many = "\n".join(str(number) for number in range(447700900500, 447700901000))
    with django_assert_max_num_queries(16):
        review(owner, to=many)
    with django_assert_max_num_queries(13):
        owner.post("/send/count/", TYPED)


def test_the_gate_is_asked_for_the_pool_too(world, owner):
    world.number.pool_id = world.second.id
    world.number.save(update_fields=["pool_id"])
    leave(world, ANNA, world.second.id)
    assert gate.may_send(world.account.id, world.number.id, [ANNA], pool_id=world.second.id)
    assert "Send to 1 person" in said(review(owner))
