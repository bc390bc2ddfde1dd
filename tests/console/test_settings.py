"""Settings: the account, its members and invitations, its API keys; one's password and second factor."""

from __future__ import annotations

import json
import re
import smtplib
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import time_machine
from django.core import mail
from django.urls import reverse
from people import PASSWORD, person

from heed.console import ids
from heed.core import accounts
from heed.core.models import Account, ApiKey, Audit, Invitation, Member, Role, User


@pytest.fixture
def owner(client, world):
    client.force_login(world.owner)
    return client


def member(user, account):
    return Member.objects.get(user=user, account=account)


def at(name, kind, row):
    return reverse(name, args=[ids.public(kind, row.id)])


# The account


def test_the_account_is_changed_and_audited(owner, world):
    given = {"name": " Acme  Ltd ", "country": "US", "time_zone": "America/New_York"}
    assert owner.post("/settings/", given).url == "/settings/"
    account = Account.objects.get(id=world.account.id)
    assert (account.name, account.country, account.time_zone) == ("Acme Ltd", "US", "America/New_York")
    assert (account.slug, account.link_code) == (world.account.slug, world.account.link_code)
    note = Audit.objects.get(action="account.change")
    assert note.actor == "owner@example.com"
    assert note.detail == {"name": "Acme Ltd", "country": "US", "time_zone": "America/New_York"}
    owner.post("/settings/", given)
    assert Audit.objects.filter(action="account.change").count() == 1  # nothing changed, nothing noted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": ""}, "1 to 80 characters"),
        ({"name": "x" * 81}, "1 to 80 characters"),
        ({"country": "XX"}, "two letters"),
        ({"country": ""}, "two letters"),
        ({"time_zone": "Mars/Olympus"}, "Europe/London"),
        ({"time_zone": "../etc/passwd"}, "Europe/London"),
    ],
)
def test_a_bad_account_is_refused_and_nothing_is_saved(owner, world, given, words):
    answer = owner.post("/settings/", {"name": "New", "country": "FR", "time_zone": "UTC", **given})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Account.objects.get(id=world.account.id).name == "Acme"


@pytest.mark.parametrize("who", ["teammate", "viewer"])
def test_others_read_the_account_and_change_nothing(client, world, who):
    client.force_login(getattr(world, who))
    page = client.get("/settings/").content
    assert b"Owners and administrators change these." in page
    assert b"API keys" not in page
    assert client.post("/settings/", {"name": "Mine", "country": "GB", "time_zone": "UTC"}).status_code == 403
    assert Account.objects.get(id=world.account.id).name == "Acme"


# One's own name and address


@pytest.fixture
def proven(client, world):
    """The owner, who has just given their password."""
    client.post("/sign-in/", {"login": "owner@example.com", "password": PASSWORD})
    assert client.get("/settings/you/").url.startswith("/password/reauthenticate/")
    client.post("/password/reauthenticate/?next=/settings/you/", {"password": PASSWORD})
    return client


def test_the_first_owner_gets_an_address_of_their_own(proven, world, client):
    done = proven.post("/settings/you/", {"name": "Anna Berg", "email": " Anna@Example.com "}, follow=True)
    assert "anna@example.com (Anna Berg)" in done.content.decode()
    world.owner.refresh_from_db()
    assert (world.owner.name, world.owner.email) == ("Anna Berg", "anna@example.com")
    assert Audit.objects.filter(action="member.rename", actor="owner@example.com", subject="anna@example.com").exists()
    client.logout()
    for email, is_let_in in (("owner@example.com", False), ("anna@example.com", True)):
        client.post("/sign-in/", {"login": email, "password": PASSWORD})
        assert (client.get("/settings/").status_code == 200) is is_let_in


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"email": "nonsense"}, "This is not an e-mail address."),
        ({"email": "viewer@example.com"}, "This address is somebody else&#x27;s."),
        ({"email": "invited@example.com"}, "This address is somebody else&#x27;s."),
        ({"name": "x" * 81}, "A name has at most 80 characters."),
    ],
)
def test_a_bad_name_or_address_is_refused(proven, world, given, words):
    accounts.invite(world.account, "invited@example.com", Role.VIEWER, by=None, actor="test")
    answer = proven.post("/settings/you/", {"name": "Anna", "email": "anna@example.com", **given})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    world.owner.refresh_from_db()
    assert world.owner.email == "owner@example.com"


