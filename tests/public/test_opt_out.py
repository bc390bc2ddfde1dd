"""The page behind an opt-out link."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.utils import timezone
from people import ANNA, BEN

from heed.core import accounts, consent, gate, links, outbound
from heed.core.models import Account, Consent, LedgerEntry, Message, Sender, Source
from heed.core.outbound import Draft
from heed.public import opt_out
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS, State

ANNAS = "+447700900501"


@pytest.fixture(autouse=True)
def _fresh_limit():
    opt_out.limit.forget()


@pytest.fixture
def phone():
    """A browser that keeps cookies and is checked for CSRF like any other."""
    return Client(enforce_csrf_checks=True, headers={"user-agent": "an old phone"})


def is_out(account: Account, recipient: int = ANNA) -> bool:
    row = consent.standing_of(account.id, recipient).get(ALL_SENDERS)
    return row is not None and row.state is State.OUT


def test_it_works(world, phone):
    path = f"/{world.account.link_code}"
    page = phone.get(path)
    assert page.status_code == 200
    text = page.content.decode()
    assert "Stop text messages from Acme" in text
    assert re.findall(r"<input[^>]* name=\"(\w+)\"", text) == ["phone"]
    assert 'type="tel"' in text
    assert "<script" not in text
    assert not re.search(r"<form[^>]* action=", text)  # it posts to the link's own address
    assert '<html lang="en">' in text
    done = phone.post(path, {"phone": ANNAS})
    assert done.status_code == 200
    text = done.content.decode()
    assert "You will get no more text messages from Acme" in text
    assert f"{world.account.free_prefix}START" in text
    assert numbers.show(int(world.shared.key)) in text
    assert is_out(world.account)
    entry = LedgerEntry.objects.get()
    assert Source(entry.source).is_the_person
    assert (entry.source, entry.sender_id, entry.account_id) == (Source.WEB_FORM, ALL_SENDERS, world.account.id)
    for sender in (world.number, world.second, world.name):
        assert gate.may_send(world.account.id, sender.id, [ANNA])
    assert not is_out(world.other)


@pytest.mark.parametrize("ending", ["", "/", ".", ",", "!/"])
def test_the_link_works_as_phones_write_it(world, phone, ending):
    assert phone.get(f"/{world.account.link_code}{ending}").status_code == 200


def test_no_page_sets_a_cookie_or_may_be_kept(world, phone):
    path = f"/{world.account.link_code}"
    pages = [
        phone.get(path),
        phone.head(path),
        phone.post(path, {"phone": ANNAS}),
        phone.post(path, {"phone": "?"}),
        phone.get("/zzzzz"),
    ]
    assert [page.status_code for page in pages] == [200, 200, 200, 400, 404]
    for page in pages:
        assert not page.cookies
        assert "Set-Cookie" not in page.headers
        assert "Cookie" not in page.headers.get("Vary", "")
        assert page["Cache-Control"] == "no-store"
        assert "noindex" in page["X-Robots-Tag"]
        assert page["Referrer-Policy"] == "no-referrer"
    assert pages[1].content == b""


def test_a_page_needs_no_session(world, phone, django_assert_num_queries):
    phone.cookies["heed_session"] = "somebody"
    with django_assert_num_queries(1):  # the account's
        assert phone.get(f"/{world.account.link_code}").status_code == 200


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(world, phone, method):
    for query in ("", "?phone=%2B447700900501", "?phone=%2B447700900501&confirm=1"):
        getattr(phone, method)(f"/{world.account.link_code}{query}")
    assert not LedgerEntry.objects.exists()
    assert not Consent.objects.exists()


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(world, phone, method):
    assert getattr(phone, method)(f"/{world.account.link_code}").status_code == 405


def test_the_answer_is_the_same_whatever_was_known(world, phone):
    path = f"/{world.account.link_code}"
    outbound.queue(world.number, [Draft(BEN, numbers.show(BEN), "Hi")], door="test", actor="")
    answers = set()
    for number in (ANNA, ANNA, BEN, 447700900777):
        done = phone.post(path, {"phone": numbers.show(number)})
        assert done.status_code == 200
        answers.add(done.content.decode().replace(numbers.pretty(number), "the number"))
    assert len(answers) == 1


def test_a_second_opt_out_is_fine_and_keeps_the_first_time(world, phone):
    path = f"/{world.account.link_code}"
    phone.post(path, {"phone": ANNAS})
    since = consent.standing_of(world.account.id, ANNA)[ALL_SENDERS].since
    assert phone.post(path, {"phone": ANNAS}).status_code == 200
    assert consent.standing_of(world.account.id, ANNA)[ALL_SENDERS].since == since


@pytest.mark.parametrize(
    ("typed", "recipient"),
    [
        ("+44 7700 900501", ANNA),
        ("07700 900501", ANNA),
        (" 0044-7700-900501 ", ANNA),
        ("tel:+447700900501", ANNA),
        ("+447700900501", ANNA),
        ("\u202a+44 7700 900501\u202c", ANNA),
        ("+1 555 555 0100", 15555550100),
        ("+99912345678", 99912345678),  # no metadata knows this country
    ],
)
def test_well_formed_numbers(world, phone, typed, recipient):
    assert phone.post(f"/{world.account.link_code}", {"phone": typed}).status_code == 200
    assert is_out(world.account, recipient)


def test_national_numbers_are_read_in_the_accounts_country(db, phone):
    account = accounts.create("Yankee", country="US", actor="test")
    assert phone.post(f"/{account.link_code}", {"phone": "(202) 555-0123"}).status_code == 200
    assert is_out(account, 12025550123)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "write your phone number"),
        ("   ", "write your phone number"),
        ("stop", "not a phone number"),
        ("😀", "not a phone number"),
        ("+447700900501 😀", "not a phone number"),
        ("+447700900501\0", "not a phone number"),
        ("\ufffd", "not a phone number"),
        ("<script>alert(1)</script>", "not a phone number"),
        ("+1", "not a phone number"),
        ("12345", "don&#x27;t know this kind"),
        ("+4477009005", "don&#x27;t know this kind"),
        ("07700 9005011", "too long"),
        ("9" * 5000, "too long"),
        ("07700900501 or 07700900502", "too long"),
    ],
)
def test_what_is_no_number_is_asked_again_with_what_was_typed(world, phone, typed, words):
    page = phone.post(f"/{world.account.link_code}", {"phone": typed})
    assert page.status_code == 400
    text = page.content.decode()
    assert words in text
    assert "<script" not in text
    shown = typed.replace("\0", "␀").replace("<", "&lt;").replace(">", "&gt;")
    assert f'value="{shown}"' in text
    assert not LedgerEntry.objects.exists()


URLENCODED = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"phone=%2B447700900501&phone=%2B447700900502", URLENCODED),
        (b"phone=%2B447700900501&filler=" + b"x" * 10_000, URLENCODED),
        (b"&" * 9_000, URLENCODED),
        (b"a=b&" * 2_000, URLENCODED),
        (b"phone=%ff%fe%00", URLENCODED),
        (b"phone=\xff\xfe\x00\xed\xa0\x80", URLENCODED),
        (b"", URLENCODED),
        (b"phone=%2B447700900501", URLENCODED + "; charset=utf-16"),
        (b'{"phone": "+447700900501"}', "application/json"),
        (b"phone=+447700900501", "text/plain"),
        (b"\0\0\0", "application/octet-stream"),
        (b"phone", ""),
        (b"nonsense", "multipart/form-data; boundary=xx"),
        (b"nonsense", "multipart/form-data"),
        (b'--xx\r\nContent-Disposition: form-data; name="phone"; filename="a"\r\n\r\n+44\r\n--xx--\r\n',
         "multipart/form-data; boundary=xx"),
    ],
)  # fmt: skip
def test_odd_bodies_are_asked_again(world, phone, body, content_type):
    page = phone.generic("POST", f"/{world.account.link_code}", body, content_type=content_type)
    assert page.status_code == 400
    assert 'role="alert"' in page.content.decode()
    assert not LedgerEntry.objects.exists()


def test_a_form_that_was_cut_off_opts_nobody_out(world):
    """What is left of a number may be another one's."""
    path, body = f"/{world.account.link_code}", "phone=%2B447700900501"
    request = RequestFactory().post(path, body, content_type=URLENCODED)
    request.META["CONTENT_LENGTH"] = str(len(body) + 1)
    assert opt_out.form(request, world.account.link_code).status_code == 400
    assert not LedgerEntry.objects.exists()


