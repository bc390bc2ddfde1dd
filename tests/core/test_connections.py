"""Connections: their secrets are kept encrypted, and what staff do to them is audited."""

from __future__ import annotations

import pytest

from heed.core import connections, leases, vault
from heed.core.connections import Change, Refused
from heed.core.models import Audit, Connection

CHANGE = Change("Main", {"user": "acme", "password": "s3cret-word"}, {"password"}, {"stop", "help"})


def test_secrets_are_encrypted_in_the_table(world):
    link = connections.add("kannel", CHANGE, account=world.account, actor="test")
    row = Connection.objects.get(id=link.id)
    assert row.settings == {"user": "acme"}
    assert "s3cret-word" not in row.secrets
    assert connections.settings_of(row) == {"user": "acme", "password": "s3cret-word"}
    assert connections.answered(row) == ["stop", "help"]
    assert "s3cret-word" not in str(Audit.objects.filter(action__startswith="connection").values())


def test_a_secret_that_is_not_typed_again_stays(world):
    link = connections.add("kannel", CHANGE, account=None, actor="test")
    changed = connections.change(link, Change("Spare", {"user": "bcme"}, {"password"}), actor="test")
    assert connections.settings_of(changed) == {"user": "bcme", "password": "s3cret-word"}
    assert (changed.name, connections.answered(changed)) == ("Spare", [])
    assert changed.changed_at > link.changed_at
    assert Audit.objects.get(action="connection.change").detail["changed"] == ["user"]


def test_a_lost_key_is_said_and_not_guessed(world, settings):
    link = connections.add("kannel", CHANGE, account=None, actor="test")
    settings.FIELD_KEYS = ("ab" * 32,)
    with pytest.raises(vault.Unreadable):
        connections.settings_of(link)


def test_a_name_is_needed(world):
    with pytest.raises(Refused) as refused:
        connections.add("kannel", Change(" \n", {}), account=None, actor="test")
    assert refused.value.field == "name"


def test_stop_and_resume_are_audited_once(world):
    for _ in range(2):
        connections.stop(world.link, actor="ann@example.com")
    world.link.refresh_from_db()
    assert (world.link.stopped_at is not None, world.link.stopped_reason) == (True, "Stopped by ann@example.com.")
    for _ in range(2):
        connections.resume(world.link, actor="ann@example.com")
    assert Connection.objects.get(id=world.link.id).stopped_at is None
    actions = list(Audit.objects.filter(action__startswith="connection").values_list("action", flat=True))
    assert actions == ["connection.stop", "connection.resume"]


def test_one_living_process_keeps_a_session(world):
    first, second = leases.take("test"), leases.take("test")
    assert connections.hold(world.link, first)
    assert connections.hold(world.link, first)
    assert not connections.hold(world.link, second)
    connections.let_go(world.link, second)  # not its own to let go
    assert not connections.hold(world.link, second)
    leases.end(first)
    assert connections.hold(world.link, second)
    connections.let_go(world.link, second)
    assert connections.hold(world.link, leases.take("test"))


def test_an_account_uses_its_own_and_the_installations(world):
    own = connections.add("kannel", CHANGE, account=world.account, actor="test")
    others = connections.add("kannel", CHANGE, account=world.other, actor="test")
    assert {link.id for link in connections.of(world.account)} == {world.link.id, own.id}
    assert {link.id for link in connections.of(world.other)} == {world.link.id, others.id}
