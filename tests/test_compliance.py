"""docs/compliance.md names the tests of every promise; each of them exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "compliance.md"
ROW = re.compile(r"^\| (\d+) \| .+? \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_every_promise_has_its_tests_and_every_test_exists() -> None:
    rows = ROW.findall(PAGE.read_text())
    assert [int(number) for number, _ in rows] == list(range(1, 16))
    for number, tests in rows:
        named = NAMED.findall(tests)
        assert named, f"promise {number} has no test"
        assert len(named) == tests.count("::"), f"promise {number} has a name that can't be read"
        for file, name in named:
            assert name in functions(TESTS / file), f"{file}::{name} does not exist"
