"""Messages: the list, one send as it goes, and the life of one message."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from people import ANNA, BEN, CLEO, signed_in
from reading import said

from heed.console import ids, words
from heed.core import consent, inbound, outbound
from heed.core.consent import Cause
from heed.core.models import Message, Source
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS
from heed.rules.states import MessageState
from heed.rules.values import InboundText

HTMX = {"HX-Request": "true"}


def queue(sender, *people, text="Hello", send=""):
    drafts = [Draft(one, numbers.show(one), text, send) for one in people]
    return [one.id for one in outbound.queue(sender, drafts, door="quick_send", actor="owner@example.com")]


def public(message_id):
    return ids.public(ids.MESSAGE, message_id)


def shown(page):
    return [line.message.id for line in page.context["lines"]]


def settle(message_id, state, **columns):
    Message.objects.filter(id=message_id).update(state=state, settled_at=timezone.now(), **columns)


# Who may


@pytest.mark.parametrize("who", ["owner", "teammate", "viewer"])
def test_every_member_reads(world, who):
    (message_id,) = queue(world.number, ANNA, text="Good morning")
    client = signed_in(getattr(world, who))
    for path in ("/messages/", f"/messages/{public(message_id)}/"):
        page = client.get(path)
        assert page.status_code == 200
        assert "Good morning" in said(page)
        assert (f"/messages/{public(message_id)}/cancel/" in page.content.decode()) == (
            who != "viewer" and path != "/messages/"
        )
        assert ('href="/send/"' in page.content.decode()) == (who != "viewer")


def test_a_stranger_sees_and_cancels_nothing(world):
    first, last = queue(world.number, ANNA, BEN, text="Good morning", send="one")
    stranger = signed_in(world.stranger)
    for path in (
        "/messages/",
        "/messages/?number=07700900501",
        "/messages/?state=queued",
        f"/messages/?first={public(first)}&last={public(last)}",
        f"/messages/?before={public(last + 1)}",
    ):
        page = stranger.get(path)
        assert (page.status_code, shown(page)) == (200, [])
    assert stranger.get(f"/messages/{public(first)}/").status_code == 404
    assert stranger.post(f"/messages/{public(first)}/cancel/").status_code == 404
    assert Message.objects.get(id=first).state == "queued"


def test_others_sign_in_first(world, client):
    (message_id,) = queue(world.number, ANNA)
    path = f"/messages/{public(message_id)}/"
    for one in ("/messages/", path):
        assert client.get(one)["Location"] == f"/sign-in/?next={one}"
    assert client.post(f"{path}cancel/").status_code == 401
    assert Message.objects.get().state == "queued"
    poll = client.get("/messages/?seen=1", headers=HTMX | {"HX-Current-URL": "http://testserver/messages/?number=1"})
    assert poll.status_code == 401


# The list


def test_an_empty_list_teaches(world, owner):
    words = said(owner.get("/messages/"))
    assert "No messages yet" in words
    assert "Send the first message" in words
    assert "Send the first message" not in said(signed_in(world.viewer).get("/messages/"))


def test_newest_first_in_words(world, owner):
    queue(world.number, ANNA)
    consent.opt_out(world.account.id, ALL_SENDERS, BEN, Cause(Source.WEB_FORM))
    queue(world.second, BEN)
    page = owner.get("/messages/")
    assert [line.message.recipient for line in page.context["lines"]] == [BEN, ANNA]
    day = words.day(timezone.now())
    assert f"Suppressed +44 7700 900502 Hello Not sent: opted out of the account on {day} on the web form." in said(
        page
    )
    assert f'href="/opt-outs/{BEN}/"' in page.content.decode()


@pytest.mark.parametrize(
    "raw", ["+447700900501", "07700 900501", "00447700900501", "+44 (0)7700 900501", " 07700-900501 "]
)
def test_a_number_is_found_in_any_spelling(world, owner, raw):
    (message_id, _other) = queue(world.number, ANNA, BEN)
    assert shown(owner.get("/messages/", {"number": raw})) == [message_id]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"number": "hello"}, "“hello” is not a phone number."),
        ({"number": "<b>"}, "“<b>” is not a phone number."),
        ({"number": "0" * 400}, "is not a phone number."),
        ({"state": "nonsense"}, "There is no such state."),
        ({"number": "+447700900777"}, "No message fits"),
        ({"state": "failed"}, "No message fits"),
    ],
)
def test_what_is_not_found(world, owner, asked, told):
    queue(world.number, ANNA)
    page = owner.get("/messages/", asked)
    assert (page.status_code, shown(page)) == (200, [])
    assert told in said(page)


@pytest.mark.parametrize("name", ["before", "first"])
def test_unknown_ids_are_not_found(world, owner, name):
    queue(world.number, ANNA)
    for value in ("nonsense", ids.public(ids.ENTRY, 1), "tid_" + "0" * 32):
        assert owner.get("/messages/", {name: value, "last": value}).status_code == 404
        assert owner.get(f"/messages/{value}/").status_code == 404


def test_states_filter(world, owner):
    queued, sent = queue(world.number, ANNA, BEN)
    settle(sent, "sent")
    assert shown(owner.get("/messages/?state=sent")) == [sent]
    assert shown(owner.get("/messages/?state=queued")) == [queued]


def test_pages_follow_each_other(world, owner):
    made = queue(world.number, *range(447700900500, 447700900620), text="Hi")
    seen, path = [], "/messages/?state=queued"
    while path:
        page = owner.get(path)
        seen += shown(page)
        assert f"?{page.context['older']}" in page.content.decode().replace("&amp;", "&")
        path = page.context["older"] and f"/messages/?{page.context['older']}"
    assert seen == sorted(made, reverse=True)
    assert not page.context["again"]  # an older page stands still


def test_the_list_costs_the_same_for_many(world, owner, django_assert_max_num_queries):
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.WEB_FORM))
    queue(world.number, *range(447700900500, 447700900560))
    with django_assert_max_num_queries(9):
        owner.get("/messages/")


# One send as it goes


def test_one_send_alone_is_shown(world, owner):
    (first,) = queue(world.number, ANNA, send="one")
    queue(world.number, CLEO, send="two")  # its ids lie between
    (last,) = queue(world.number, BEN, send="one")
    path = f"/messages/?first={public(first)}&last={public(last)}"
    page = owner.get(path)
    assert shown(page) == [last, first]
    assert "This send" in said(page)
    assert "2 queued" in said(page)
    assert shown(owner.get(f"{path}&number=07700900501")) == [first]


def test_its_rows_are_asked_for_again_until_they_have_settled(world, owner):
    first, last = queue(world.number, ANNA, BEN, send="one")
    path = f"/messages/?first={public(first)}&last={public(last)}"
    page = owner.get(path)
    again = page.context["again"]
    assert f'hx-get="/messages/?{again}"' in page.content.decode().replace("&amp;", "&")
    unchanged = owner.get(f"/messages/?{again}", headers=HTMX)
    assert (unchanged.status_code, unchanged.content) == (204, b"")
    settle(first, "sent")
    part = owner.get(f"/messages/?{again}", headers=HTMX)
    assert part.status_code == 200
    assert "<html" not in part.content.decode()
    assert "1 queued 1 sent" in said(part)
    settle(last, "sent")
    part = owner.get(f"/messages/?{part.context['again']}", headers=HTMX)
    assert "2 sent" in said(part)
    assert "hx-trigger" not in part.content.decode()


@pytest.mark.parametrize(
    ("state", "due_in", "is_watched"),
    [
        ("queued", None, True),
        ("sending", None, True),
        ("waiting", timedelta(seconds=30), True),
        ("waiting", timedelta(hours=3), False),
        ("sent", None, False),
        ("suppressed", None, False),
        ("unconfirmed", None, False),
    ],
)
def test_what_moves_is_watched(world, owner, state, due_in, is_watched):
    (message_id,) = queue(world.number, ANNA)
    due_at = due_in and timezone.now() + due_in
    Message.objects.filter(id=message_id).update(state=state, due_at=due_at)
    for path in ("/messages/", f"/messages/{public(message_id)}/"):
        page = owner.get(path)
        assert bool(page.context["again"]) == is_watched
        assert ("every 2s" in page.content.decode()) == is_watched


# One message


def test_the_life_of_a_message_that_was_answered_with_stop(world, owner):
    (message_id,) = queue(world.number, ANNA)
    Message.objects.filter(id=message_id).update(claimed_at=timezone.now(), tries=1, provider_id="carrier-1")
    settle(message_id, "delivered")
    page = owner.get(f"/messages/{public(message_id)}/")
    assert [step.title for step in page.context["steps"]] == ["Queued", "Taken for sending", "Delivered"]
    assert "Quick send, by owner@example.com" in said(page)
    assert "carrier-1" in said(page)


def test_the_life_of_a_message_that_was_stopped(world, owner):
    cause = Cause(Source.CONSOLE, "owner@example.com", note="Said so on the phone")
    consent.opt_out(world.account.id, world.number.id, ANNA, cause)
    (message_id,) = queue(world.number, ANNA)
    page = owner.get(f"/messages/{public(message_id)}/")
    assert [step.title for step in page.context["steps"]] == ["Opt-out took effect", "Queued", "Suppressed"]
    told = said(page)
    assert "Said so on the phone" in told
    assert "Not sent: opted out of +447700900001 on" in told
    assert "by hand, by owner@example.com." in told


def test_the_life_of_an_answer_begins_with_the_text(world, owner):
    inbound.receive(world.link, [InboundText("a", numbers.show(ANNA), world.number.address, "HELP")])
    answer = Message.objects.get(purpose="answer")
    page = owner.get(f"/messages/{public(answer.id)}/")
    assert [step.title for step in page.context["steps"]] == ["Text received that this answers", "Queued"]
    assert "Automatic answer" in said(page)
    assert "cancel/" not in page.content.decode()
    assert "Automatic answer" in said(owner.get("/messages/"))


def test_a_message_in_motion_is_asked_for_again(world, owner):
    (message_id,) = queue(world.number, ANNA)
    path = f"/messages/{public(message_id)}/"
    again = owner.get(path).context["again"]
    assert owner.get(f"{path}?{again}", headers=HTMX).status_code == 204
    settle(message_id, "sent")
    page = owner.get(f"{path}?{again}", headers=HTMX)
    assert page.status_code == 200
    assert not page.context["again"]


@pytest.mark.parametrize("state", list(MessageState))
def test_every_state_has_words(world, owner, state):
    (message_id,) = queue(world.number, ANNA)
    Message.objects.filter(id=message_id).update(state=state)
    badge = str(words.STATES[state].words)
    assert badge in said(owner.get("/messages/"))
    assert badge in said(owner.get(f"/messages/{public(message_id)}/"))


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"state": "suppressed", "reason": "in_review"}, "Not sent: a text from this person is in review."),
        ({"state": "suppressed", "reason": "carrier"}, "Not sent: the carrier says that this person has opted out."),
        ({"state": "suppressed", "reason": "partly_sent"}, "The rest was not sent: the person opted out while"),
        ({"state": "suppressed", "reason": "opted_out"}, "Not sent: this person has opted out."),
        ({"state": "failed"}, "The carrier refused it."),
        ({"state": "failed", "words": "Unknown subscriber"}, "Unknown subscriber"),
        ({"state": "unconfirmed"}, "It may have been sent: the carrier did not answer."),
        ({"state": "expired"}, "It could not be sent in time."),
        ({"state": "waiting", "words": "Too fast"}, "Too fast"),
    ],
)
def test_every_reason_is_told(world, owner, columns, why):
    (message_id,) = queue(world.number, ANNA)
    Message.objects.filter(id=message_id).update(**columns)
    assert why in said(owner.get("/messages/"))
    assert why in said(owner.get(f"/messages/{public(message_id)}/"))


# Cancel


@pytest.mark.parametrize(
    ("state", "after", "told"),
    [
        ("queued", "cancelled", "The message is cancelled. It will not be sent."),
        ("waiting", "cancelled", "The message is cancelled. It will not be sent."),
        ("sending", "sending", "It is too late to cancel this message."),
        ("sent", "sent", "It is too late to cancel this message."),
        ("suppressed", "suppressed", "It is too late to cancel this message."),
    ],
)
def test_a_message_is_cancelled_until_it_is_taken(world, owner, state, after, told):
    (message_id,) = queue(world.number, ANNA)
    Message.objects.filter(id=message_id).update(state=state)
    page = owner.post(f"/messages/{public(message_id)}/cancel/", follow=True)
    assert told in said(page)
    assert Message.objects.get().state == after


def test_viewers_and_links_cancel_nothing(world, owner):
    (message_id,) = queue(world.number, ANNA)
    path = f"/messages/{public(message_id)}/cancel/"
    assert signed_in(world.viewer).post(path).status_code == 403
    assert owner.get(path).status_code == 405
    assert Message.objects.get().state == "queued"


def test_an_answer_is_not_cancelled(world, owner):
    inbound.receive(world.link, [InboundText("a", numbers.show(ANNA), world.number.address, "HELP")])
    answer = Message.objects.get(purpose="answer")
    owner.post(f"/messages/{public(answer.id)}/cancel/")
    answer.refresh_from_db()
    assert answer.state == "queued"


def test_times_are_in_the_accounts_zone(world, owner):
    world.account.time_zone = "Asia/Tokyo"
    world.account.save(update_fields=["time_zone"])
    (message_id,) = queue(world.number, ANNA)
    Message.objects.update(created_at="2026-03-31T20:15:30Z")
    assert "1 Apr 2026, 05:15" in said(owner.get("/messages/"))
    assert "1 Apr 2026, 05:15:30 JST" in said(owner.get(f"/messages/{public(message_id)}/"))