def test_a_multipart_form_works(world, phone):
    assert phone.post(f"/{world.account.link_code}", {"phone": ANNAS}).status_code == 200
    assert is_out(world.account)


def test_an_urlencoded_form_works(world, phone):
    body = "phone=%2B44+7700+900501"
    assert phone.post(f"/{world.account.link_code}", body, content_type=URLENCODED).status_code == 200
    assert is_out(world.account)


@pytest.mark.parametrize("path", ["/zzzzz", "/zzzzz/"])
def test_an_unknown_link_is_told_kindly_and_changes_nothing(world, phone, path):
    for page in (phone.get(path), phone.post(path, {"phone": ANNAS})):
        assert page.status_code == 404
        assert "STOP" in page.content.decode()
    assert not LedgerEntry.objects.exists()


def test_a_closed_accounts_link_still_works(world, phone):
    Account.objects.filter(pk=world.account.pk).update(closed_at=timezone.now())
    assert phone.post(f"/{world.account.link_code}", {"phone": ANNAS}).status_code == 200
    assert is_out(world.account)


def test_without_a_shared_number_there_is_no_way_back_to_offer(world, phone):
    Sender.objects.filter(pk=world.shared.pk).update(closed_at=timezone.now())
    text = phone.post(f"/{world.account.link_code}", {"phone": ANNAS}).content.decode()
    assert "You will get no more" in text
    assert "START" not in text


