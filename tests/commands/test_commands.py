"""The commands that scripts rely on."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import is_mfa_enabled
from django.core.management import CommandError, call_command
from people import ANNA, World

from heed.core import accounts, esmes
from heed.core.models import ApiKey, Audit, Consent, Inbound, Sender
from heed.rules import numbers

PHONE, NUMBER = numbers.show(ANNA), "+447700900001"


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def test_a_key_is_printed_alone_and_works(world: World) -> None:
    secret = run("api_key", "create", "--name", "shop", "--account", "acme")
    key = accounts.key_for(secret)
    assert key is not None
    assert (key.account, key.role) == (world.account, "marketer")
    run("api_key", "revoke", str(key.id), "--account", "acme")
    assert accounts.key_for(secret) is None


def test_another_accounts_key_is_not_revoked(world: World) -> None:
    run("api_key", "create", "--name", "shop", "--account", "acme")
    with pytest.raises(CommandError, match="no working key"):
        run("api_key", "revoke", str(ApiKey.objects.get().id), "--account", "other")


def test_an_esme_is_added_changed_and_removed(world: World) -> None:
    password = run("esme", "add", "shop", "--account", "acme", "--from", "192.0.2.7", "--refusal", "0x45")
    esme = esmes.find("shop")
    assert esme is not None
    assert (esme.account, esme.refusal, esmes.is_password_of(esme, password)) == (world.account, 0x45, True)
    run("esme", "change", "shop", "--account", "acme", "--rate", "7", "--inbound", "no")
    (shown,) = map(json.loads, run("esme", "list", "--account", "acme").splitlines())
    assert shown == {
        "system_id": "shop", "alphabet": "gsm7", "networks": ["192.0.2.7/32"], "most_binds": 4, "window": 100, "rate": 7,
        "refusal": "0x00000045", "takes_inbound": False, "bound_at": None,
    }  # fmt: skip
    assert run("esme", "list", "--account", "other") == ""
    again = run("esme", "password", "shop", "--account", "acme")
    assert again != password
    with pytest.raises(CommandError, match="no ESME"):
        run("esme", "remove", "shop", "--account", "other")
    run("esme", "remove", "shop", "--account", "acme")
    assert esmes.find("shop") is None


def test_the_front_needs_a_port() -> None:
    with pytest.raises(CommandError, match="HEED_SMPP_PORT"):
        run("smpp")


def test_a_stop_is_seen_by_check_and_send(world: World) -> None:
    verdict = json.loads(run("sandbox", "receive", "--from", PHONE, "--to", NUMBER, "Stop!"))
    assert (verdict["verdict"], verdict["changed"]) == ("opt_out", True)
    with pytest.raises(SystemExit) as refused:
        run("check", "--account", "acme", "--from", NUMBER, PHONE)
    assert refused.value.code == 1
    sent = json.loads(run("send", "--account", "acme", "--from", NUMBER, "--to", PHONE, "Hi"))
    assert (sent["status"], sent["reason"]) == ("suppressed", "opted_out")


def test_send_says_where_a_text_lacks_a_way_out(world: World) -> None:
    def warnings(text: str) -> object:
        return json.loads(run("send", "--account", "acme", "--from", NUMBER, "--to", PHONE, text))["warnings"]

    assert warnings("Sale!") == [{"code": "no_exit", "demanded_by": ["GB"]}]
    assert warnings("Sale! Reply STOP to leave") == []


def test_check_answers_for_every_number_whatever_is_wrong_with_one(world: World) -> None:
    out, errors = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as refused:
        call_command("check", "--account", "acme", "--from", NUMBER, "12", PHONE, stdout=out, stderr=errors)
    assert refused.value.code == 1
    items = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(one["phone_number"], one["allowed"], one["reason"]) for one in items] == [
        ("12", False, "invalid_number"),
        (PHONE, True, None),
    ]
    assert "12: This number is too short." in errors.getvalue()


@pytest.mark.parametrize("to", ["+447700900009", "07700900009", "nobody", "ACME"])
def test_a_text_to_a_number_that_nobody_has_is_refused(world: World, to: str) -> None:
    with pytest.raises(CommandError, match=f"Nobody here has the number {re.escape(to)}"):
        run("sandbox", "receive", "--from", PHONE, "--to", to, "STOP")
    assert not Inbound.objects.exists()


@pytest.mark.parametrize("to", [NUMBER, "447700900001", "07700 900001"])
def test_a_text_reaches_a_number_however_it_is_written(world: World, to: str) -> None:
    assert json.loads(run("sandbox", "receive", "--from", PHONE, "--to", to, "STOP"))["changed"]


def test_an_import_says_which_rows_it_did_not_apply(world: World, tmp_path: Path) -> None:
    file, errors = tmp_path / "in.csv", io.StringIO()
    file.write_text("phone_number,note\n12,of 2019\n07700900501,\n")
    call_command("opt_outs", "import", str(file), "--account", "acme", stdout=io.StringIO(), stderr=errors)
    assert "Not applied: “12, of 2019”: This number is too short." in errors.getvalue()


def test_verify_finds_what_was_tampered_with_and_rebuild_mends_it(world: World) -> None:
    run("sandbox", "receive", "--from", PHONE, "--to", NUMBER, "STOP")
    assert run("verify_ledger") == ""
    Consent.objects.filter(recipient=ANNA, state="out").update(state="in")
    with pytest.raises(SystemExit):
        run("verify_ledger")
    assert json.loads(run("verify_ledger", "--rebuild")) == {"mended": 1}
    assert run("verify_ledger") == ""


def test_a_lost_second_factor_is_turned_off(world: World) -> None:
    totp.TOTP.activate(world.owner, totp.generate_totp_secret())
    run("sign_in_link", "--email", "owner@example.com")
    assert is_mfa_enabled(world.owner)
    with pytest.raises(CommandError, match="--email"):
        run("sign_in_link", "--second-factor-lost")
    run("sign_in_link", "--email", "owner@example.com", "--second-factor-lost")
    assert not is_mfa_enabled(world.owner)
    assert Audit.objects.filter(action="second_factor.off", subject="owner@example.com").exists()


def test_accounts_links_and_shared_numbers(db: None) -> None:
    assert run("account", "create", "--name", "Blue Shop", "--country", "us", "--owner", "o@example.com") == "blue-shop"
    assert json.loads(run("account", "list"))["country"] == "US"
    assert run("sign_in_link").startswith("http://testserver/sign-in/")
    assert run("shared_number", "add", "+447700900499") == "+447700900499"
    assert Sender.objects.get().account is None
    with pytest.raises(CommandError, match="taken"):
        run("shared_number", "add", "+447700900499")


@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "create", "--name", ""),
        ("account", "create", "--name", "X", "--country", "XX"),
        ("sign_in_link", "--email", "nobody@example.com"),
        ("api_key", "create", "--name", "x", "--account", "nosuch"),
        ("send", "--account", "acme", "--from", "+447700900099", "--to", PHONE, "Hi"),
        ("send", "--account", "acme", "--from", NUMBER, "--to", "12", "Hi"),
        ("send", "--account", "acme", "--from", NUMBER, "--to", PHONE, "  "),
        ("connection", "resume", "999"),
        ("connection", "add", "twilio"),
        ("connection", "add", "twilio", "account_sid=AC1", "auth_token=x"),
        ("connection", "add", "twilio", "colour=red"),
        ("connection", "add", "pigeon"),
    ],
)
def test_what_is_refused_says_so_in_one_line(world: World, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert refused.value.returncode == 1
    assert "\n" not in str(refused.value)
