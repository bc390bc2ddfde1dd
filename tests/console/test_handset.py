"""The handset: what its phone shows, what it sends, and the four steps beside it."""

from __future__ import annotations

import pytest
from people import ANNA, BEN, FIRST_NUMBER, SHARED_NUMBER, THIRD_NUMBER, signed_in

from heed.console import ids
from heed.core import accounts, inbound, outbound, sandbox
from heed.core.models import Inbound, Message
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.values import InboundText, Outgoing

PHONE = f"/handset/?phone=%2B{ANNA}"


def arrive(world, text, sender=None, phone=ANNA):
    """Queue a message and let the sandbox deliver it."""
    sender = sender or world.number
    row = outbound.queue(sender, [Draft(phone, numbers.show(phone), text)], door="quick_send", actor="test")[0]
    Message.objects.filter(id=row.id).update(state="sent")
    sandbox.record(world.link.id, Outgoing(ids.public(ids.MESSAGE, row.id), sender.address, numbers.show(phone), text))


def text(world, words, to=FIRST_NUMBER, phone=ANNA):
    return inbound.receive(world.link, [InboundText("", numbers.show(phone), numbers.show(to), words)])


def kinds(answer):
    return [bubble.kind for bubble in answer.context["bubbles"]]


def test_the_phone_shows_what_came_what_it_wrote_and_what_was_stopped(owner, world):
    arrive(world, "Hello <b>Anna</b>, see http://example.com/a?b=1&c=2.")
    text(world, "STOP")
    outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Again")], door="quick_send", actor="test")
    page = owner.get(PHONE)
    assert kinds(page) == ["got", "wrote", "stopped"]
    words = page.content.decode()
    assert "Hello &lt;b&gt;Anna&lt;/b&gt;" in words
    assert '<a href="http://example.com/a?b=1&amp;c=2" rel="noopener noreferrer nofollow"' in words
    assert "Not sent: opted out of +447700900001" in words
    assert page.context["bubbles"][-1].link in words
    assert [step.is_done for step in page.context["steps"]] == [True, True, True, True]
    assert "That is the promise" in words


def test_the_steps_are_ticked_one_after_the_other(owner, world):
    assert [step.is_done for step in owner.get(PHONE).context["steps"]] == [True, False, False, False]
    arrive(world, "Hello")
    assert [step.is_done for step in owner.get(PHONE).context["steps"]] == [True, True, False, False]
    text(world, "STOP")
    assert [step.is_done for step in owner.get(PHONE).context["steps"]] == [True, True, True, False]


def test_an_empty_phone_says_what_to_do(owner):
    assert b"No texts yet" in owner.get("/handset/").content


def test_the_screen_is_sent_again_only_when_something_changed(owner, world):
    first = owner.get(PHONE)
    seen = first.context["seen"]
    path = f"/handset/screen/?phone=%2B{ANNA}&seen="
    assert owner.get(path + seen).status_code == 204
    arrive(world, "Hello")
    second = owner.get(path + seen)
    assert second.status_code == 200
    assert second.context["seen"] != seen
    assert b"hx-swap-oob" in second.content
    assert owner.get(path + second.context["seen"]).status_code == 204


@pytest.mark.parametrize("data", [{"word": "STOP"}, {"text": "stop"}, {"text": "hello", "word": "STOP"}])
def test_a_text_is_received_as_from_any_phone(owner, world, data):
    answer = owner.post("/handset/text/", {"phone": numbers.show(ANNA), "to": numbers.show(FIRST_NUMBER), **data})
    assert answer.url == "/handset/?phone=%2B447700900501&to=%2B447700900001"
    assert Inbound.objects.get().verdict == "opt_out"


