"""Reviews: what waits for a decision, its clock and conversation, deciding, and where else the console says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from people import ANNA, BEN, CLEO, FIRST_NUMBER, SECOND_NUMBER, SHARED_NUMBER

from heed.console import ids
from heed.console.reviews import clock
from heed.core import inbound, outbound, reviews
from heed.core.models import Decision, Inbound, LedgerEntry, Review
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.values import InboundText

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OPT_OUT, NOT_ONE = {"decision": "opt_out"}, {"decision": "not_an_opt_out"}


@pytest.fixture
def owner(client, world):
    client.force_login(world.owner)
    return client


def text(world, words, phone=ANNA, to=FIRST_NUMBER):
    raw = InboundText("", numbers.show(phone), numbers.show(to), words)
    return Inbound.objects.get(id=inbound.receive(world.link, [raw])[0].id)


def asked(world, words, phone=ANNA, to=FIRST_NUMBER):
    """The review that a text opens."""
    return Review.objects.get(inbound=text(world, words, phone, to), account=world.account)


def at(row, name="review"):
    return reverse(name, args=[ids.public(ids.REVIEW, row.id)])


def due(row, **by):
    Review.objects.filter(id=row.id).update(due_at=datetime.now(UTC) + timedelta(**by))


def shown(page):
    return [line.review.inbound.text for line in page.context["lines"]]


def told(answer):
    return [str(one) for one in get_messages(answer.wsgi_request)]


# The queue


def test_oldest_first_and_the_overdue_before_all(owner, world):
    rows = [asked(world, words) for words in ("stpo", "not interested", "wrong number")]
    assert shown(owner.get("/reviews/")) == ["stpo", "not interested", "wrong number"]
    due(rows[0], hours=5)
    due(rows[1], days=6, hours=1)
    due(rows[2], hours=-1)
    page = owner.get("/reviews/")
    assert shown(page) == ["wrong number", "stpo", "not interested"]
    assert [str(line.clock.words) for line in page.context["lines"]] == ["Overdue", "Due in 4 hours", "Due in 6 days"]
    assert b"<mark>wrong number</mark>" in page.content


@pytest.mark.parametrize(
    ("left", "words", "colour"),
    [
        (timedelta(days=9, hours=23), "Due in 9 days", "secondary"),
        (timedelta(days=1, seconds=1), "Due in 1 day", "secondary"),
        (timedelta(days=1), "Due in 24 hours", "orange"),
        (timedelta(hours=1), "Due in 1 hour", "orange"),
        (timedelta(minutes=59), "Due within the hour", "red"),
        (timedelta(0), "Overdue", "red"),
        (timedelta(days=-3), "Overdue", "red"),
    ],
)
def test_the_clock_in_words(left, words, colour):
    badge = clock(NOW + left, NOW)
    assert (str(badge.words), badge.colour) == (words, colour)


def test_an_empty_queue_teaches(owner):
    page = owner.get("/reviews/")
    assert b"Nothing to decide" in page.content
    assert b"menu-count" not in page.content
    assert b"Nothing has been decided yet" in owner.get("/reviews/decided/").content


def test_more_than_a_page_come_up_as_one_decides(owner, world, monkeypatch):
    monkeypatch.setattr("heed.console.reviews.A_PAGE", 2)
    first = asked(world, "stpo")
    for words in ("not interested", "wrong number"):
        asked(world, words)
    assert shown(owner.get("/reviews/")) == ["stpo", "not interested"]
    due(first, hours=-1)
    assert shown(owner.get("/reviews/")) == ["stpo", "not interested"]
    assert b"The 2 most urgent ones stand here" in owner.get("/reviews/").content
    owner.post(at(first, "decide_review"), NOT_ONE)
    assert shown(owner.get("/reviews/")) == ["not interested", "wrong number"]


# One review


def test_it_shows_the_text_the_rule_and_what_waits(owner, world):
    page = owner.get(at(asked(world, "Sorry, WRONG  number <b>", to=SECOND_NUMBER)))
    words = page.content.decode()
    assert "Sorry, <mark>WRONG  number</mark> &lt;b&gt;" in words
    assert "Here because of “wrong number” (rule: wrong number)." in words
    assert "the account sends them nothing but automatic answers" in words
    assert "to +44 7700 900002" in words
    assert "Nothing else was sent to this number or came from it." in words


def test_what_folding_has_changed_is_not_marked(owner, world):
    words = owner.get(at(asked(world, "ｓｔｐｏ"))).content.decode()
    assert "ｓｔｐｏ" in words
    assert "<mark>" not in words


def test_the_conversation_goes_both_ways_and_is_bounded(owner, world, monkeypatch):
    monkeypatch.setattr("heed.console.turns.AROUND", 2)
    drafts = [Draft(ANNA, numbers.show(ANNA), f"Offer {n}") for n in range(3)]
    for draft in drafts:
        outbound.queue(world.number, [draft], door="test", actor="")
    text(world, "Who is this?")
    row = asked(world, "not interested")
    outbound.queue(world.second, [Draft(ANNA, numbers.show(ANNA), "From the second")], door="test", actor="")
    outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Too late")], door="test", actor="")
    text(world, "hello?")
    outbound.queue(world.number, [Draft(BEN, numbers.show(BEN), "To somebody else")], door="test", actor="")
    turns = owner.get(at(row)).context["turns"]
    assert [(turn.kind, turn.text, turn.is_asked) for turn in turns] == [
        ("wrote", "Offer 2", False),
        ("got", "Who is this?", False),
        ("got", "not interested", True),
        ("wrote", "From the second", False),
        ("wrote", "Too late", False),
    ]


def test_a_text_to_a_shared_number_shows_this_account_alone(owner, world):
    draft = Draft(ANNA, numbers.show(ANNA), f"To stop, text {numbers.show(SHARED_NUMBER)}")
    outbound.queue(world.number, [draft], door="test", actor="")
    outbound.queue(
        world.other_number,
        [Draft(ANNA, numbers.show(ANNA), f"Others: {numbers.show(SHARED_NUMBER)}")],
        door="test",
        actor="",
    )
    row = asked(world, "wrong number", to=SHARED_NUMBER)
    texts = [turn.text for turn in owner.get(at(row)).context["turns"]]
    assert texts == [draft.text, "wrong number"]


# Deciding


def test_a_decision_leads_to_the_next_and_at_last_to_the_queue(owner, world):
    first, second, third = (asked(world, words) for words in ("stpo", "not interested", "wrong number"))
    answer = owner.post(at(second, "decide_review"), OPT_OUT | {"note": " Clear. "})
    assert (answer.url, told(answer)) == (at(third), ["+44 7700 900501 is opted out."])
    second.refresh_from_db()
    assert (second.decision, second.decided_by, second.note) == ("opt_out", "owner@example.com", "Clear.")
    answer = owner.post(at(third, "decide_review"), NOT_ONE)
    assert answer.url == at(first)
    answer = owner.post(at(first, "decide_review"), OPT_OUT)
    assert (answer.url, told(answer)[-1]) == ("/reviews/", "+44 7700 900501 had opted out already.")
    assert not reviews.queue(world.account).exists()


def test_the_next_after_the_overdue_is_the_oldest(owner, world):
    first, second, third = (asked(world, words) for words in ("stpo", "not interested", "wrong number"))
    due(third, hours=-1)
    assert owner.get(at(third)).context["following"] == ids.public(ids.REVIEW, first.id)
    assert owner.get(at(first)).context["following"] == ids.public(ids.REVIEW, second.id)
    assert owner.get(at(second)).context["following"] == ids.public(ids.REVIEW, third.id)


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("ben@example.com", "ben@example.com has decided about +44 7700 900501 already: Not an opt-out."),
        (None, "The time to decide about +44 7700 900501 was over: opted out."),
    ],
)
def test_who_comes_second_is_told_and_changes_nothing(owner, world, by, words):
    row = asked(world, "stpo")
    if by:
        reviews.decide(row, Decision.NOT_AN_OPT_OUT, actor=by)
    else:
        due(row, hours=-1)
        reviews.expire()
    entries = LedgerEntry.objects.count()
    answer = owner.post(at(row, "decide_review"), OPT_OUT)
    assert told(answer) == [f"{words} Nothing is changed."]
    assert LedgerEntry.objects.count() == entries
    row.refresh_from_db()
    assert row.decided_by == (by or "")
    page = owner.get(at(row)).content
    assert b"/decide/" not in page
    assert (b"Decided by ben@example.com" if by else b"Nobody had decided by the deadline") in page


@pytest.mark.parametrize("raw", ["", "perhaps", "OPT_OUT"])
def test_what_is_no_decision_decides_nothing(owner, world, raw):
    row = asked(world, "stpo")
    assert owner.post(at(row, "decide_review"), {"decision": raw}).status_code == 400
    row.refresh_from_db()
    assert row.decided_at is None


def test_looking_decides_nothing(owner, world):
    row = asked(world, "stpo")
    assert owner.get(at(row, "decide_review")).status_code == 405
    assert owner.post(at(row)).status_code == 405
    assert owner.get("/reviews/nonsense/").status_code == 404


def test_the_decided_ones_by_the_time_of_their_decision(owner, world, monkeypatch):
    monkeypatch.setattr("heed.console.reviews.A_PAGE", 2)
    first, second, third = (asked(world, words) for words in ("stpo", "not interested", "wrong number"))
    for row in (second, third):
        owner.post(at(row, "decide_review"), NOT_ONE | {"note": "A joke"})
    due(first, hours=-1)
    reviews.expire()
    page = owner.get("/reviews/decided/")
    assert shown(page) == ["stpo", "wrong number"]
    assert b"The deadline" in page.content
    assert b"owner@example.com" in page.content
    assert b"A joke" in page.content
    rest = owner.get(f"/reviews/decided/?{page.context['older']}")
    assert (shown(rest), rest.context["older"]) == (["not interested"], "")
    assert owner.get("/reviews/decided/?before=nonsense").status_code == 404


# Who may


def test_a_marketer_decides(client, world):
    client.force_login(world.teammate)
    row = asked(world, "stpo")
    assert b"/decide/" in client.get(at(row)).content
    assert client.post(at(row, "decide_review"), OPT_OUT).status_code == 302
    row.refresh_from_db()
    assert row.decided_by == "marketer@example.com"


def test_a_viewer_reads_and_does_not_decide(client, world):
    client.force_login(world.viewer)
    row = asked(world, "stpo")
    assert shown(client.get("/reviews/")) == ["stpo"]
    assert b"Start with the first" not in client.get("/reviews/").content
    page = client.get(at(row))
    assert b"stpo" in page.content
    assert b"/decide/" not in page.content
    assert client.post(at(row, "decide_review"), OPT_OUT).status_code == 403
    row.refresh_from_db()
    assert row.decided_at is None


def test_a_stranger_reads_and_decides_nothing(client, world):
    row, done = asked(world, "stpo"), asked(world, "not interested")
    reviews.decide(done, Decision.NOT_AN_OPT_OUT, actor="anna")
    client.force_login(world.stranger)
    for path in ("/reviews/", "/reviews/decided/"):
        assert shown(client.get(path)) == []
        assert b"menu-count" not in client.get(path).content
    for one in (row, done):
        assert client.get(at(one)).status_code == 404
        assert client.post(at(one, "decide_review"), OPT_OUT).status_code == 404
    foreign = ids.public(ids.REVIEW, done.id)
    assert shown(client.get(f"/reviews/decided/?before={foreign}")) == []
    row.refresh_from_db()
    assert row.decided_at is None


def test_without_a_session_one_signs_in(client, world):
    assert client.get("/reviews/").url.startswith("/sign-in/")
    assert client.post(at(asked(world, "stpo"), "decide_review"), OPT_OUT).status_code == 401


def test_many_cost_no_more_than_few(owner, world, django_assert_max_num_queries):
    for n in range(12):
        text(world, "stpo", 447700900600 + n)
        outbound.queue(
            world.number, [Draft(ANNA, numbers.show(ANNA), f"Offer {n}"), Draft(BEN, numbers.show(BEN), "x")],
            door="test", actor="",
        )  # fmt: skip
        text(world, "hm", ANNA)
    row = asked(world, "wrong number")
    for path, most in (("/reviews/", 10), (at(row), 15), ("/reviews/decided/", 8)):
        with django_assert_max_num_queries(most):
            assert owner.get(path).status_code == 200


# Elsewhere in the console


def test_the_menu_counts_what_is_open_up_to_a_bound(owner, world, monkeypatch):
    monkeypatch.setattr("heed.console.counting.MANY_WAITING", 2)
    rows = [asked(world, "stpo")]
    assert b'menu-count">1<' in owner.get("/inbox/").content
    rows += [asked(world, "not interested"), asked(world, "wrong number")]
    assert b'menu-count">2+<' in owner.get("/inbox/").content
    for row in rows:
        reviews.decide(row, Decision.NOT_AN_OPT_OUT, actor="anna")
    assert b"menu-count" not in owner.get("/inbox/").content


def test_home_warns_a_day_before_and_when_it_is_over(owner, world):
    near, late, _later = (asked(world, words) for words in ("stpo", "not interested", "wrong number"))
    assert b"due within a day" not in owner.get("/").content
    due(near, hours=23)
    page = owner.get("/").content
    assert b"Reviews due within a day: 1." in page
    assert b"overdue" not in page
    due(late, hours=-1)
    page = owner.get("/").content
    assert b"Reviews overdue: 1." in page
    assert b"Reviews due within a day: 1." in page
    reviews.decide(near, Decision.NOT_AN_OPT_OUT, actor="anna")
    assert b"due within a day" not in owner.get("/").content


def test_the_inbox_leads_to_the_review(owner, world):
    row = asked(world, "stpo")
    page = owner.get("/inbox/").content.decode()
    assert f'href="{at(row)}">In review' in page
    assert "Reply" not in page  # nothing goes to them now
    reviews.decide(row, Decision.NOT_AN_OPT_OUT, actor="anna")
    page = owner.get("/inbox/").content.decode()
    assert f'href="{at(row)}">Review' in page
    assert "Not an opt-out" in page
    assert "Reply" in page


def test_the_opt_out_button_of_the_inbox_decides(owner, world):
    row = asked(world, "stpo")
    owner.post(reverse("opt_out_text", args=[ids.public(ids.INBOUND, row.inbound_id)]))
    row.refresh_from_db()
    assert (row.decision, row.decided_by) == ("opt_out", "owner@example.com")


def titles(client, phone):
    return [moment.title for moment in client.get(f"/opt-outs/{phone}/").context["moments"]]


def test_the_history_tells_holds_and_decisions_in_words(owner, world):
    held = "Held by a review: this may be an opt-out of +447700900001"
    reviews.decide(asked(world, "stpo"), Decision.NOT_AN_OPT_OUT, actor="10% anna")
    assert titles(owner, ANNA) == [
        "The review about +447700900001 was decided by 10% anna: not an opt-out",
        held,
    ]
    reviews.decide(asked(world, "stpo", BEN), Decision.OPT_OUT, actor="anna")
    assert set(titles(owner, BEN)) == {
        held,
        "Opted out of +447700900001 after a review, decided by anna",
        "The review about +447700900001 was decided by anna: an opt-out",
    }
    due(asked(world, "stpo", CLEO), hours=-1)
    reviews.expire()
    assert set(titles(owner, CLEO)) == {
        held,
        "Opted out of +447700900001 as nobody had decided its review in time",
        "The review about +447700900001 was not decided in time: an opt-out",
    }
    page = owner.get(f"/opt-outs/{CLEO}/").content.decode()
    assert "for “stpo”" in page


def test_the_history_tells_a_request_with_its_words(owner, world):
    text(world, "please stop texting me")
    (title,) = titles(owner, ANNA)
    assert title == "Opted out of +447700900001 in their own words, texted to +447700900001"
    assert "please stop texting me" in owner.get(f"/opt-outs/{ANNA}/").content.decode()