def test_an_opt_out_sweeps_what_is_queued(world, phone):
    outbound.queue(world.number, [Draft(ANNA, ANNAS, "Hi")], door="test", actor="")
    phone.post(f"/{world.account.link_code}", {"phone": ANNAS})
    assert Message.objects.get().state == "suppressed"


def test_name_with_markup_is_shown_as_text(world, phone):
    account = accounts.create("<b>Fish & “Chips”</b>", actor="test")
    text = phone.get(f"/{account.link_code}").content.decode()
    assert "&lt;b&gt;Fish &amp; “Chips”" in text


def _use_up(phone, account: Account) -> None:
    for one in range(opt_out.limit.posts):
        page = phone.post(f"/{account.link_code}", {"phone": f"+4477009006{one:02}"})
        assert "You will get no more" in page.content.decode()


def test_over_the_limit_one_more_tap_is_asked_and_then_it_acts(world, phone):
    path = f"/{world.account.link_code}"
    _use_up(phone, world.account)
    page = phone.post(path, {"phone": "07700 900501"})
    assert page.status_code == 200
    text = page.content.decode()
    assert "One more tap" in text
    assert not page.cookies
    assert not is_out(world.account)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))
    assert fields == {"phone": ANNAS, "confirm": "1"}
    assert "You will get no more" in phone.post(path, fields).content.decode()
    assert is_out(world.account)


def test_people_messaged_lately_are_never_limited(world, phone):
    path = f"/{world.account.link_code}"
    outbound.queue(world.number, [Draft(ANNA, ANNAS, "Hi"), Draft(BEN, "+447700900502", "Hi")], door="t", actor="")
    Message.objects.filter(recipient=BEN).update(created_at=timezone.now() - timedelta(days=61))
    _use_up(phone, world.account)
    assert "You will get no more" in phone.post(path, {"phone": ANNAS}).content.decode()
    assert "One more tap" in phone.post(path, {"phone": "+447700900502"}).content.decode()
    other = phone.post(f"/{world.other.link_code}", {"phone": ANNAS})  # who messaged nobody
    assert "One more tap" in other.content.decode()


def test_a_visitor_behind_another_address_is_not_limited(world, phone):
    _use_up(phone, world.account)
    other = Client(REMOTE_ADDR="198.51.100.7")
    assert "You will get no more" in other.post(f"/{world.account.link_code}", {"phone": ANNAS}).content.decode()


