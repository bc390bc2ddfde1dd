"""Doors: signing in by password and by link, invitations, which account one looks at."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.test import Client
from django.utils import timezone
from people import PASSWORD, person
from reading import fields, said

from heed.core import accounts
from heed.core.models import Account, Invitation, Member, Role, SignInLink, User


def is_in(client):
    return client.get("/settings/").status_code == 200


def sign_in(client, email, password=PASSWORD, **more):
    return client.post("/sign-in/", {"login": email, "password": password, **more})


def link_for(user):
    return accounts.sign_in_link(user).removeprefix("http://testserver")


def invited(world, email="new@example.com", role=Role.MARKETER):
    return f"/join/{accounts.invite(world.account, email, role, by=world.owner, actor='test')}/"


# By password


def test_a_password_signs_in(client, world):
    assert sign_in(client, "OWNER@example.com").url == "/"
    assert is_in(client)


@pytest.mark.parametrize(
    ("email", "password"),
    [("owner@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("", ""), ("owner@example.com\x00", PASSWORD)],
)
def test_a_wrong_password_does_not(client, world, email, password):
    answer = sign_in(client, email, password)
    assert answer.status_code == 200
    assert b"field-error" in answer.content
    assert not is_in(client)


def test_the_session_is_a_new_one_after_signing_in(client, world):
    client.get("/sign-in/")
    client.session["planted"] = 1
    session = client.session
    session["planted"] = 1
    session.save()
    client.cookies["heed_session"] = session.session_key
    before = session.session_key
    sign_in(client, "owner@example.com")
    assert client.cookies["heed_session"].value != before


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/numbers/", "/numbers/"),
        ("/inbox/?before=x", "/inbox/?before=x"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("http:///evil.example", "/"),
    ],
)
def test_next_leads_to_a_page_of_ours_alone(client, world, wanted, goes):
    assert sign_in(client, "owner@example.com", next=wanted).url == goes


def test_a_page_sends_to_the_door_and_back(client, world):
    door = client.get("/numbers/buy/?digits=12").url
    assert door == "/sign-in/?next=/numbers/buy/%3Fdigits%3D12"
    assert b'name="next"' in client.get(door).content


def test_nobody_signs_up_by_themselves(client, world):
    assert b"One joins by invitation" in client.get("/sign-up/").content
    client.post(
        "/sign-up/", {"email": "x@example.com", "password1": "a long enough one", "password2": "a long enough one"}
    )
    assert not User.objects.filter(email="x@example.com").exists()


def test_signing_out_takes_a_post(client, world):
    client.force_login(world.owner)
    client.get("/sign-out/")
    assert is_in(client)
    client.post("/sign-out/")
    assert not is_in(client)


# By link


def test_a_link_signs_in_once(client, world):
    link = link_for(world.owner)
    for _ in range(2):  # a scanner of links may look as often as it likes
        page = client.get(link)
        assert b"owner@example.com" in page.content
        assert "no-store" in page["Cache-Control"]
    assert not is_in(client)
    assert client.post(link).url == "/"
    assert is_in(client)
    client.logout()
    assert client.get(link).status_code == 404
    assert client.post(link).status_code == 404
    assert not is_in(client)


def with_a_second_factor(user):
    """Give ``user`` one; returns what makes a code of now."""
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(user, secret)
    return lambda: totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())))


def test_a_link_does_not_pass_by_the_second_factor(client, world):
    code = with_a_second_factor(world.owner)
    assert client.post(link_for(world.owner)).url == "/second-factor/authenticate/"
    assert not is_in(client)
    assert client.post("/second-factor/authenticate/", {"code": code()}).url == "/"
    assert is_in(client)


# What was sent without a session

TYPED = {"from": "+447700900001", "to": "07700 900501\r\n07700 900502", "text": "Hi & <b>bye</b>", "do": "review"}


def sent_without_session():
    """A browser that sends a form, with the page's token against forgery, after its session has ended."""
    browser = Client(enforce_csrf_checks=True)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.get("/sign-in/").content.decode())[1]
    return browser, browser.post("/send/?a=1", TYPED | {"csrfmiddlewaretoken": token, "old_password": "secret"})


