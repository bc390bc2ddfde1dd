"""Journey: an import of 100,000 opt-outs with bad rows among them, an export, and the import of that."""

from __future__ import annotations

import csv
import json
import random
from io import StringIO

from django.core.management import call_command
from people import ANNA

from heed.core import gate, replay
from heed.core.models import Consent, Source
from heed.rules import numbers

GOOD, DOUBLE, BAD = 80_000, 15_000, 5_000
BAD_ROWS = [
    ["", "account", "", "no number"],
    ["hello", "account", "", ""],
    ["+1555", "", "", ""],
    ["+447700900501", "NOBODY", "", ""],
    ["+447700900501", "", "31/12/2024", ""],
    ["+447700900501", "", "2999-01-01", ""],
]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("opt_outs", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_import_of_100_000_opt_outs_with_bad_rows(live_world, tmp_path):
    chance = random.Random(7)
    given = [
        numbers.show(12_000_000_000 + area * 10_000_000 + 5_550_100 + line)
        for area in range(800)
        for line in range(100)
    ]
    rows = [[number, "account", "2025-03-31", "from the old system"] for number in given]
    rows += [[number, "", "", ""] for number in chance.sample(given, DOUBLE)]
    rows += [BAD_ROWS[n % len(BAD_ROWS)] for n in range(BAD)]
    chance.shuffle(rows)
    file, rejects = tmp_path / "in.csv", tmp_path / "rejects.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([["Phone Number", "Scope", "Opted out at", "Note"], *rows])

    counts = json.loads(run("import", str(file), "--rejects", str(rejects), "--account", "acme"))
    assert counts == {"read": 100_000, "added": GOOD, "already": DOUBLE, "conflicts": 0, "rejected": BAD}
    assert Consent.objects.filter(account_id=live_world.account.id, state="out").count() == GOOD
    assert not Consent.objects.filter(account_id=live_world.other.id).exists()
    assert not gate.may_send(live_world.account.id, live_world.number.id, [ANNA])  # its rows were all bad
    with rejects.open(newline="") as stream:
        rejected = list(csv.reader(stream))
    assert rejected[0] == ["Phone Number", "Scope", "Opted out at", "Note", "reason"]
    assert len(rejected) == BAD + 1
    assert all(row[-1] for row in rejected)

    exported = tmp_path / "out.csv"
    run("export", str(exported), "--account", "acme")
    counts = json.loads(run("import", str(exported), "--account", "acme"))
    assert counts == {"read": GOOD, "added": 0, "already": GOOD, "conflicts": 0, "rejected": 0}
    again = tmp_path / "again.csv"
    run("export", str(again), "--account", "acme")
    assert again.read_bytes() == exported.read_bytes()
    assert next(iter(replay.verify()), None) is None
    assert Source.IMPORT.value in exported.read_text().splitlines()[1]
