"""Manage number: its keywords, replies and switch, and those who left before the switch was on."""

from __future__ import annotations

import pytest
from django.urls import reverse
from people import ANNA, BEN, CLEO, FIRST_NUMBER, SECOND_NUMBER

from heed.console import ids, offers
from heed.core import account_level, consent, inbound, replay, senders
from heed.core.consent import Cause
from heed.core.models import Audit, Consent, Keyword, LedgerEntry, Source
from heed.core.senders import Setting, Word
from heed.rules import numbers, packs
from heed.rules.consent import ALL_SENDERS
from heed.rules.values import InboundText


def at(name, sender):
    return reverse(name, args=[ids.public(ids.SENDER, sender.id)])


def text(world, words, phone=ANNA, to=FIRST_NUMBER):
    return inbound.receive(world.link, [InboundText("", numbers.show(phone), numbers.show(to), words)])[0]


def words_of(sender):
    rows = Keyword.objects.filter(sender=sender, removed_at=None).order_by("id")
    return [(row.word, row.reply) for row in rows]


FIXED = [("STOP", ""), ("UNSUBSCRIBE", "")]

# Keywords


def test_stop_and_unsubscribe_are_locked_and_listed_first(owner, world):
    senders.change(world.number, Setting(keywords=[Word("ARRET", "Au revoir")]), actor="test")
    page = owner.get(at("number", world.number))
    assert [(one.word, one.is_fixed) for one in page.context["keywords"]] == [
        ("STOP", True),
        ("UNSUBSCRIBE", True),
        ("ARRET", False),
    ]
    assert page.content.count(b"Always on") == 2
    assert page.content.count(b'name="remove"') == 1


def test_one_keyword_is_added_with_its_reply(owner, world):
    answer = owner.post(at("add_keywords", world.number), {"words": " Opt  out ", "reply": "Bye"}, follow=True)
    assert b"Opt out opts out now." in answer.content
    assert words_of(world.number) == [*FIXED, ("Opt out", "Bye")]
    assert text(world, "opt out").verdict == "opt_out"


@pytest.mark.parametrize(
    "raw", ["END, CANCEL,ARRÊT", "END\nCANCEL\r\nARRÊT", "END;CANCEL;,ARRÊT,", "END\uff0cCANCEL\u3001ARRÊT"]
)
def test_several_keywords_are_added_at_once(owner, world, raw):
    owner.post(at("add_keywords", world.number), {"words": raw})
    assert words_of(world.number) == [*FIXED, ("END", ""), ("CANCEL", ""), ("ARRÊT", "")]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("NO", "it would opt them out"),
        ("END, yes", "it would opt them out"),
        ("x", "A single letter is too easily sent by mistake."),
        ("START", "opts people back in"),
        ("help", "asks for help"),
        ("...", "needs at least one letter or digit"),
        ("", "Write at least one keyword."),
        (" , ,", "Write at least one keyword."),
        ("\x00", "needs at least one letter or digit"),
        ("stop", "are the same keyword"),
        ("END, end", "are the same keyword"),
        ("E" * 41 + "ND", "1 to 40 characters"),
        (",".join(f"word {n}" for n in range(201)), "at most 200 keywords"),
    ],
)
def test_a_risky_or_unfit_word_is_refused_with_the_reason_and_nothing_is_added(owner, world, raw, why):
    answer = owner.post(at("add_keywords", world.number), {"words": raw, "reply": "Bye"})
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert answer.context["typed"].words == raw.replace("\x00", "␀")
    assert words_of(world.number) == FIXED


def test_keywords_are_tried_on_recent_texts_before_they_are_added(owner, world):
    for phone, words in ((ANNA, "No thanks"), (BEN, "See you"), (CLEO, "STOP")):
        text(world, words, phone)
    page = owner.post(at("add_keywords", world.number), {"words": "no thanks, enough", "reply": "Bye", "do": "try"})
    assert page.status_code == 200
    assert b"1 of the last 3 texts to this number would have read otherwise." in page.content
    [(who, said, was, then)] = page.context["otherwise"]
    assert (who, said) == ("+44 7700 900501", "No thanks")
    assert str(then.words) == "Opt-out" != str(was.words)
    assert b'value="no thanks, enough"' in page.content  # ready to be added
    assert words_of(world.number) == FIXED
    assert not Consent.objects.filter(recipient=ANNA, state="out").exists()