def test_a_name_is_not_changed_without_the_password(owner, world):
    owner.post("/settings/you/", {"name": "Mallory", "email": "mallory@example.com"})
    world.owner.refresh_from_db()
    assert world.owner.email == "owner@example.com"


# Members


def test_the_members_stand_with_their_roles(owner, world):
    page = owner.get("/settings/members/").content.decode()
    assert "owner@example.com" in page
    assert "viewer@example.com" in page
    assert "stranger@example.com" not in page


def test_an_invitation_is_a_link_to_copy_once(owner, world, client):
    answer = owner.post("/settings/members/invite/", {"email": "New@Example.com", "role": "viewer"}, follow=True)
    link = re.search(r'<code id="link">http://testserver(/join/[^<]+)</code>', answer.content.decode())[1]
    assert "no mail server" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert b"/join/" not in owner.get("/settings/members/").content
    assert b"new@example.com" in owner.get("/settings/members/").content
    client.logout()
    assert client.get(link).status_code == 200
    client.post(link, {"name": "Nell", "password": "a long enough one"})
    assert member(User.objects.get(email="new@example.com"), world.account).role == Role.VIEWER


def test_an_invitation_is_mailed_where_mail_is_set_up(owner, settings):
    settings.EMAIL_HOST = "mail.example.com"
    answer = owner.post("/settings/members/invite/", {"email": "new@example.com", "role": "marketer"}, follow=True)
    assert "The link was mailed." in answer.content.decode()
    [letter] = mail.outbox
    assert letter.to == ["new@example.com"]
    assert letter.subject == "Join Acme on Heed"
    assert "http://testserver/join/" in letter.body


def test_a_mail_that_fails_leaves_the_link(owner, settings, monkeypatch):
    settings.EMAIL_HOST = "mail.example.com"

    def fail(*_, **__):
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr("heed.console.members.send_mail", fail)
    answer = owner.post("/settings/members/invite/", {"email": "new@example.com", "role": "marketer"}, follow=True)
    assert "The mail could not be sent." in answer.content.decode()
    assert b'<code id="link">' in answer.content


def test_a_second_invitation_ends_the_first(owner, world):
    first = accounts.invite(world.account, "new@example.com", Role.OWNER, by=None, actor="test")
    owner.post("/settings/members/invite/", {"email": "NEW@example.com", "role": "viewer"})
    assert accounts.open_invitation(first) is None
    assert Invitation.objects.get().role == "viewer"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"email": "nonsense"}, "This is not an e-mail address."),
        ({"email": ""}, "This is not an e-mail address."),
        ({"email": "a\x00b@example.com"}, "This is not an e-mail address."),
        ({"email": "new@example.com\nBcc: x@example.com"}, "This is not an e-mail address."),
        ({"email": "viewer@example.com"}, "This person is a member already."),
        ({"role": "king"}, "Pick a role."),
        ({"role": ""}, "Pick a role."),
    ],
)
def test_a_bad_invitation_is_refused(owner, given, words):
    answer = owner.post("/settings/members/invite/", {"email": "new@example.com", "role": "viewer", **given})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Invitation.objects.exists()


def test_an_invitation_is_revoked(owner, world):
    token = accounts.invite(world.account, "new@example.com", Role.VIEWER, by=None, actor="test")
    owner.post(at("revoke_invitation", ids.INVITATION, Invitation.objects.get()))
    assert accounts.open_invitation(token) is None
    assert Audit.objects.filter(action="invitation.revoke", actor="owner@example.com").exists()


def test_a_role_is_changed(owner, world):
    owner.post(at("change_role", ids.MEMBER, member(world.viewer, world.account)), {"role": "administrator"})
    assert member(world.viewer, world.account).role == "administrator"
    owner.post(at("change_role", ids.MEMBER, member(world.viewer, world.account)), {"role": "king"})
    assert member(world.viewer, world.account).role == "administrator"


def test_a_member_is_removed_and_gets_in_no_more(owner, world, client):
    removing = at("remove_member", ids.MEMBER, member(world.teammate, world.account))
    assert b"Remove marketer@example.com?" in owner.post(removing).content
    owner.post(removing, {"sure": "1"})
    client.force_login(world.teammate)
    assert client.get("/numbers/").status_code == 403


