"""What the operator may set: HEED_* variables, read once, checked at start. A wrong value stops the program by name."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

USAGE, REFUSED = 2, 1  # exit codes


class Unusable(Exception):
    """The program can't start with these settings. Carries the words to show and the exit code."""

    def __init__(self, words: str, exit_code: int = USAGE) -> None:
        super().__init__(words)
        self.exit_code = exit_code


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
    threads: int = Field(
        default=16,
        ge=1,
        le=64,
        description="Threads of one web process: most wait for a commit, and as many opt-outs can share it.",
    )
    webhook_networks: Annotated[list[IPv4Network | IPv6Network], NoDecode] = Field(
        default=[], description="Private networks that webhooks may reach, like 10.1.0.0/16; none if left out."
    )
    api_rate: int = Field(default=100, ge=0, description="Requests a second that one API key has; 0 for no limit.")
    metrics_token: SecretStr = Field(
        default=SecretStr(""), description="What /metrics asks for; without one it is off."
    )
    smpp_host: str = Field(default="127.0.0.1", description="The address on which programs bind by SMPP.")
    smpp_port: int = Field(default=0, ge=0, le=65535, description="Its port without TLS; 0 for none.")
    smpp_tls_port: int = Field(default=0, ge=0, le=65535, description="Its port with TLS; 0 for none.")
    smpp_tls_cert: Path | None = Field(
        default=None, description="The certificate of that port, with its chain, as PEM."
    )
    smpp_tls_key: Path | None = Field(default=None, description="Its key as PEM, if not in the same file.")
    debug: bool = False
    email_url: str = Field(
        default="", description="smtp://user:password@host:port; without it an invitation is a link to copy."
    )
    default_from_email: str = "heed@localhost"

    @field_validator("trusted_proxies", "webhook_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("smpp_tls_cert", "smpp_tls_key")
    @classmethod
    def _file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("is no file")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("postgresql", "postgres"):
            raise ValueError("must start with postgresql:// (leave it out for SQLite)")
        try:
            conninfo_to_dict(value)
        except ProgrammingError as error:
            raise ValueError(f"can't be read: {str(error).strip()}") from error
        return value

    @field_validator("secret_key", "field_keys", "id_key")
    @classmethod
    def _keys(cls, value: SecretStr, field: ValidationInfo) -> SecretStr:
        given = value.get_secret_value()
        keys = given.split(",") if field.field_name == "field_keys" else [given]
        if given and not all(re.fullmatch("[0-9a-fA-F]{64}", key.strip()) for key in keys):
            raise ValueError("must be 64 hex digits, as from: openssl rand -hex 32")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _token(cls, value: SecretStr) -> SecretStr:
        given = value.get_secret_value()
        if given and not re.fullmatch("[!-~]{16,}", given):
            raise ValueError("must have at least 16 letters and digits, as from: openssl rand -hex 32")
        return value

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.rstrip("/") or parts.port == 0:
            raise ValueError("must be http:// or https:// and a host, without a path")
        return value.rstrip("/")


ADDRESS_FILE = "address"  # in the data folder: where ``up`` serves, so that other commands build the same links
DATABASE_FILE = "heed.sqlite3"
KEYS = ("secret_key", "field_keys", "id_key")


def is_set(name: str) -> bool:
    """Whether the operator gave this setting."""
    return f"HEED_{name.upper()}" in os.environ


def read() -> Config:
    """The settings of this process, with the keys made in the data folder where SQLite may make them.

    On PostgreSQL several hosts must agree, so a missing key stops the program.
    """
    try:
        config = Config()
    except ValidationError as error:
        wrong = error.errors()[0]
        name, words = f"HEED_{wrong['loc'][0]}".upper(), wrong["msg"].removeprefix("Value error, ")
        raise Unusable(f"{name}: {words[0].lower()}{words[1:]}.") from None  # the value may be a secret
    try:
        return _completed(config)
    except OSError as error:
        place = error.filename or config.data_dir
        raise Unusable(
            f"The data folder can't be used: {place}: {error.strerror}. Choose another with HEED_DATA_DIR.", REFUSED
        ) from error


def _completed(config: Config) -> Config:
    address = config.data_dir / ADDRESS_FILE
    if not is_set("public_url") and address.exists():
        config.public_url = address.read_text().strip()
    if config.smpp_tls_port and config.smpp_tls_cert is None:
        raise Unusable("HEED_SMPP_TLS_CERT is not set. The port of HEED_SMPP_TLS_PORT needs a certificate.")
    missing = [name for name in KEYS if not getattr(config, name).get_secret_value()]
    if missing and config.database_url:
        raise Unusable(
            f"HEED_{missing[0].upper()} is not set. On PostgreSQL every host needs the same key (docs/operations.md)."
        )
    if missing and (config.data_dir / DATABASE_FILE).exists() and not (config.data_dir / "keys").exists():
        raise Unusable(
            f"{config.data_dir} has a database, but its folder “keys” is missing. Restore it from the same backup.",
            REFUSED,
        )
    for name in missing:
        setattr(config, name, SecretStr(_key_of(config.data_dir, name)))
    return config


def _key_of(folder: Path, name: str) -> str:
    """The key in the data folder, made there if there is none. It appears whole, whoever looks at the same time."""
    path = folder / "keys" / name
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        made = path.with_name(f".{name}-{secrets.token_hex(8)}")
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # Another process was first: its key is the one.
            os.link(made, path)
        made.unlink()
    return path.read_text().strip()