@pytest.mark.parametrize(
    ("before", "raw", "status", "words"),
    [
        ([], "END", 200, "there is nothing to try it on"),
        (["Hello"], "END", 200, "The last text to this number would have read the same."),
        (["Hello", "Hi"], "END", 200, "All of the last 2 texts to this number would have read the same."),
        (["Hello"], "yes", 422, "it would opt them out"),
    ],
)
def test_a_trial_that_shows_nothing_says_why(owner, world, before, raw, status, words):
    for one in before:
        text(world, one)
    answer = owner.post(at("add_keywords", world.number), {"words": raw, "do": "try"})
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert words_of(world.number) == FIXED


def test_a_trial_reads_the_last_hundred_texts_of_this_number(owner, world):
    for n in range(103):
        text(world, "Enough" if n in (0, 102) else f"Hi {n}")
    text(world, "Enough", to=SECOND_NUMBER)
    page = owner.post(at("add_keywords", world.number), {"words": "enough", "do": "try"})
    assert page.context["trial"].count == 100
    assert len(page.context["trial"].changed) == 1


@pytest.mark.parametrize(
    ("opt_in_words", "status", "told"),
    [
        ("JOIN, Come back", 200, "1 of the last 2 texts to this number would have read otherwise."),
        ("JOIN", 200, "All of the last 2 texts to this number would have read the same."),
        ("YES", 422, "be an opt-in word."),
    ],
)
def test_opt_in_words_are_tried_on_recent_texts_before_they_are_saved(owner, world, opt_in_words, status, told):
    text(world, "Come back")
    text(world, "See you", BEN)
    page = owner.post(at("change_replies", world.number), {"opt_in_words": opt_in_words, "do": "try", **REPLIES})
    assert page.status_code == status
    assert told in page.content.decode()
    assert page.context["opt_in_words"] == opt_in_words
    assert b">Unsaved</textarea>" in page.content
    world.number.refresh_from_db()
    assert (world.number.opt_in_words, world.number.reply_message) == ([], "")


REPLIES = {"reply_message": "Unsaved", "help_reply": "", "opt_in_reply": ""}


# Packs


def test_the_packs_of_the_country_offer_what_the_number_has_not(owner, world):
    senders.change(world.number, Setting(keywords=[Word("END"), Word("Opt-out")]), actor="test")
    page = owner.get(at("number", world.number))
    [english] = page.context["offers"]
    assert (english.code, english.had) == ("en", ["STOP", "UNSUBSCRIBE", "END", "OPT-OUT"])
    assert "QUIT" in english.words
    owner.post(at("add_keywords", world.number), {"words": ", ".join(english.words)})
    assert owner.get(at("number", world.number)).context["offers"] == []
    assert text(world, "quit").rule == "keyword"


def test_packs_follow_the_country_and_leave_out_what_may_not_be_a_keyword(owner, world):
    canadian = senders.take_number(world.account, 14165550123, world.link, actor="test")
    assert [one.code for one in owner.get(at("number", canadian)).context["offers"]] == ["en", "fr"]
    senders.change(canadian, Setting(opt_in_words=["Exit club"]), actor="test")
    for offer in offers.of(canadian, set()):
        assert not [word for word in offer.words if senders.risk_of(word, ["Exit club"])]


def test_every_pack_can_be_added_as_it_is_offered(world):
    for pack in packs.LANGUAGES.values():
        world.number.country = pack.countries[0]
        first = offers.of(world.number, set())[0]
        words = [Word(word) for word in first.words]
        assert senders.change(world.number, Setting(keywords=words), actor="test")


def test_a_reply_that_is_too_long_is_refused_beside_it(owner, world):
    answer = owner.post(at("add_keywords", world.number), {"words": "END", "reply": "x" * 1001})
    assert answer.status_code == 422
    assert b'id="reply-error"' in answer.content
    assert words_of(world.number) == FIXED


