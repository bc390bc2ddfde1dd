"""What a script that reads texts gets."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from people import World

from heed.core import senders

NUMBER = "+447700900001"


def read(monkeypatch: pytest.MonkeyPatch, texts: str, *options: str) -> list[str]:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(texts))
    call_command("read", *options, stdout=out)
    return out.getvalue().splitlines()


def objects(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_a_line_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = read(monkeypatch, "STOP\nPlease stop texting me\n\nsee you\n")
    assert lines == [
        "opt_out\tmandatory keyword\tSTOP\tSTOP",
        "opt_out\tstop texting\tstop texting me\tPlease stop texting me",
        "none\t-\t-\t",
        "none\t-\t-\tsee you",
    ]


def test_json(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = objects(read(monkeypatch, "wrong number, stop\n", "--json"))
    assert one == {
        "text": "wrong number, stop",
        "verdict": "opt_out",
        "rule": "mandatory word",
        "words": "stop",
        "everything": True,
    }


def test_as_a_number_would(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = senders.Setting(keywords=[senders.Word("FIN")], opt_in_words=["BACK"])
    senders.change(world.number, setting, actor="test")
    read_there = objects(read(monkeypatch, "fin\nback\nCANCEL\n", "--json", "--number", NUMBER))
    assert [one["verdict"] for one in read_there] == ["opt_out", "opt_in", "review"]
    assert [one["verdict"] for one in objects(read(monkeypatch, "fin\nback\n", "--json"))] == ["none", "none"]
    with pytest.raises(CommandError, match="Nobody here has"):
        read(monkeypatch, "", "--number", "+447700900099")


def measured(tmp_path: Path, texts: str, *options: str) -> str:
    file, out = tmp_path / "texts.tsv", io.StringIO()
    file.write_text(texts)
    call_command("measure_reading", str(file), *options, stdout=out)
    return out.getvalue()


TEXTS = "opt_out\tSTOP\nopt_out\twrong number\nopt_out\thello\nnone\thi\nnone\tUNSUBSCRIBE\n"


def test_measure(tmp_path: Path) -> None:
    found = json.loads(measured(tmp_path, TEXTS, "--json"))
    assert (found["texts"], round(found["recall"], 2), round(found["acted_on"], 2)) == (5, 0.67, 0.33)
    assert (found["false_opt_outs"], found["needless_reviews"]) == (0.5, 0)
    assert [miss["text"] for miss in found["misses"]] == ["wrong number", "hello", "UNSUBSCRIBE"]
    plain = measured(tmp_path, TEXTS)
    assert "recall              66.667%" in plain
    assert "opt_out read as none (-: -): hello" in plain


def test_measure_with_columns_by_name(tmp_path: Path) -> None:
    texts = "text\tnumber\tverdict\nCANCEL\t+12025550100\topt-out\nCANCEL\t+447700900001\treview\n"
    assert json.loads(measured(tmp_path, texts, "--json"))["misses"] == []


def test_a_label_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="line 2 has no verdict"):
        measured(tmp_path, "none\thi\nmaybe\tho\n")
