"""The documents say what the program does: every setting, every command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import load_command_class

from heed.__main__ import COMMANDS
from heed.config import REPOSITORY, Config
from heed.providers import registry
from heed.providers.base import Provider

OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()
SETTINGS = dict(re.findall(r"^\| `(HEED_\w+)` \| (.*?) \|", OPERATIONS, re.MULTILINE))
USAGES = [usage for row in re.findall(r"^\| (`\./heed .*?) \|", OPERATIONS, re.MULTILINE) for usage in row.split(", ")]
VALUES = {"FILE": "list.csv", "FAILURE": "refused", "R": "viewer", "C": "GB"} | dict.fromkeys(("ID", "K"), "1")


def test_every_setting_is_documented_with_its_default() -> None:
    assert sorted(SETTINGS) == sorted(f"HEED_{name}".upper() for name in Config.model_fields)
    for name in ("threads", "api_rate", "default_from_email", "debug"):
        assert SETTINGS[f"HEED_{name.upper()}"] == f"`{str(Config.model_fields[name].default).lower()}`"


def test_every_command_is_documented() -> None:
    for name in (name for group in COMMANDS.values() for name in group):
        assert f"./heed {name}" in OPERATIONS


@pytest.mark.parametrize("usage", USAGES)
def test_a_documented_usage_is_one(usage: str) -> None:
    """Every option in brackets is left out once, and given once; the parser must take both."""
    _, command, *rest = shlex.split(usage.strip("`").replace("…", ""))
    if command == "migrate":
        return
    parser = load_command_class("heed.workers", command.replace("-", "_")).create_parser("heed", command)
    line = " ".join(rest)
    for given in (re.sub(r" ?\[.*?\]", "", line), re.sub(r"[\[\]]", "", line)):
        parser.parse_args([VALUES.get(word, word) for word in given.split()])


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY).glob("*.md")) + sorted((REPOSITORY / "docs").rglob("*.md")), ids=str
)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_every_dependency_earns_its_line() -> None:
    documented = (REPOSITORY / "docs" / "dependencies.md").read_text()
    for file in ("base.in", "dev.in", "peers.in"):
        for line in (REPOSITORY / "requirements" / file).read_text().splitlines():
            if line and not line.startswith(("#", "-")):
                name = re.split(r"[~=<>]", line)[0]
                assert re.search(rf"[|,] {re.escape(name)}\b|[|,] {re.escape(name)} ", documented), name


def test_the_table_of_carriers_says_what_they_do() -> None:
    table = (REPOSITORY / "docs" / "providers" / "README.md").read_text()
    for kind, *cells in re.findall(
        r"^\| \[`(\w+)`\]\(\1\.md\) \|.*?\| (.*?) \| (.*?) \| (.*?) \|$", table, re.MULTILINE
    ):
        made = registry.provider_class(kind)
        offers = {name: getattr(made, name) is not getattr(Provider, name) for name in ("buy", "opt_outs", "push")}
        lists = ", ".join(word for word, name in (("read", "opt_outs"), ("filled", "push")) if offers[name])
        answers = ", ".join(sorted(made.answers))
        assert cells == ["yes" if offers["buy"] else "no", lists or "no", answers or "nothing"], kind


def test_decisions_have_numbers_of_their_own() -> None:
    names = [path.name for path in (REPOSITORY / "docs" / "decisions").glob("*.md")]
    assert len({name[:4] for name in names}) == len(names)