def test_the_replies_of_keywords_are_saved_together(owner, world):
    senders.change(world.number, Setting(keywords=[Word("END"), Word("CANCEL", "Gone")]), actor="test")
    owner.post(
        at("change_keywords", world.number), {"reply-stop": "Bye\r\nnow", "reply-end": "Done", "reply-other": "x"}
    )
    assert words_of(world.number) == [("STOP", "Bye\nnow"), ("UNSUBSCRIBE", ""), ("END", "Done"), ("CANCEL", "Gone")]


def test_one_keyword_is_removed_and_the_others_keep_their_replies(owner, world):
    senders.change(
        world.number, Setting(keywords=[Word("STOP", "Bye"), Word("END"), Word("CANCEL", "Gone")]), actor="test"
    )
    owner.post(at("change_keywords", world.number), {"remove": "end", "reply-cancel": "not saved"})
    assert words_of(world.number) == [("STOP", "Bye"), ("UNSUBSCRIBE", ""), ("CANCEL", "Gone")]


def test_a_removed_keyword_is_put_back_with_its_reply_by_one_click(owner, world):
    senders.change(world.number, Setting(keywords=[Word("END", "Done")]), actor="test")
    page = owner.post(at("change_keywords", world.number), {"remove": "end"}, follow=True)
    assert b"END is removed. For 60 days more" in page.content
    owner.post(at("add_keywords", world.number), {"words": "END", "reply": page.context["removed"].reply})
    assert words_of(world.number) == [*FIXED, ("END", "Done")]
    assert owner.get(f"{at('number', world.number)}?removed=end").context["removed"] is None  # it is there again


@pytest.mark.parametrize("gone", ["stop", "unsubscribe", "never there"])
def test_stop_and_unsubscribe_are_never_removed(owner, world, gone):
    senders.change(world.number, Setting(keywords=[Word("STOP", "Bye")]), actor="test")
    owner.post(at("change_keywords", world.number), {"remove": gone})
    assert words_of(world.number) == [("STOP", "Bye"), ("UNSUBSCRIBE", "")]


def test_two_people_who_add_a_keyword_each_lose_none(world):
    """Each edits what is there under the sender's lock, not what their page showed."""
    mine, theirs = world.number, type(world.number).objects.get(id=world.number.id)
    senders.change_keywords(mine, lambda had: [*had, Word("END")], actor="a")
    senders.change_keywords(theirs, lambda had: [*had, Word("CANCEL")], actor="b")
    assert [word for word, _ in words_of(mine)] == ["STOP", "UNSUBSCRIBE", "END", "CANCEL"]


# Replies


def test_the_replies_and_opt_in_words_are_saved(owner, world):
    given = {
        "reply_message": " Bye ", "help_reply": "Call us", "opt_in_reply": "Hello again", "opt_in_words": "JOIN, Come back",
    }  # fmt: skip
    answer = owner.post(at("change_replies", world.number), given, follow=True)
    world.number.refresh_from_db()
    assert (world.number.reply_message, world.number.help_reply) == ("Bye", "Call us")
    assert (world.number.opt_in_reply, world.number.opt_in_words) == ("Hello again", ["JOIN", "Come back"])
    assert b"1 part, 3 characters (GSM-7)" in answer.content
    note = Audit.objects.filter(action="number.change").last()
    assert (note.actor, note.subject) == ("owner@example.com", "+447700900001")


