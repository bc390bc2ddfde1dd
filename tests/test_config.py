"""The settings: a wrong value stops the program by its name, and keys are made once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heed import config

KEY, OTHER = "ab" * 32, "cd" * 32
KEYS = {"HEED_SECRET_KEY": KEY, "HEED_FIELD_KEYS": f"{KEY},{OTHER}", "HEED_ID_KEY": KEY}


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder to be made, and no other setting."""
    for name in [name for name in os.environ if name.startswith("HEED_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HEED_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HEED_THREADS", "many", "input should be a valid integer"),
        ("HEED_THREADS", "0", "input should be greater than or equal to 1"),
        ("HEED_DEBUG", "perhaps", "input should be a valid boolean"),
        ("HEED_DATABASE_URL", "mysql://x/y", "must start with postgresql://"),
        ("HEED_DATABASE_URL", "postgresql://x/y?nosuch=1", "can't be read"),
        ("HEED_PUBLIC_URL", "example.com", "must be http:// or https://"),
        ("HEED_PUBLIC_URL", "https://example.com/heed", "without a path"),
        ("HEED_PUBLIC_URL", "https://example.com:port", "port could not be cast"),
        ("HEED_SMPP_PORT", "70000", "input should be less than or equal to 65535"),
        ("HEED_SMPP_TLS_CERT", "nosuch.pem", "is no file"),
        ("HEED_ID_KEY", "very-secret", "must be 64 hex digits"),
        ("HEED_ID_KEY", f"{KEY},{OTHER}", "must be 64 hex digits"),
        ("HEED_FIELD_KEYS", f"{KEY},very-secret", "must be 64 hex digits"),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(config.Unusable, match=f"^{name}: ") as refused:
        config.read()
    assert words in str(refused.value)
    assert "very-secret" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_port_with_tls_needs_a_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_SMPP_TLS_PORT", "3550")
    with pytest.raises(config.Unusable, match="HEED_SMPP_TLS_CERT is not set"):
        config.read()


def test_on_postgresql_every_key_is_asked_for(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setenv("HEED_DATABASE_URL", "postgresql://one:5432,two:5433/heed?target_session_attrs=read-write")
    for name, value in KEYS.items():
        with pytest.raises(config.Unusable, match=f"^{name} is not set"):
            config.read()
        monkeypatch.setenv(name, value)
    assert config.read().field_keys.get_secret_value() == KEYS["HEED_FIELD_KEYS"]
    assert not data.exists()


def test_keys_are_made_once_and_for_their_owner_alone(data: Path) -> None:
    made = config.read()
    assert sorted(path.name for path in (data / "keys").iterdir()) == ["field_keys", "id_key", "secret_key"]
    assert {path.stat().st_mode & 0o777 for path in (data / "keys").iterdir()} == {0o600}
    assert data.stat().st_mode & 0o777 == 0o700
    assert len(made.id_key.get_secret_value()) == 64
    assert config.read() == made


def test_a_key_that_appears_meanwhile_is_the_one(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(made: Path, path: Path) -> None:
        path.write_text(KEY)
        raise FileExistsError

    monkeypatch.setattr(os, "link", link)
    assert config.read().id_key.get_secret_value() == KEY
    assert len(list((data / "keys").iterdir())) == 3


def test_a_database_without_its_keys_gets_no_new_ones(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.mkdir()
    (data / config.DATABASE_FILE).touch()
    with pytest.raises(config.Unusable, match="its folder “keys” is missing") as refused:
        config.read()
    assert refused.value.exit_code == 1
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    config.read()
    assert not (data / "keys").exists()


def test_where_up_serves_is_remembered(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.read()
    (data / config.ADDRESS_FILE).write_text("http://127.0.0.1:9000\n")
    assert config.read().public_url == "http://127.0.0.1:9000"
    monkeypatch.setenv("HEED_PUBLIC_URL", "https://sms.example.com/")
    assert config.read().public_url == "https://sms.example.com"
