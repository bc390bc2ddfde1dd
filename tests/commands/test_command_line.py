"""The program as a shell sees it: what it prints where, and the exit codes 0 done, 1 refused, 2 usage."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from heed.__main__ import COMMANDS, main

KEY = "ab" * 32
OURS = sorted(name for name, app in get_commands().items() if app == "heed.workers")
POSTGRESQL_NOWHERE = {
    "HEED_DATABASE_URL": "postgresql://127.0.0.1:1/heed",  # nothing listens there
    "HEED_SECRET_KEY": KEY,
    "HEED_FIELD_KEYS": KEY,
    "HEED_ID_KEY": KEY,
}


def heed(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, with these HEED_ settings and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEED_")}
    command = [sys.executable, "-m", "heed", *arguments]
    return subprocess.run(command, env=kept | settings, capture_output=True, text=True, timeout=60)


def test_help_names_our_commands_and_none_of_djangos(capsys: pytest.CaptureFixture[str]) -> None:
    main(["help"])
    shown = capsys.readouterr().out
    listed = [name for group in COMMANDS.values() for name in group]
    assert sorted(listed) == sorted([*(name.replace("_", "-") for name in OURS), "migrate"])
    for name in listed:
        assert f"\n  {name} " in shown
    assert "sqlmigrate" not in shown
    for same in ([], ["--help"]):
        main(same)
        assert capsys.readouterr().out == shown


@pytest.mark.parametrize("name", OURS)
def test_every_command_explains_itself_without_djangos_options(name: str) -> None:
    shown = load_command_class("heed.workers", name).create_parser("heed", name).format_help()
    assert shown.startswith(f"usage: heed {name.replace('_', '-')} ")
    assert "--pythonpath" not in shown


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "There is no command “nonsense”. ./heed help lists them."),
        ("opt-out", "Did you mean opt-outs?"),
        ("help nonsense", "There is no command “nonsense”."),
        ("send", "the following arguments are required: --from, --to, text"),
        ("sandbox", "required: action"),
        ("sandbox fail --to 1 --with boredom", "invalid choice: 'boredom'"),
        ("sandbox fail --to 1 --with refused --times 0", "0 is not a number from 1 on"),
        ("api-key create --name x --role king", "invalid choice: 'king'"),
        ("web --port 99999", "99999 is not a port"),
        ("doctor --bogus", "unrecognized arguments: --bogus"),
    ],
)
def test_wrong_usage_is_2(line: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    shown = capsys.readouterr()
    assert (ended.value.code, shown.out) == (2, "")
    assert words in shown.err


@pytest.mark.parametrize(
    ("line", "settings", "code", "words"),
    [
        ("doctor", {"HEED_THREADS": "many"}, 2, "HEED_THREADS: input should be a valid integer"),
        ("up", POSTGRESQL_NOWHERE, 1, "The database can't be used: connection failed"),
        ("dispatch", {}, 1, "Run ./heed up first."),
        ("account list", {}, 1, "Run ./heed up first."),
        ("serve --port 48999", {}, 1, "The database is not up to date. Run: ./heed migrate"),
        ("up --data /dev/null/data", {}, 1, "The data folder can't be used: /dev/null/data: Not a directory."),
        ("up --host 192.0.2.1", {}, 1, "Heed can't listen on 192.0.2.1, port 8000: Cannot assign requested address."),
        ("up --host nosuch.invalid", {}, 1, "Heed can't listen on nosuch.invalid"),
    ],
)
def test_what_stops_a_start_is_said_in_one_line(
    line: str, settings: dict[str, str], code: int, words: str, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    ended = heed(*line.split(), **({"HEED_DATA_DIR": str(tmp_path / "data")} | settings))
    assert (ended.returncode, ended.stdout) == (code, "")
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_mistyped_data_folder_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "dta"
    ended = heed("doctor", HEED_DATA_DIR=str(missing))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"There is no data folder {missing}" in ended.stderr
    assert not missing.exists()
    made = heed("migrate", HEED_DATA_DIR=str(missing))
    assert made.returncode == 0
    assert f"Making the data folder {missing}." in made.stderr


def test_a_taken_port_is_named_before_the_database_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = heed("up", "--port", str(port), "--data", str(tmp_path))
    assert (ended.returncode, ended.stderr.partition(". ")[0]) == (1, f"Port {port} is taken")
    assert not (tmp_path / "heed.sqlite3").exists()