@pytest.mark.parametrize(
    ("given", "where", "why"),
    [
        ({"reply_message": "x" * 1001}, "reply_message", "at most 1,000 characters"),
        ({"help_reply": "x" * 1001}, "help_reply", "at most 1,000 characters"),
        ({"opt_in_words": "YES"}, "opt_in_words", "be an opt-in word."),
        ({"opt_in_words": "STOP"}, "opt_in_words", "be an opt-in word."),
        ({"opt_in_words": "x" * 41}, "opt_in_words", "1 to 40 characters"),
    ],
)
def test_what_can_not_be_saved_is_said_beside_its_field_and_nothing_is(owner, world, given, where, why):
    answer = owner.post(at("change_replies", world.number), {"opt_in_reply": "Hello", **given})
    assert answer.status_code == 422
    assert f'id="{where}-error"' in answer.content.decode()
    assert why in answer.content.decode()
    assert b">Hello</textarea>" in answer.content  # what was typed is still there
    world.number.refresh_from_db()
    assert world.number.opt_in_reply == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("Bye", "1 part, 3 characters (GSM-7)"),
        ("x" * 161, "2 parts, 161 characters (GSM-7)"),
        ("Até já 🛑", "1 part, 9 characters (UCS-2) – because of á 🛑"),
        ("Bye. Now 20% off", "“20%” reads like marketing"),
    ],
)
@pytest.mark.parametrize("field", ["reply_message", "reply-stop", "reply"])
def test_parts_are_counted_while_one_writes(owner, text, words, field):
    asking = {"HX-Request": "true", "HX-Trigger-Name": field}
    typed = {"reply_message": "Something else", "reply-stop": "Bye", field: text}
    told = owner.post("/numbers/parts/", typed, headers=asking).content.decode().strip()
    assert words in told if words else told == ""


def test_a_note_says_what_no_help_reply_means(owner, world):
    assert "“Acme: reply STOP to stop”" in owner.get(at("number", world.number)).content.decode()


# The account-level switch


def test_the_switch_says_its_consequence_in_words(owner, world):
    off = owner.get(at("number", world.number)).content.decode()
    assert "a STOP here leaves this number alone. 2 other senders may still write" in off
    answer = owner.post(at("switch_number", world.number), {"on": "1"}, follow=True)
    assert answer.redirect_chain[-1][0] == at("number", world.number)  # nobody had left: nothing is offered
    assert b"On: 2 other senders will also stop writing to people who text STOP here" in answer.content
    assert b"US rules" not in answer.content


def test_a_plus_1_number_says_why_it_is_on(owner, world):
    american = senders.take_number(world.account, 12025550123, world.link, actor="test")
    page = owner.get(at("number", american)).content
    assert b"US rules (47 CFR 64.1200)" in page
    assert b"QUIT, END, REVOKE" in page
    assert b"On: 3 other senders" in page


def test_turning_it_on_offers_to_opt_those_out_who_left_before(owner, world):
    text(world, "STOP")
    text(world, "STOP", BEN)
    text(world, "STOP", CLEO, SECOND_NUMBER)
    answer = owner.post(at("switch_number", world.number), {"on": "1"}, follow=True)
    assert answer.redirect_chain[-1][0] == at("apply_to_account", world.number)
    assert b"2 people left through this number" in answer.content
    assert not Consent.objects.filter(sender_id=ALL_SENDERS, state="out").exists()  # the switch alone rewrites nothing
    done = owner.post(at("apply_to_account", world.number), follow=True)
    assert b"2 people are opted out of the account." in done.content
    out = Consent.objects.filter(sender_id=ALL_SENDERS, state="out").order_by("recipient")
    assert [row.recipient for row in out] == [ANNA, BEN]
    entry = LedgerEntry.objects.get(id=out[0].entry_id)
    assert (entry.source, entry.actor, entry.through_id) == ("console", "owner@example.com", world.number.id)
    note = Audit.objects.get(action="number.apply_to_account")
    assert (note.actor, note.subject, note.detail) == ("owner@example.com", "+447700900001", {"people": 2})


def test_applying_twice_does_it_once(owner, world):
    text(world, "STOP")
    senders.change(world.number, Setting(account_level_opt_out=True), actor="test")
    assert account_level.apply(world.number, actor="test") == 1
    entries = LedgerEntry.objects.count()
    assert account_level.apply(world.number, actor="test") == 0
    assert b"Everybody who left through this number has left" in owner.get(at("apply_to_account", world.number)).content
    assert LedgerEntry.objects.count() == entries
    assert Audit.objects.filter(action="number.apply_to_account").count() == 1
    assert not list(replay.verify())


def test_it_goes_on_by_chunks_where_it_stopped(world, monkeypatch):
    monkeypatch.setattr(account_level, "A_CHUNK", 2)
    for phone in range(ANNA, ANNA + 7):
        text(world, "STOP", phone)
    assert account_level.apply(world.number, actor="test", at_most=5) == 5
    assert account_level.who_left(world.number).count() == 2
    assert account_level.apply(world.number, actor="test", at_most=5) == 2


