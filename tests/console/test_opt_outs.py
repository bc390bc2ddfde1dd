"""Opt-outs: the list, adding and removing by hand, the history of a number, the export."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from people import ANNA, BEN, CLEO, signed_in
from reading import fields, said

from heed.console import ids
from heed.core import accounts, consent, gate, inbound, opt_out_list, outbound, senders
from heed.core.consent import Cause
from heed.core.models import Consent, LedgerEntry, Source
from heed.core.outbound import Draft
from heed.core.senders import Setting
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS, State
from heed.rules.values import InboundText

ACCOUNT = "account"
HISTORY = f"/opt-outs/{ANNA}/"
REASON = "They rang and asked to be back"


def leave(world, recipient=ANNA, sender_id=ALL_SENDERS, source=Source.WEB_FORM, **rest):
    actor, note, never = rest.get("actor", ""), rest.get("note", ""), rest.get("never", False)
    consent.opt_out(world.account.id, sender_id, recipient, Cause(source, actor, note=note), never=never)


def text(world, words, recipient=ANNA, to=None, key="t1"):
    raw = InboundText(key, numbers.show(recipient), to or world.number.address, words)
    return inbound.receive(world.link, [raw])[0]


def is_out(world, recipient=ANNA, sender_id=ALL_SENDERS):
    rows = Consent.objects.filter(account_id=world.account.id, recipient=recipient, sender_id=sender_id)
    return rows.filter(state=State.OUT).exists()


def sender_id_of(sender):
    return ids.public(ids.SENDER, sender.id)


# Who may

READING = ["/opt-outs/", "/opt-outs/?number=07700900501", HISTORY]


@pytest.mark.parametrize("who", ["owner", "teammate", "viewer"])
@pytest.mark.parametrize("path", READING)
def test_every_member_reads(world, who, path):
    leave(world)
    page = signed_in(getattr(world, who)).get(path)
    assert page.status_code == 200
    body = b"".join(page.streaming_content).decode() if page.streaming else page.content.decode()
    assert "447700900501" in body
    assert ("/opt-outs/add/" in body) == (who != "viewer" and path in READING[:2])
    assert (f"{HISTORY}remove/" in body) == (who == "owner" and path == HISTORY)


def test_a_stranger_sees_nothing_of_ours(world):
    leave(world, note="a note of ours")
    text(world, "STOP please, said Anna")
    outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "our message")], door="test", actor="")
    stranger = signed_in(world.stranger)
    assert list(stranger.get("/opt-outs/").context["rows"]) == []
    assert "has not opted out" in said(stranger.get("/opt-outs/?number=07700900501"))
    page = stranger.get(HISTORY)
    assert "Nothing was received from this number" in said(page)
    assert "Yes, from all of your senders." in said(page)
    for secret in ("a note of ours", "said Anna", "our message", world.number.address):
        assert secret not in page.content.decode()


def test_a_stranger_changes_nothing_of_ours(world):
    leave(world)
    leave(world, sender_id=world.number.id)
    stranger = signed_in(world.stranger)
    for scope in (ACCOUNT, sender_id_of(world.number)):
        stranger.post(f"{HISTORY}remove/", {"scope": scope, "reason": REASON})
        page = stranger.post("/opt-outs/add/", {"numbers": "07700900502", "scope": scope})
        assert page.status_code == (302 if scope == ACCOUNT else 422)
    assert is_out(world)
    assert is_out(world, sender_id=world.number.id)
    assert not is_out(world, BEN)


def test_who_may_add_and_who_may_remove(world):
    leave(world)
    adding, removing = {"numbers": "07700900502", "scope": ACCOUNT}, {"scope": ACCOUNT, "reason": REASON}
    viewer, marketer = signed_in(world.viewer), signed_in(world.teammate)
    assert [viewer.get("/opt-outs/add/").status_code, viewer.post("/opt-outs/add/", adding).status_code] == [403, 403]
    assert viewer.post(f"{HISTORY}remove/", removing).status_code == 403
    assert marketer.post(f"{HISTORY}remove/", removing).status_code == 403
    assert is_out(world)
    assert not is_out(world, BEN)
    assert marketer.post("/opt-outs/add/", adding).status_code == 302
    assert is_out(world, BEN)


def test_others_sign_in_first(world, client):
    for path in (*READING, "/opt-outs/add/"):
        assert client.get(path)["Location"].startswith("/sign-in/?next=/opt-outs/")
    assert client.post(f"{HISTORY}remove/", {"scope": ACCOUNT}).status_code == 401


def test_looking_changes_nothing(world, owner):
    leave(world)
    before = LedgerEntry.objects.count()
    for path in (*READING, f"/opt-outs/add/?numbers=%2B{BEN}&scope=account", f"{HISTORY}?reason=x&scope=account"):
        assert owner.get(path).status_code == 200
    assert owner.get(f"{HISTORY}remove/", {"scope": ACCOUNT, "reason": REASON}).status_code == 405
    assert LedgerEntry.objects.count() == before


# The list


def test_an_empty_list_teaches(world, owner):
    words = said(owner.get("/opt-outs/"))
    assert "Nobody has opted out yet" in words
    assert "Export" not in words
    assert "Bring a list" not in said(signed_in(world.viewer).get("/opt-outs/"))


def test_newest_first_in_words(world, owner):
    text(world, "STOP")
    leave(world, BEN, source=Source.CONSOLE, actor="owner@example.com", note="Met at the fair", never=True)
    page = owner.get("/opt-outs/")
    assert [row.recipient for row in page.context["rows"]] == [BEN, ANNA]
    words = said(page)
    assert "Opt-outs 2" in words
    assert "+44 7700 900502 Account By hand, by owner@example.com" in words
    assert "Never contact Met at the fair" in words
    assert "+44 7700 900501 +447700900001 By texting STOP to +447700900001" in words


@pytest.mark.parametrize(
    "raw", ["+447700900501", "07700 900501", "00447700900501", "+44 (0)7700 900501", " 07700-900501 "]
)
def test_a_number_is_found_in_any_spelling(world, owner, raw):
    leave(world, ANNA)
    leave(world, BEN)
    page = owner.get("/opt-outs/", {"number": raw})
    assert [row.recipient for row in page.context["rows"]] == [ANNA]
    assert f'href="{HISTORY}"' in page.content.decode()


def test_a_number_that_no_metadata_knows_is_found(world, owner):
    text(world, "STOP", recipient=9998887776)
    assert [row.recipient for row in owner.get("/opt-outs/?number=%2B9998887776").context["rows"]] == [9998887776]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("hello", "“hello” is not a phone number."),
        ("<script>", "“<script>” is not a phone number."),
        ("9" * 300, "is not a phone number."),
        ("+447700900777", "+44 7700 900777 has not opted out"),
    ],
)
def test_what_is_not_found(world, owner, raw, told):
    leave(world)
    page = owner.get("/opt-outs/", {"number": raw})
    assert (page.status_code, list(page.context["rows"])) == (200, [])
    assert told in said(page)
    assert "<script>”" not in page.content.decode()


def test_pages_follow_each_other(world, owner, django_assert_max_num_queries):
    people = list(range(447700900500, 447700900620))
    for recipient in people:
        leave(world, recipient)
    seen, path = [], "/opt-outs/"
    while path:
        with django_assert_max_num_queries(11):
            page = owner.get(path)
        seen += [row.recipient for row in page.context["rows"]]
        path = page.context["older"] and f"/opt-outs/?{page.context['older']}"
    assert seen == people[::-1]
    assert "Newest" in said(page)
    assert owner.get("/opt-outs/?before=nonsense").status_code == 404


# Filters


FILTERS = {
    "scope=account": [BEN, CLEO],
    "scope=sender": [ANNA],
    "source=import": [CLEO],
    "first=2026-01-02": [ANNA, BEN],
    "last=2026-01-01": [CLEO],
    "first=2026-01-01&last=2026-01-01": [CLEO],
    "scope=account&source=web_form": [BEN],
    "number=07700900502&source=web_form": [BEN],
    "number=07700900502&source=import": [],
}


@pytest.mark.parametrize("query", FILTERS)
def test_it_is_filtered(world, owner, query):
    consent.opt_out(world.account.id, ALL_SENDERS, CLEO, Cause(Source.IMPORT), at=datetime(2026, 1, 1, 12, tzinfo=UTC))
    leave(world, BEN)
    text(world, "STOP")
    page = owner.get(f"/opt-outs/?{query}")
    assert sorted(row.recipient for row in page.context["rows"]) == FILTERS[query]
    if not FILTERS[query]:
        assert "No opt-out fits" in said(page)
        assert "has not opted out" not in said(page)


def test_one_sender_is_a_filter_even_when_it_was_given_back(world, owner):
    text(world, "STOP")
    senders.release(world.number, actor="test")
    page = owner.get("/opt-outs/", {"scope": sender_id_of(world.number)})
    assert [row.recipient for row in page.context["rows"]] == [ANNA]
    assert list(owner.get("/opt-outs/", {"scope": sender_id_of(world.second)}).context["rows"]) == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("number=x", "“x” is not a phone number."),
        ("source=x", "There is no such source."),
        ("scope=x", "There is no such sender."),
        ("first=x", "Write the day as 2026-03-31."),
        ("last=9999-12-31", "Write the day as 2026-03-31."),
        ("first=2026-02-01&last=2026-01-01", "The first day comes after the last."),
        ("first=2026-02-01%00", "Write the day as 2026-03-31."),
    ],
)
def test_a_filter_that_can_t_be(world, owner, query, words):
    leave(world)
    page = owner.get(f"/opt-outs/?{query}")
    assert (words in said(page), list(page.context["rows"])) == (True, [])


def test_a_strangers_sender_is_no_filter(world, owner):
    assert "There is no such sender." in said(owner.get("/opt-outs/", {"scope": sender_id_of(world.other_number)}))


def test_filters_stay_from_page_to_page(world, owner):
    for recipient in range(447700900500, 447700900560):
        at = datetime(2026, 1, 1, tzinfo=UTC)
        consent.opt_out(world.account.id, ALL_SENDERS, recipient, Cause(Source.IMPORT), at=at)
    for query in ("source=import", "first=2026-01-01", "scope=account"):
        page = owner.get(f"/opt-outs/?{query}")
        assert query in page.context["older"]
        older = owner.get(f"/opt-outs/?{page.context['older']}")
        assert (len(page.context["rows"]), len(older.context["rows"])) == (50, 10)


def test_few_that_fit_are_looked_for_further(world, owner, monkeypatch):
    monkeypatch.setattr(opt_out_list, "READ_AT_ONCE", 51)
    monkeypatch.setattr(opt_out_list, "MOST_READ", 51)
    for recipient in range(447700900500, 447700900560):
        leave(world, recipient)
    page = owner.get("/opt-outs/?scope=sender&first=2026-01-01")
    assert "None among the latest" in said(page)
    assert "No opt-out fits" in said(owner.get(f"/opt-outs/?{page.context['older']}"))


def test_a_dated_import_of_any_year_is_paged(world, owner):
    for recipient in range(447700900500, 447700900552):
        at = datetime(1, 1, 2, tzinfo=UTC)
        consent.opt_out(world.account.id, ALL_SENDERS, recipient, Cause(Source.IMPORT), at=at)
    page = owner.get("/opt-outs/?last=1900-01-01")
    assert len(owner.get(f"/opt-outs/?{page.context['older']}").context["rows"]) == 2


# By hand


def test_several_people_are_added_at_once(world, owner):
    form = {
        "numbers": "07700 900501\n+44 7700 900502; 07700900501,",
        "scope": ACCOUNT,
        "note": " by letter ",
        "never": "1",
    }
    done = owner.post("/opt-outs/add/", form, follow=True)
    assert "2 people are opted out." in said(done)
    assert is_out(world, ANNA)
    assert is_out(world, BEN)
    entries = LedgerEntry.objects.order_by("id")
    assert [(one.source, one.actor, one.note, one.never) for one in entries] == [
        ("console", "owner@example.com", "by letter", True)
    ] * 2


def test_one_sender_is_left_alone(world, owner):
    done = owner.post("/opt-outs/add/", {"numbers": "07700900501", "scope": sender_id_of(world.name)})
    assert done["Location"] == HISTORY
    assert is_out(world, sender_id=world.name.id)
    assert gate.may_send(world.account.id, world.number.id, [ANNA]) == {}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"numbers": ""}, "Give at least one phone number."),
        ({"numbers": "07700900501, hello"}, "This is not a phone number: “hello”"),
        ({"numbers": "one, two, <b>"}, "These are not phone numbers: “one”, “two”, “<b>”"),
        ({"numbers": ",".join(map(str, range(101)))}, "You gave 101 numbers; by hand you can add 100 at once."),
        ({"scope": ""}, "Pick the account or one of its senders."),
        ({"scope": "num_nonsense"}, "Pick the account or one of its senders."),
        ({"note": "x" * 501}, "A note has at most 500 characters."),
    ],
)
def test_mistakes_stand_beside_their_field_and_nobody_is_added(world, owner, changes, told):
    form = {"numbers": "07700900501", "scope": ACCOUNT, "note": "by letter"} | changes
    page = owner.post("/opt-outs/add/", form)
    assert page.status_code == 422
    assert told in said(page)
    assert fields(page)["numbers"] == form["numbers"]
    assert f'value="{form["note"]}"' in page.content.decode()
    assert not LedgerEntry.objects.exists()


def test_a_sender_that_is_not_in_use_is_not_offered(world, owner):
    senders.release(world.second, actor="test")
    words = said(owner.get("/opt-outs/add/"))
    assert "Only +447700900001" in words
    assert "Only +447700900002" not in words
    assert "Only +447700900003" not in words


# Removing


def test_what_the_person_asked_for_needs_a_reason(world, owner):
    text(world, "STOP")
    scope = sender_id_of(world.number)
    assert "They asked for this themselves." in said(owner.get(HISTORY))
    page = owner.post(f"{HISTORY}remove/", {"scope": scope, "reason": "  "})
    assert page.status_code == 422
    assert "Give a reason to remove it; it is kept." in said(page)
    assert is_out(world, sender_id=world.number.id)
    done = owner.post(f"{HISTORY}remove/", {"scope": scope, "reason": REASON}, follow=True)
    assert "The opt-out is removed." in said(done)
    assert not is_out(world, sender_id=world.number.id)
    entry = LedgerEntry.objects.latest("id")
    assert (entry.act, entry.source, entry.actor, entry.note) == ("opt_in", "console", "owner@example.com", REASON)
    assert REASON in said(owner.get(HISTORY))


def test_what_staff_added_needs_none(world, owner):
    leave(world, source=Source.CONSOLE)
    assert "They asked for this themselves." not in said(owner.get(HISTORY))
    owner.post(f"{HISTORY}remove/", {"scope": ACCOUNT})
    assert not is_out(world)


def test_a_reason_that_is_too_long_is_not_lost(world, owner):
    leave(world)
    page = owner.post(f"{HISTORY}remove/", {"scope": ACCOUNT, "reason": "x" * 501})
    assert page.status_code == 422
    assert "A reason has at most 500 characters." in said(page)
    assert "x" * 501 in page.content.decode()
    assert is_out(world)


def test_only_the_one_named_is_removed(world, owner):
    leave(world)
    leave(world, sender_id=world.number.id)
    owner.post(f"{HISTORY}remove/", {"scope": ACCOUNT, "reason": REASON})
    assert not is_out(world)
    assert is_out(world, sender_id=world.number.id)


def test_removing_twice_is_told(world, owner):
    leave(world)
    for told in ("The opt-out is removed.", "This opt-out does not stand any more."):
        done = owner.post(f"{HISTORY}remove/", {"scope": ACCOUNT, "reason": REASON}, follow=True)
        assert told in said(done)
    assert LedgerEntry.objects.filter(act="opt_in").count() == 1


@pytest.mark.parametrize("scope", ["", "nonsense", "num_" + "0" * 32])
def test_an_unknown_scope_is_not_found(world, owner, scope):
    leave(world)
    assert owner.post(f"{HISTORY}remove/", {"scope": scope, "reason": REASON}).status_code == 404
    assert is_out(world)


# The history of a number


def test_the_history_tells_everything_newest_first(world, owner):
    outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Our offer")], door="test", actor="")
    text(world, "Who is this?", key="t0")
    text(world, "Stop!")
    outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Our second offer")], door="test", actor="")
    page = owner.get(HISTORY)
    titles = [moment.title for moment in page.context["moments"]]
    assert titles == [
        "Message from +447700900001",
        "Opted out of +447700900001 by texting STOP to +447700900001",
        "Text to +447700900001",
        "Message from +447700900001",
    ]
    words = said(page)
    entry = LedgerEntry.objects.get()
    assert f"Evidence, SHA-256: {entry.evidence}" in words
    for told in (
        "Stop!",
        "Who is this?",
        "Our offer",
        "Our second offer",
        f"Entry {entry.id}",
        "Not sent: opted out of",
    ):
        assert told in words


def test_may_i_send_is_answered_for_each_sender(world, owner):
    assert "Yes, from all of your senders." in said(owner.get(HISTORY))
    leave(world, sender_id=world.number.id)
    words = said(owner.get(HISTORY))
    assert "From 2 of your 3 senders." in words
    assert "No +447700900001 Left this sender on" in words
    assert "Yes +447700900002" in words
    leave(world)
    words = said(owner.get(HISTORY))
    assert "No, from none of your senders." in words
    assert "No ACME Left the account on" in words
    text(world, "START", to=world.second.address, key="t2")
    assert "From 1 of your 3 senders." in said(owner.get(HISTORY))


def test_an_account_without_senders_is_answered_too(world, owner):
    for sender in (world.number, world.second, world.name):
        senders.release(sender, actor="test")
    assert "The account has no sender yet." in said(owner.get(HISTORY))
    leave(world)
    assert "No. They left the account" in said(owner.get(HISTORY))


def test_never_contact_and_the_time_it_took_effect_are_told(world, owner):
    cause = Cause(Source.CONSOLE, "owner@example.com")
    at = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, cause, at=at, never=True)
    words = said(owner.get(HISTORY))
    assert "Never contact: START does not lift it." in words
    assert "Took effect on 1 Mar 2026." in words
    assert "Account since 1 Mar 2026, 09:30" in words


def test_what_else_stands_in_a_text_to_another_account_is_not_ours(world, owner):
    keyword = accounts.free_keyword(world.account)
    text(world, f"{keyword} and a secret for Other", to=world.other_number.address)
    assert is_out(world)
    page = owner.get(HISTORY)
    assert "Opted out of the account by texting" in said(page)
    assert "a secret for Other" not in page.content.decode()


def test_an_unknown_number_has_an_empty_history(world, owner):
    words = said(owner.get("/opt-outs/447700900777/"))
    assert "Nothing was received from this number, and nothing was sent to it." in words
    assert "Standing opt-outs None." in words


@pytest.mark.parametrize("number", ["0", "1234", "1234567890123456", "9" * 300, "abc", "-5"])
def test_what_is_no_number_has_none(world, owner, number):
    assert owner.get(f"/opt-outs/{number}/").status_code == 404
    assert owner.post(f"/opt-outs/{number}/remove/", {"scope": ACCOUNT}).status_code == 404


def test_a_long_history_has_pages(world, owner):
    for at in range(120):
        text(world, f"Text number {at}", key=f"t{at}")
    seen, path = [], HISTORY
    while path:
        page = owner.get(path)
        seen += [moment.text for moment in page.context["moments"]]
        path = page.context["older"] and f"{HISTORY}?{page.context['older']}"
    assert seen == [f"Text number {at}" for at in reversed(range(120))]
    assert "May I send?" not in said(page)
    assert owner.get(f"{HISTORY}?before=nonsense").status_code == 404


def test_the_history_costs_the_same_for_many(world, owner, django_assert_max_num_queries):
    for sender_id in (ALL_SENDERS, world.number.id, world.second.id, world.name.id):
        leave(world, sender_id=sender_id)
    for at in range(60):
        text(world, "Hello", key=f"t{at}")
        outbound.queue(world.number, [Draft(ANNA, numbers.show(ANNA), "Hi")], door="test", actor="")
    with django_assert_max_num_queries(19):
        owner.get(HISTORY)


def test_what_leads_on_from_a_history(world):
    pages = {who: signed_in(getattr(world, who)).get(HISTORY).content.decode() for who in ("teammate", "viewer")}
    for path in (f"/opt-outs/add/?numbers=%2B{ANNA}", f"/send/?to=%2B{ANNA}"):
        assert path in pages["teammate"]
        assert path not in pages["viewer"]
    leave(world)
    page = signed_in(world.teammate).get(HISTORY).content.decode()
    assert "/send/?to=" not in page
    assert "/opt-outs/add/" not in page
    assert f"/messages/?number=%2B{ANNA}" in page


@pytest.mark.parametrize(("level", "what"), [(True, "and the account by texting START"), (False, "by texting START")])
def test_the_history_says_all_that_a_start_lifted(world, owner, level, what):
    senders.change(world.second, Setting(account_level_opt_out=level), actor="test")
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.CONSOLE))
    inbound.receive(world.link, [InboundText("", numbers.show(ANNA), world.second.address, "START")])
    shown = said(owner.get(f"/opt-outs/{ANNA}/"))
    assert f"Opted back in to {world.second.address} {what}" in shown


def test_what_staff_remove_is_not_told_as_the_persons_doing(world, owner):
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.CONSOLE))
    consent.lift(world.account.id, ALL_SENDERS, ANNA, Cause(Source.CONSOLE, "boss@example.com"))
    assert "Opt-out of the account removed by hand, by boss@example.com" in said(owner.get(f"/opt-outs/{ANNA}/"))


def test_a_start_that_did_not_act_is_told_as_recorded(world, owner):
    text(world, "STOP")
    late = InboundText("t2", numbers.show(ANNA), world.number.address, "START", timezone.now() - timedelta(minutes=5))
    inbound.receive(world.link, [late])
    words = said(owner.get(HISTORY))
    assert (
        f"Asked back in to {world.number.address} by texting START to {world.number.address}: recorded, did not"
        in words
    )
    assert "because the opt-out of" in words
    assert "Opted back in" not in words
    text(world, "START", key="t3")
    assert f"Opted back in to {world.number.address} by texting START" in said(owner.get(HISTORY))


def test_a_start_against_never_contact_says_why_it_did_not_act(world, owner):
    leave(world, source=Source.CONSOLE, never=True)
    text(world, "START")
    assert "did not act because staff chose “never contact”" in said(owner.get(HISTORY))