def hidden(page):
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode()))


def test_what_was_sent_when_the_session_had_ended_is_given_back(world):
    browser, door = sent_without_session()
    assert door.status_code == 401
    assert "Nothing you wrote is lost" in said(door)
    assert hidden(door)["next"] == "/send-again/"
    again = browser.post("/sign-in/", {**hidden(door), "login": "owner@example.com", "password": "wrong"})
    assert hidden(again)["kept"] == hidden(door)["kept"]  # a slip of the password loses nothing either
    assert sign_in(browser, "owner@example.com", **hidden(again)).url == "/send-again/"
    page = browser.get("/send-again/")
    assert 'action="/send/?a=1"' in page.content.decode()
    assert fields(page)["to"] == TYPED["to"]
    assert fields(page)["text"] == TYPED["text"]
    assert "old_password" not in fields(page)
    assert "Hi & <b>bye</b>" in said(page)
    review = browser.post("/send/?a=1", fields(page))
    assert "Send to 2 people" in said(review)
    assert browser.get("/send-again/").url == "/"


def test_a_form_is_kept_through_the_second_factor(world):
    code = with_a_second_factor(world.owner)
    browser, door = sent_without_session()
    assert sign_in(browser, "owner@example.com", **hidden(door)).url == "/second-factor/authenticate/"
    token = hidden(browser.get("/second-factor/authenticate/"))["csrfmiddlewaretoken"]
    done = browser.post("/second-factor/authenticate/", {"code": code(), "csrfmiddlewaretoken": token})
    assert done.url == "/send-again/"
    assert TYPED["text"] in said(browser.get("/send-again/"))


def test_nothing_is_kept_of_a_form_from_elsewhere(world):
    browser = Client(enforce_csrf_checks=True)
    assert browser.post("/send/", TYPED).status_code == 403
    door = browser.get("/sign-in/")
    kept = {**hidden(door), "kept": "forged:text", "next": "/send-again/"}
    assert sign_in(browser, "owner@example.com", **kept).url == "/send-again/"
    assert browser.get("/send-again/").url == "/"


def test_the_session_is_a_new_one_after_a_link(client, world):
    client.force_login(world.viewer)
    before = client.cookies["heed_session"].value
    client.post(link_for(world.owner))
    assert client.cookies["heed_session"].value != before
    assert b"owner@example.com" in client.get("/settings/").content


def test_a_link_expires(client, world):
    link = link_for(world.owner)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link).status_code == 404
    assert client.post(link).status_code == 404
    assert not is_in(client)


def test_a_link_of_somebody_who_may_not_sign_in_any_more_is_dead(client, world):
    link = link_for(world.owner)
    User.objects.filter(id=world.owner.id).update(is_active=False)
    assert client.post(link).status_code == 404


@pytest.mark.parametrize("token", ["nonsense", "x" * 500, "%00"])
def test_an_unknown_link_says_so(client, world, token):
    assert client.get(f"/sign-in/{token}/").status_code == 404
    assert client.post(f"/sign-in/{token}/").status_code == 404


# Invitations


def test_a_stranger_joins_by_an_invitation_once(client, world):
    link = invited(world)
    page = client.get(link)
    assert b"Join Acme" in page.content
    assert b"new@example.com" in page.content
    assert not User.objects.filter(email="new@example.com").exists()
    client.post(link, {"name": "Nell", "password": "a long enough one"})
    assert is_in(client)
    joined = Member.objects.get(user__email="new@example.com")
    assert (joined.account, joined.role, joined.user.name) == (world.account, "marketer", "Nell")
    client.logout()
    assert client.get(link).status_code == 404
    assert client.post(link, {"name": "Eve", "password": "a long enough one"}).status_code == 404