@pytest.mark.parametrize(("name", "data"), [("change_role", {"role": "viewer"}), ("remove_member", {"sure": "1"})])
def test_an_account_keeps_an_owner(owner, world, name, data):
    answer = owner.post(at(name, ids.MEMBER, member(world.owner, world.account)), data, follow=True)
    assert b"An account needs an owner." in answer.content
    assert member(world.owner, world.account).role == "owner"


# API keys


def test_a_key_is_shown_once_and_works(owner, world):
    made = owner.post("/settings/api-keys/", {"name": "Web shop", "role": "marketer"})
    assert made.url == "/settings/api-keys/"  # loaded again, the page makes nothing again
    waiting = json.dumps(dict(owner.session))
    answer = owner.get(made.url)
    secret = re.search(r'<code id="secret">(heed_[^<]+)</code>', answer.content.decode())[1]
    assert "no-store" in answer["Cache-Control"]
    assert secret not in waiting
    assert accounts.key_for(secret).account == world.account
    page = owner.get("/settings/api-keys/").content.decode()
    assert secret not in page
    assert f"…{secret[-4:]}" in page
    assert "Web shop" in page


def test_a_key_that_nobody_looked_at_is_not_shown_later(owner):
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=6)):
        owner.post("/settings/api-keys/", {"name": "Web shop", "role": "marketer"})
    assert b'id="secret"' not in owner.get("/settings/api-keys/").content


def test_a_look_ahead_takes_no_secret(owner):
    owner.post("/settings/api-keys/", {"name": "Web shop", "role": "marketer"})
    owner.head("/settings/api-keys/")
    assert b'id="secret"' in owner.get("/settings/api-keys/").content


def test_a_revoked_key_works_no_more(owner, world):
    key, secret = accounts.create_api_key(world.account, "Old", Role.VIEWER, actor="test")
    assert "Revoke “" in owner.post(at("revoke_api_key", ids.KEY, key)).content.decode()
    owner.post(at("revoke_api_key", ids.KEY, key), {"sure": "1"})
    assert accounts.key_for(secret) is None
    assert b"No keys yet" in owner.get("/settings/api-keys/").content


@pytest.mark.parametrize("given", [{"name": ""}, {"name": "x" * 81}, {"role": "king"}, {"role": "owner"}])
def test_a_bad_key_is_refused(owner, given):
    answer = owner.post("/settings/api-keys/", {"name": "Web shop", "role": "viewer", **given})
    assert answer.status_code == 422
    assert not ApiKey.objects.exists()


# Who may do what


@pytest.fixture
def changes(world):
    """Every change of members, invitations and keys of the account, as address and data."""
    key, _ = accounts.create_api_key(world.account, "Key", Role.VIEWER, actor="test")
    accounts.invite(world.account, "new@example.com", Role.VIEWER, by=None, actor="test")
    viewer = member(world.viewer, world.account)
    return [
        (at("change_role", ids.MEMBER, viewer), {"role": "owner"}),
        (at("remove_member", ids.MEMBER, viewer), {}),
        (at("revoke_invitation", ids.INVITATION, Invitation.objects.get()), {}),
        (at("revoke_api_key", ids.KEY, key), {}),
    ]


def as_it_was(world):
    kept = Invitation.objects.filter(email="new@example.com").exists()
    kept &= ApiKey.objects.filter(name="Key", revoked_at=None).exists()
    return kept and member(world.viewer, world.account).role == "viewer"


@pytest.mark.parametrize("who", ["teammate", "viewer"])
def test_only_owners_and_administrators_change_these(client, world, changes, who):
    client.force_login(getattr(world, who))
    page = client.get("/settings/members/").content
    assert b"What the roles may do" in page
    assert b"new@example.com" not in page
    for path, data in [*changes, ("/settings/members/invite/", {"email": "x@example.com", "role": "owner"})]:
        assert client.post(path, data).status_code == 403, path
    assert client.get("/settings/api-keys/").status_code == 403
    assert client.post("/settings/api-keys/", {"name": "Mine", "role": "viewer"}).status_code == 403
    assert as_it_was(world)


def test_a_stranger_changes_nothing(client, world, changes):
    client.force_login(world.stranger)
    for path, data in changes:
        assert client.post(path, data).status_code in (302, 404), path
    assert b"new@example.com" not in client.get("/settings/members/").content
    assert b"Key" not in client.get("/settings/api-keys/").content.replace(b"API keys", b"")
    assert as_it_was(world)
    assert not Audit.objects.filter(actor=world.stranger.email).exists()


