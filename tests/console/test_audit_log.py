"""The audit log: what was done in words, filtered, by pages, as a file; each account's own."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from people import signed_in
from reading import said
from working import work_all

import heed
from heed.console import audit_words
from heed.core import audit, audit_log, senders
from heed.core.models import Audit, StoredFile
from heed.core.senders import Setting, Word


def note(world, count=1, **given):
    row = {"actor": "owner@example.com", "action": "template.create", "subject": "Sale", "detail": {}} | given
    at = row.pop("at", datetime(2026, 3, 31, 12, tzinfo=UTC))
    Audit.objects.bulk_create(Audit(account=world.account, at=at, **row) for _ in range(count))


def test_what_was_done_stands_in_words_with_its_details(owner, world):
    setting = Setting(account_level_opt_out=True, keywords=[Word("END")], reply_message="")
    senders.change(world.number, setting, actor="marketer@example.com")
    words = said(owner.get("/audit/"))
    assert "marketer@example.com Changed the sender +447700900001" in words
    assert "account level opt out: on · keywords: STOP, UNSUBSCRIBE, END · reply message: none" in words


def test_every_action_that_is_noted_has_words():
    source = "\n".join(path.read_text() for path in Path(heed.__file__).parent.rglob("*.py"))
    noted = set(re.findall(r'audit\.note\([^"]*?"([a-z_]+\.[a-z_]+)"', source))
    noted |= set(re.findall(r'"(campaign\.[a-z]+)", \(', source))
    noted -= {"shared.add", "second_factor.off"}  # the installation's, which no account sees
    assert len(noted) > 30
    assert noted - audit_words.ACTIONS.keys() == set()
    assert {action.partition(".")[0] for action in audit_words.ACTIONS} == audit_words.AREAS.keys()


def test_an_action_without_words_stands_for_itself(owner, world):
    note(world, action="moon.landing")
    assert "moon.landing Sale" in said(owner.get("/audit/"))


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({"actor": "MARKETER"}, ["Spring"]),
        ({"area": "key"}, ["till"]),
        ({"area": "member"}, []),
        ({"subject": "spr"}, ["Spring"]),
        ({"first": "2026-04-01", "last": "2026-04-01"}, ["till"]),
        ({"last": "2026-03-31"}, ["Spring"]),
        ({"actor": "owner", "area": "template"}, []),
        ({"actor": "%"}, []),
    ],
)
def test_it_is_filtered(owner, world, asked, fits):
    Audit.objects.all().delete()
    note(world, actor="marketer@example.com", subject="Spring")
    note(world, action="key.create", subject="till", at=datetime(2026, 4, 1, 12, tzinfo=UTC))
    page = owner.get("/audit/", asked)
    assert [line.subject for line in page.context["lines"]] == fits


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"area": "moon"}, "There is no such kind."),
        ({"first": "yesterday"}, "Write the day as 2026-03-31."),
        ({"first": "2026-04-01", "last": "2026-03-01"}, "The first day comes after the last."),
    ],
)
def test_a_filter_that_means_nothing_is_said(owner, world, asked, why):
    page = owner.get("/audit/", asked)
    assert page.status_code == 422
    assert why in page.content.decode()
    assert owner.post("/audit/export/", {"format": "csv"} | asked)["Location"] == "/audit/"


def test_pages_go_on_by_key_and_keep_the_filter(owner, world, django_assert_max_num_queries):
    note(world, 60)
    note(world, 5, action="key.create")
    with django_assert_max_num_queries(12):
        first = owner.get("/audit/?area=template")
    assert len(first.context["lines"]) == 50
    second = owner.get(f"/audit/?{first.context['older']}")
    assert len(second.context["lines"]) == 10
    assert second.context["older"] == ""


def test_a_page_looks_at_a_bounded_part_and_still_goes_on(owner, world, monkeypatch):
    monkeypatch.setattr(audit_log, "MOST_READ", 10)
    note(world, action="key.create", subject="till")
    note(world, 25)
    page = owner.get("/audit/?area=key&subject=till")
    assert "Ten thousand were looked at; older ones may." in said(page)
    for _ in range(2):
        page = owner.get(f"/audit/?{page.context['older']}")
    assert [line.subject for line in page.context["lines"]] == ["till"]
    wanted = audit_log.Wanted(area="key", subject="till")
    assert [row[3] for row in audit_log.rows(world.account.id, wanted)] == ["till"]


def test_it_goes_out_as_a_file_as_it_is_filtered(owner, world):
    note(world, subject="=HYPERLINK", detail={"rate": 5})
    note(world, action="key.create")
    there = owner.post("/audit/export/", {"format": "csv", "area": "template"})["Location"]
    work_all()
    assert "Export of the audit log" in said(owner.get(there))
    file = StoredFile.objects.get(name__startswith="audit-acme-")
    page = owner.get(f"{there}file/")
    assert page.status_code == 200
    rows = list(csv.reader(io.StringIO(b"".join(page.streaming_content).decode("utf-8-sig"))))
    assert rows == [
        list(audit_log.COLUMNS),
        ["2026-03-31T12:00:00Z", "owner@example.com", "template.create", "'=HYPERLINK", '{"rate": 5}'],
    ]
    assert Audit.objects.filter(action="audit.export", account=world.account).count() == 1
    assert signed_in(world.stranger).get(f"{there}file/").status_code == 404
    assert file.account == world.account


def test_every_member_reads_their_own_account_alone(world):
    note(world, subject="Ours")
    audit.note(None, "command line", "shared.add", "+447700900400")
    for who in (world.owner, world.teammate, world.viewer):
        words = said(signed_in(who).get("/audit/"))
        assert "Ours" in words
        assert "+447700900400" not in words
    assert "Ours" not in said(signed_in(world.stranger).get("/audit/"))
    assert signed_in(world.viewer).post("/audit/export/", {"format": "csv"}).status_code == 302