@pytest.mark.parametrize("given", [{"name": ""}, {"password": "short"}, {"password": ""}, {"password": "password123"}])
def test_a_bad_name_or_password_uses_no_invitation_up(client, world, given):
    link = invited(world)
    answer = client.post(link, {"name": "Nell", "password": "a long enough one", **given})
    assert answer.status_code == 422
    assert b"field-error" in answer.content
    assert Invitation.objects.get().accepted_at is None
    assert not User.objects.filter(email="new@example.com").exists()


def test_an_invitation_expires_and_is_revoked(client, world):
    link = invited(world)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link).status_code == 404
    second = invited(world)
    accounts.revoke_invitation(world.account, Invitation.objects.get(email="new@example.com").id, actor="test")
    assert client.post(second, {"name": "Nell", "password": "a long enough one"}).status_code == 404
    assert client.get("/join/nonsense/").status_code == 404


def test_who_has_a_user_signs_in_first_and_accepts(client, world):
    link = invited(world, "stranger@example.com", Role.VIEWER)
    page = client.get(link)
    assert f"/sign-in/?next={link}".encode() in page.content
    assert client.post(link, {"name": "Eve", "password": "a long enough one"}).status_code == 200
    assert not is_in(client)
    assert sign_in(client, "stranger@example.com", next=link).url == link
    assert b"You are invited as Viewer." in client.get(link).content
    assert not Member.objects.filter(user=world.stranger, account=world.account).exists()
    client.post(link)
    assert Member.objects.get(user=world.stranger, account=world.account).role == "viewer"
    assert b"<strong>Acme</strong>" in client.get("/settings/").content  # looks at the account joined


def test_an_invitation_is_for_its_address_alone(client, world):
    link = invited(world)
    client.force_login(world.stranger)
    for answer in (client.get(link), client.post(link)):
        assert answer.status_code == 403
        assert b"This invitation is for somebody else" in answer.content
    assert not Member.objects.filter(user=world.stranger, account=world.account).exists()
    assert Invitation.objects.get().accepted_at is None


# Several accounts


def test_one_looks_at_another_account_of_one_s_own(client, world):
    person(world.other, "owner@example.com", Role.VIEWER)
    client.force_login(world.owner)
    assert b"900001" in client.get("/numbers/").content
    assert b"Switch account" in client.get("/accounts/").content
    assert client.get("/accounts/other/").status_code == 405
    assert client.post("/accounts/other/").url == "/"
    page = client.get("/numbers/").content
    assert b"900003" in page
    assert b"900001" not in page
    assert client.post("/numbers/add-name/", {"name": "News"}).status_code == 403  # a viewer there


@pytest.mark.parametrize("slug", ["other", "nowhere"])
def test_nobody_looks_at_an_account_of_others(client, world, slug):
    client.force_login(world.owner)
    assert client.post(f"/accounts/{slug}/").status_code == 404
    assert b"900001" in client.get("/numbers/").content


def test_who_is_no_member_any_more_sees_nothing(client, world):
    client.force_login(world.owner)
    client.get("/numbers/")
    Member.objects.filter(user=world.owner).delete()
    page = client.get("/numbers/")
    assert page.status_code == 403
    assert b"You are not a member of any account" in page.content


def test_a_closed_account_is_not_looked_at(client, world):
    client.force_login(world.owner)
    Account.objects.filter(id=world.account.id).update(closed_at=timezone.now())
    assert client.get("/numbers/").status_code == 403
    assert client.post("/accounts/acme/").status_code == 404


def test_an_address_is_no_password(client, world):
    page = client.post(invited(world, "nell@example.com"), {"name": "Nell", "password": "nell@example.com"})
    assert page.status_code == 422
    assert "too similar to the" in said(page)
    assert not User.objects.filter(email="nell@example.com").exists()