def test_the_free_keyword_goes_to_the_shared_number(owner, world):
    words = accounts.free_keyword(world.account)
    owner.post("/handset/text/", {"phone": numbers.show(ANNA), "to": numbers.show(SHARED_NUMBER), "text": words})
    assert Inbound.objects.get().verdict == "opt_out"
    assert kinds(owner.get(PHONE))[0] == "wrote"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"to": numbers.show(THIRD_NUMBER), "text": "STOP"}, b"Pick a number to text to."),  # the stranger's
        ({"to": "", "text": "STOP"}, b"Pick a number to text to."),
        ({"to": "ACME", "text": "STOP"}, b"Pick a number to text to."),
        ({"to": numbers.show(FIRST_NUMBER), "text": "  "}, b"Write a text first."),
        ({"to": numbers.show(FIRST_NUMBER)}, b"Write a text first."),
        ({"to": numbers.show(FIRST_NUMBER), "text": "x" * 1601}, b"send more than 1,600 characters"),
        ({"to": numbers.show(FIRST_NUMBER), "text": "STOP", "phone": "+447700900001"}, b"sandbox&#x27;s phones are"),
        ({"to": numbers.show(FIRST_NUMBER), "text": "STOP", "phone": "\x00"}, b"sandbox&#x27;s phones are"),
    ],
)
def test_what_no_phone_could_send_is_refused(owner, world, data, words):
    answer = owner.post("/handset/text/", {"phone": numbers.show(ANNA), **data}, follow=True)
    assert words in answer.content
    assert not Inbound.objects.exists()


@pytest.mark.parametrize("asked", ["nonsense", "%2B447700900001", "%00", "%2B12025550123"])
def test_another_phone_than_the_sandbox_s_is_not_picked_up(owner, asked):
    page = owner.get(f"/handset/?phone={asked}")
    assert page.status_code == 200
    assert b'id="phone-error"' in page.content
    assert page.context["phone"] == "+447700900500"


def test_a_stranger_sees_nothing_of_the_account_on_the_same_phone(client, world):
    arrive(world, "Hello from Acme")
    arrive(world, "Hello by name", world.name)
    text(world, "Who is this?")
    client.force_login(world.stranger)
    page = client.get(PHONE)
    assert kinds(page) == []
    assert b"900001" not in page.content
    assert client.get(f"/handset/screen/?phone=%2B{ANNA}&seen={page.context['seen']}").status_code == 204


def test_another_phone_is_another_person(owner, world):
    arrive(world, "Hello", phone=BEN)
    assert kinds(owner.get(PHONE)) == []


def test_a_viewer_reads_the_phone_and_texts_nothing(client, world):
    client.force_login(world.viewer)
    arrive(world, "Hello")
    page = client.get(PHONE)
    assert kinds(page) == ["got"]
    assert b"phone-keys" not in page.content
    assert client.post("/handset/text/", {"to": numbers.show(FIRST_NUMBER), "word": "STOP"}).status_code == 403
    assert not Inbound.objects.exists()


def test_looking_at_it_changes_nothing_and_asks_little(owner, world, django_assert_max_num_queries):
    for at in range(30):
        arrive(world, f"Hello {at}")
        text(world, f"Hi {at}")
    with django_assert_max_num_queries(25):
        owner.get(PHONE)
    assert owner.get("/handset/text/").status_code == 405
    assert owner.post("/handset/").status_code == 405
    assert owner.post("/handset/screen/").status_code == 405


@pytest.mark.parametrize("path", ["/handset/", "/handset/screen/"])
def test_nobody_looks_unsigned(client, world, path):
    assert client.get(path).url.startswith("/sign-in/")


def test_what_a_phone_wrote_to_a_shared_number_is_shown_to_whom_it_concerns(owner, world):
    shared = world.shared.address
    owner.post("/handset/text/", {"phone": numbers.show(ANNA), "to": shared, "text": "hello from our page"})
    inbound.receive(world.link, [InboundText("s1", numbers.show(ANNA), shared, "hello from elsewhere")])
    theirs = signed_in(world.stranger).get(f"/handset/?phone=%2B{ANNA}").content.decode()
    ours = owner.get(f"/handset/?phone=%2B{ANNA}").content.decode()
    assert ("hello from our page" in ours, "hello from our page" in theirs) == (True, False)
    assert "hello from elsewhere" not in ours + theirs  # nobody's, where there are two accounts
