"""What the operator may set: HEED_* variables, read once, checked at start. A wrong value stops the program by name."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parents[2]


class Config(BaseSettings):
    """Every setting with its default; ``docs/operations.md`` explains each."""

    model_config = SettingsConfigDict(env_prefix="HEED_", extra="ignore")

    data_dir: Path = Field(default=REPOSITORY / "data", description="Folder for the SQLite database, keys and logs.")
    database_url: str = Field(default="", description="postgresql://… replaces SQLite.")
    public_url: str = Field(
        default="http://127.0.0.1:8000", description="Where people and carriers reach this installation."
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        default=[], description="Addresses whose X-Forwarded-For counts."
    )
    secret_key: SecretStr = SecretStr("")
    field_keys: SecretStr = SecretStr("")
    id_key: SecretStr = SecretStr("")
    threads: int = Field(default=4, ge=1, le=64, description="Threads of one web process.")
    debug: bool = False
    email_url: str = Field(
        default="", description="smtp://user:password@host:port; without it an invitation is a link to copy."
    )
    default_from_email: str = "heed@localhost"

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("postgresql", "postgres"):
            raise ValueError("must start with postgresql:// (leave it out for SQLite)")
        return value

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.rstrip("/"):
            raise ValueError("must be http:// or https:// and a host, without a path")
        return value.rstrip("/")


ADDRESS_FILE = "address"  # in the data folder: where ``up`` serves, so that other commands build the same links
KEYS = ("secret_key", "field_keys", "id_key")


def is_set(name: str) -> bool:
    """Whether the operator gave this setting."""
    return f"HEED_{name.upper()}" in os.environ


def read() -> Config:
    """The settings of this process, with the keys made in the data folder where SQLite may make them.

    On PostgreSQL several hosts must agree, so a missing key stops the program.
    """
    config = Config()
    address = config.data_dir / ADDRESS_FILE
    if not is_set("public_url") and address.exists():
        config.public_url = address.read_text().strip()
    for name in KEYS:
        if not getattr(config, name).get_secret_value():
            setattr(config, name, SecretStr(_key(config, name)))
    return config


def _key(config: Config, name: str) -> str:
    if config.database_url:
        raise SystemExit(
            f"HEED_{name.upper()} is not set. On PostgreSQL every host needs the same key (docs/operations.md)."
        )
    path = config.data_dir / "keys" / name
    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    return path.read_text().strip()