def test_looking_changes_nothing(owner, world, changes):
    for path, _ in [*changes, ("/settings/members/invite/", {})]:
        assert owner.get(path).status_code == 405, path
    assert as_it_was(world)


@pytest.mark.parametrize("path", ["/settings/", "/settings/members/", "/settings/api-keys/", "/second-factor/"])
def test_nobody_comes_in_unsigned(client, world, path):
    assert client.get(path).url.startswith("/sign-in/")


def test_the_lists_ask_a_bounded_number_of_questions(owner, world, django_assert_max_num_queries):
    for n in range(10):
        person(world.account, f"more{n}@example.com", Role.VIEWER)
        accounts.invite(world.account, f"new{n}@example.com", Role.VIEWER, by=None, actor="test")
        accounts.create_api_key(world.account, f"Key {n}", Role.VIEWER, actor="test")
    for path in ("/settings/members/", "/settings/api-keys/", "/settings/"):
        with django_assert_max_num_queries(9):
            assert owner.get(path).status_code == 200


# One's own way of signing in


def test_a_password_is_changed_in_our_frame(client, world):
    client.post("/sign-in/", {"login": world.viewer.email, "password": PASSWORD})
    assert b'aria-current="page">Your password' in client.get("/password/change/").content
    wrong = client.post("/password/change/", {"oldpassword": "x", "password1": "short", "password2": "other"})
    assert wrong.content.count(b"field-error") >= 2
    client.post(
        "/password/change/", {"oldpassword": PASSWORD, "password1": "a new long one", "password2": "a new long one"}
    )
    assert User.objects.get(id=world.viewer.id).check_password("a new long one")


def test_who_came_by_a_link_sets_a_password(client, world):
    User.objects.filter(id=world.viewer.id).update(password="!")  # noqa: S106  # none
    client.force_login(User.objects.get(id=world.viewer.id))
    assert b"Set a password" in client.get("/settings/").content
    client.post("/password/set/", {"password1": "a new long one", "password2": "a new long one"})
    assert User.objects.get(id=world.viewer.id).check_password("a new long one")


def test_a_second_factor_is_set_up_asked_for_and_turned_off(client, world):
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    def code(secret):
        return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))

    def secret_on(page):
        return re.search(r"Secret: <code[^>]*>([A-Z2-7]+)</code>", page.content.decode())[1]

    def prove(path):
        """Before one changes how one signs in, the password is asked for once more."""
        assert client.get(path).url == f"/password/reauthenticate/?next={quote(path, safe='')}"
        assert b"Is it you?" in client.get(client.get(path).url).content
        assert b"field-error" in client.post("/password/reauthenticate/", {"password": "x", "next": path}).content
        return client.post("/password/reauthenticate/", {"password": PASSWORD, "next": path}, follow=True)

    client.post("/sign-in/", {"login": world.viewer.email, "password": PASSWORD})
    secret_on(prove("/second-factor/totp/activate/"))
    assert b"field-error" in client.post("/second-factor/totp/activate/", {"code": "000000"}).content
    secret = secret_on(client.get("/second-factor/totp/activate/"))
    assert client.post("/second-factor/totp/activate/", {"code": code(secret)}).status_code == 302
    codes = re.findall(r"<li><code>([^<]+)</code>", client.get("/second-factor/recovery-codes/").content.decode())
    assert len(codes) == 10
    assert b"10 recovery codes are left" in client.get("/second-factor/").content

    client.post("/sign-out/")
    asked = client.post("/sign-in/", {"login": world.viewer.email, "password": PASSWORD}, follow=True)
    assert asked.redirect_chain[-1][0].startswith("/second-factor/authenticate/")
    assert client.get("/settings/").url.startswith("/sign-in/")  # not in before the code is given
    assert b"field-error" in client.post("/second-factor/authenticate/", {"code": "000000"}).content
    client.post("/second-factor/authenticate/", {"code": codes[0]})
    assert b"Manage it" in client.get("/settings/").content

    assert b"Turn off the second factor?" in prove("/second-factor/totp/deactivate/").content
    client.post("/second-factor/totp/deactivate/")
    assert b"Turn on a second factor" in client.get("/settings/").content
