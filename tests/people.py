"""The people of the tests: an account with its owner and a teammate, and a stranger from another account."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.contrib.auth.hashers import make_password
from django.test import Client

from heed.core import accounts, senders
from heed.core.models import Account, Connection, Role, Sender, User

ANNA = 447700900501  # phones of people who get messages
BEN = 447700900502
CLEO = 447700900503
FIRST_NUMBER, SECOND_NUMBER, THIRD_NUMBER = 447700900001, 447700900002, 447700900003
SHARED_NUMBER = 447700900400
PASSWORD = "correct horse battery"  # noqa: S105


@dataclass(frozen=True)
class World:
    """One installation: the account "Acme" with two numbers and a name, and the stranger's "Other"."""

    link: Connection
    account: Account
    number: Sender
    second: Sender
    name: Sender
    shared: Sender
    other: Account
    other_number: Sender
    owner: User
    teammate: User
    viewer: User
    stranger: User


def make() -> World:
    link = Connection.objects.create(kind="sandbox", name="Sandbox", token="tok")  # noqa: S106
    account = accounts.create("Acme", actor="test")
    other = accounts.create("Other", actor="test")
    take = senders.take_number
    return World(
        link=link,
        account=account,
        number=take(account, FIRST_NUMBER, link, actor="test"),
        second=take(account, SECOND_NUMBER, link, actor="test"),
        name=senders.add_name(account, "ACME", link, actor="test"),
        shared=senders.add_shared(SHARED_NUMBER, link, actor="test"),
        other=other,
        other_number=take(other, THIRD_NUMBER, link, actor="test"),
        owner=person(account, "owner@example.com", Role.OWNER),
        teammate=person(account, "marketer@example.com", Role.MARKETER),
        viewer=person(account, "viewer@example.com", Role.VIEWER),
        stranger=person(other, "stranger@example.com", Role.OWNER),
    )


def person(account: Account, email: str, role: Role) -> User:
    user = accounts.add_member(account, email, role, actor="test").user
    user.password = _hashed()
    user.save(update_fields=["password"])
    return user


@cache
def _hashed() -> str:
    """Argon2 is slow by design: once is enough for all the people of all tests."""
    return make_password(PASSWORD)


def signed_in(user: User) -> Client:
    """A browser of this person's own."""
    client = Client()
    client.force_login(user)
    return client