def test_who_came_back_meanwhile_stays(world):
    text(world, "STOP")
    text(world, "STOP", BEN)
    text(world, "START")
    assert account_level._apply(world.number, [ANNA, BEN], "test") == 1
    assert [row.recipient for row in Consent.objects.filter(sender_id=ALL_SENDERS, state="out")] == [BEN]


def test_it_takes_only_those_of_this_number_and_account(world):
    consent.opt_out(world.other.id, world.other_number.id, ANNA, Cause(Source.CONSOLE, "test"))
    text(world, "STOP", BEN, SECOND_NUMBER)
    assert account_level.apply(world.number, actor="test") == 0


def test_nothing_is_applied_while_the_switch_is_off(owner, world):
    text(world, "STOP")
    page = owner.post(at("apply_to_account", world.number))
    assert b"Turn on account-level opt-outs for this number first." in page.content
    assert not Consent.objects.filter(sender_id=ALL_SENDERS, state="out").exists()


def test_turning_it_off_lifts_nobody(owner, world):
    senders.change(world.number, Setting(account_level_opt_out=True), actor="test")
    text(world, "STOP")
    owner.post(at("switch_number", world.number), {"on": "0"})
    world.number.refresh_from_db()
    assert not world.number.account_level_opt_out
    assert Consent.objects.filter(sender_id=ALL_SENDERS, state="out").exists()


# What was texted, and who may do what


def test_recent_texts_stand_with_their_verdicts(owner, world):
    text(world, "STOP")
    text(world, "See you", BEN)
    text(world, "Elsewhere", BEN, SECOND_NUMBER)
    page = owner.get(at("number", world.number))
    assert [line.text.text for line in page.context["texts"]] == ["See you", "STOP"]


def test_the_page_asks_a_bounded_number_of_questions(owner, world, django_assert_max_num_queries):
    words = [Word(f"Word {n}", f"Reply {n}") for n in range(50)]
    senders.change(world.number, Setting(keywords=words), actor="test")
    for n in range(12):
        text(world, f"Hi {n}", ANNA + n)
    with django_assert_max_num_queries(14):
        assert owner.get(at("number", world.number)).status_code == 200


CHANGES = [
    ("change_replies", {"reply_message": "Bye"}),
    ("add_keywords", {"words": "END"}),
    ("change_keywords", {"reply-stop": "Bye"}),
    ("switch_number", {"on": "1"}),
    ("apply_to_account", {}),
]


@pytest.mark.parametrize(("name", "data"), CHANGES)
def test_a_stranger_finds_nothing_and_changes_nothing(client, world, name, data):
    client.force_login(world.stranger)
    assert client.get(at("number", world.number)).status_code == 404
    assert client.post(at(name, world.number), data).status_code == 404
    assert client.post(at(name, world.shared), data).status_code == 404  # the installation's
    assert not Audit.objects.filter(actor=world.stranger.email).exists()


@pytest.mark.parametrize(("name", "data"), CHANGES)
def test_a_viewer_looks_and_changes_nothing(client, world, name, data):
    client.force_login(world.viewer)
    page = client.get(at("number", world.number)).content
    assert b"Always on" in page
    assert b"Save" not in page
    assert b"Turn on" not in page
    assert client.post(at(name, world.number), data).status_code == 403
    assert not Audit.objects.filter(actor=world.viewer.email).exists()


@pytest.mark.parametrize(("name", "data"), CHANGES)
def test_a_marketer_may_and_looking_changes_nothing(client, world, name, data):
    client.force_login(world.teammate)
    assert client.post(at(name, world.number), data).status_code in (200, 302)
    if name != "apply_to_account":
        assert client.get(at(name, world.number)).status_code == 405


def test_a_sender_name_and_a_released_number_have_no_page(owner, world):
    assert owner.get(at("number", world.name)).status_code == 404
    senders.release(world.second, actor="test")
    assert owner.get(at("number", world.second)).status_code == 404
    assert owner.get("/numbers/num_nonsense/").status_code == 404
