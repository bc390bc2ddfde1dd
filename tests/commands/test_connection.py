"""Connections on the command line."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from heed import carriers
from heed.core import connections
from heed.core.models import Connection, Sender

SID = "AC00000000000000000000000000000001"


def run(*arguments):
    said = io.StringIO()
    call_command("connection", *arguments, stdout=said)
    return said.getvalue().strip()


def added(monkeypatch, *more):
    monkeypatch.setattr("sys.stdin", io.StringIO("s3cret\n"))
    return json.loads(run("add", "twilio", f"account_sid={SID}", "auth_token=-", *more))


def test_one_is_added_with_a_secret_from_standard_input(world, monkeypatch):
    said = added(monkeypatch, "--account", "acme")
    link = Connection.objects.get(id=said["id"])
    assert said["hook_url"] == connections.hook_url(link)
    assert (link.name, link.account, connections.answered(link)) == ("Twilio", world.account, ["stop", "start", "help"])
    assert connections.settings_of(link)["auth_token"] == "s3cret"  # noqa: S105
    assert "s3cret" not in run("list")


def test_what_is_not_named_in_a_change_stays(world, monkeypatch):
    link = Connection.objects.get(id=added(monkeypatch)["id"])
    run("change", str(link.id), "messaging_service=MG1", "--answers", "")
    link.refresh_from_db()
    settings = connections.settings_of(link)
    assert (settings["messaging_service"], settings["auth_token"], link.name) == ("MG1", "s3cret", "Twilio")
    assert connections.answered(link) == []
    run("change", str(link.id), "--name", "Spare")
    link.refresh_from_db()
    assert (link.name, connections.settings_of(link)) == ("Spare", settings)


def test_numbers_that_are_there_already_are_given_to_accounts_and_to_all(world):
    link = carriers.add("generic", "Example", {"url": "https://sms.example/"}, answered=[], account=None, actor="test")
    said = io.StringIO()
    call_command(
        "connection", "add-number", str(link.id), "+442079460123", "--account", "acme", stdout=said, stderr=said
    )
    assert connections.hook_url(link) in said.getvalue()
    assert Sender.objects.get(address="+442079460123").account == world.account
    call_command("shared_number", "add", "+442079460124", "--connection", str(link.id), stdout=io.StringIO())
    assert Sender.objects.get(address="+442079460124").connection == link
    own = carriers.add(
        "generic", "Own", {"url": "https://sms.example/"}, answered=[], account=world.other, actor="test"
    )
    with pytest.raises(CommandError, match="serves every account"):
        call_command("shared_number", "add", "+442079460125", "--connection", str(own.id))


def test_a_carrier_without_a_list_says_so(world):
    with pytest.raises(CommandError, match="does not offer this") as refused:
        run("reconcile", str(world.link.id))
    assert refused.value.returncode == 1