def test_a_forged_forwarded_for_does_not_escape_the_limit(world, phone):
    _use_up(phone, world.account)
    forged = {"X-Forwarded-For": "203.0.113.9"}
    page = phone.post(f"/{world.account.link_code}", {"phone": ANNAS}, headers=forged)
    assert "One more tap" in page.content.decode()


def test_a_trusted_proxys_forwarded_for_counts(world, phone, settings):
    settings.TRUSTED_PROXIES = frozenset({"127.0.0.1"})
    _use_up(phone, world.account)
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    page = phone.post(f"/{world.account.link_code}", {"phone": ANNAS}, headers=forwarded)
    assert "You will get no more" in page.content.decode()


@pytest.mark.parametrize("statement", ["SELECT", "INSERT"])
def test_without_the_database_nothing_is_claimed(world, phone, statement):
    def refuse(execute, sql, params, many, context):
        if sql.lstrip().startswith(statement):
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        page = phone.post(f"/{world.account.link_code}", {"phone": ANNAS})
    assert page.status_code == 503
    assert "try again" in page.content.decode()
    assert "no more text messages" not in page.content.decode()
    assert not page.cookies
    assert not is_out(world.account)


def test_the_opt_out_is_committed_before_the_answer(live_world, phone):
    seen = []

    def look() -> None:
        try:
            seen.append(is_out(live_world.account))
        finally:
            connection.close()

    assert phone.post(f"/{live_world.account.link_code}", {"phone": ANNAS}).status_code == 200
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [True]


def test_what_a_browser_asks_for_beside_the_form_sets_no_cookie(world, client):
    """Phones ask for an icon by themselves: the answer to that must not follow anybody."""
    for path in ("/favicon.ico", "/apple-touch-icon.png", "/nothing/here/"):
        answer = client.get(path)
        assert (answer.status_code, dict(answer.cookies)) == (404, {})


# Personal links


@pytest.fixture
def personal(world) -> str:
    """The path of the link that a message to Anna carries."""
    [sent] = outbound.queue(world.number, [Draft(ANNA, ANNAS, "Hello")], door="api", actor="test")
    return links.personal(world.account, sent.id).removeprefix("http://testserver")


@pytest.mark.parametrize("ending", ["", "/", ".", ")"])
def test_a_personal_link_asks_for_one_tap(world, phone, personal, ending):
    page = phone.get(personal + ending)
    assert page.status_code == 200
    text = page.content.decode()
    assert numbers.mask(ANNA) in text
    assert not re.search(r"7700\s?900501", text)
    assert "<input" not in text
    assert f'href="/{world.account.link_code}"' in text
    assert not is_out(world.account)
    done = phone.post(personal + ending)
    assert done.status_code == 200
    assert "You will get no more text messages from Acme" in done.content.decode()
    assert not re.search(r"7700\s?900501", done.content.decode())
    assert is_out(world.account)
    assert not is_out(world.other)
    entry = LedgerEntry.objects.get()
    assert (entry.source, entry.rule, entry.sender_id) == (Source.WEB_FORM, "personal link", ALL_SENDERS)


def test_a_personal_link_is_never_limited(world, phone, personal):
    _use_up(phone, world.account)
    Message.objects.update(created_at=timezone.now() - timedelta(days=400))
    assert "no more text messages" in phone.post(personal).content.decode()
    assert is_out(world.account)


def test_a_personal_link_opts_nobody_out_of_another_account(world, phone, personal):
    code = personal.rsplit("/", 1)[1]
    page = phone.get(f"/{world.other.link_code}/{code}")
    assert 'name="phone"' in page.content.decode()  # the other account's own form, which knows nobody
    assert phone.post(f"/{world.other.link_code}/{code}").status_code == 400
    assert not Consent.objects.exists()


def test_a_personal_link_copied_wrongly_still_leads_to_the_form(world, phone, personal):
    wrong = personal[:-1] + ("b" if personal[-1] == "a" else "a")
    assert 'name="phone"' in phone.get(wrong).content.decode()
    assert phone.post(wrong, {"phone": ANNAS}).status_code == 200
    assert is_out(world.account)


def test_a_personal_link_of_an_unknown_account_is_unknown(world, phone, personal):
    assert phone.get("/zzzzz/" + personal.rsplit("/", 1)[1]).status_code == 404
