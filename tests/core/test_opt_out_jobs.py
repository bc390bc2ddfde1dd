"""Opt-outs imported from an upload and exported to a file in the background: resumed, counted, and never lifting one."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
import xlsxwriter
from django.utils import timezone
from people import ANNA, BEN, CLEO
from working import work, work_all

from heed.core import consent, exports, files, jobs, leases, opt_out_files, tables, uploads
from heed.core.consent import Cause
from heed.core.models import Audit, Consent, Job, LedgerEntry, Source
from heed.core.opt_out_files import How
from heed.core.opt_out_list import Wanted
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS

A, B, C = (numbers.show(person) for person in (ANNA, BEN, CLEO))
FILE = f"""Mobile,scope,opted_out_at,note
{A},account,2026-01-02,left by letter
{B},+447700900001,,
{C},,2026-01-02,
nobody,account,,
{A},NOWHERE,,
{A},,,again
"""


def upload(world, text=FILE, name="left.csv"):
    data = text if isinstance(text, bytes) else text.encode()
    return uploads.store(world.account, name, [data], actor="anna")


def begin(world, file=None, **how):
    file = file or upload(world)
    return opt_out_files.import_upload(world.account, file, How(**{**HOW, **how}), actor="anna")


HOW = {"phone": 0, "country": "GB", "has_header": True}


def standing(world):
    rows = Consent.objects.filter(account_id=world.account.id, state="out")
    return set(rows.values_list("recipient", "sender_id"))


def rows_of(file):
    return [line.cells for line in tables.read(io.BytesIO(b"".join(files.chunks(file))), file.name)]


def test_an_upload_is_imported_with_its_rejects(world):
    consent.opt_out(world.account.id, ALL_SENDERS, CLEO, Cause(Source.KEYWORD))
    consent.record([consent.Doing(consent.Verb.START, world.account.id, CLEO, ALL_SENDERS, Cause(Source.KEYWORD))])
    begin(world)
    job = work()
    assert (job.state, job.problem) == ("done", "")
    assert job.counts == {"rows": 6, "added": 2, "already": 1, "conflicts": 1, "invalid": 2}
    assert standing(world) == {(ANNA, 0), (BEN, world.number.id)}
    header, *rejects = rows_of(job.rejects)
    assert header == ["Mobile", "scope", "opted_out_at", "note", "reason"]
    assert [row[-1] for row in rejects] == [
        "This person texted START after this opt-out.",
        "This is not a phone number.",
        "The account has no sender “NOWHERE”. The scope is “account” or one of its senders.",
    ]
    entry = LedgerEntry.objects.get(recipient=ANNA)
    assert (entry.source, entry.note, entry.actor, entry.effective_at.year) == (
        "import",
        "left by letter",
        "anna",
        2026,
    )
    assert Audit.objects.filter(action="opt_outs.import", subject="left.csv").exists()


def test_rows_without_a_header_leave_what_was_chosen(world):
    begin(world, upload(world, f"{A}\n{B}\n"), has_header=False, scope=world.second.address)
    work_all()
    assert standing(world) == {(ANNA, world.second.id), (BEN, world.second.id)}


def test_a_spreadsheet_is_imported_too(world):
    book = io.BytesIO()
    with xlsxwriter.Workbook(book) as sheets:
        sheet = sheets.add_worksheet()
        for at, row in enumerate((["phone_number", "note"], [447700900501, "x"], ["07700 900502", ""])):
            sheet.write_row(at, 0, row)
    begin(world, upload(world, book.getvalue(), "left.xlsx"))
    job = work()
    assert (job.state, job.counts["added"]) == ("done", 2)
    assert job.percent == 100


@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_what_was_put_down_goes_on_where_it_stood(world, monkeypatch, after):
    """Every chunk is one row and every window two: whatever is done twice would show in the counts."""
    monkeypatch.setattr(opt_out_files, "CHUNK", 1)
    monkeypatch.setattr(opt_out_files, "WINDOW", 2)
    monkeypatch.setattr("heed.core.pace.LONGEST_HOLD_S", 1e9)
    consent.opt_out(world.account.id, ALL_SENDERS, CLEO, Cause(Source.KEYWORD))
    consent.record([consent.Doing(consent.Verb.START, world.account.id, CLEO, ALL_SENDERS, Cause(Source.KEYWORD))])
    job = begin(world)
    while job.state != "done":
        asked = iter(range(after))
        work(keep_on=lambda asked=asked: next(asked, None) is not None)
        job.refresh_from_db()
    assert job.counts == {"rows": 6, "added": 2, "already": 1, "conflicts": 1, "invalid": 2}
    assert len(rows_of(job.rejects)) == 4
    assert LedgerEntry.objects.filter(source="import").count() == 2


def test_who_texts_start_while_it_waits_stays(world):
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.KEYWORD))
    job = begin(world, upload(world, f"phone\n{A}\n"))
    Job.objects.filter(id=job.id).update(created_at=timezone.now() - timedelta(minutes=1))
    consent.record([consent.Doing(consent.Verb.START, world.account.id, ANNA, ALL_SENDERS, Cause(Source.KEYWORD))])
    assert work().counts["conflicts"] == 1
    assert standing(world) == set()


def test_an_import_never_lifts(world):
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.CONSOLE), never=True)
    begin(world, upload(world, f"phone_number,never_contact\n{A},no\n"))
    work_all()
    assert Consent.objects.get(recipient=ANNA, sender_id=ALL_SENDERS).never


def test_a_cancelled_import_keeps_what_it_has_done(world, monkeypatch):
    monkeypatch.setattr(opt_out_files, "CHUNK", 1)
    job = begin(world)
    asked = iter([True])
    work(keep_on=lambda: next(asked, False))
    assert jobs.stop(world.account, job.id)
    assert not jobs.stop(world.account, job.id)
    assert not jobs.stop(world.other, job.id)
    assert work() is None
    assert len(standing(world)) == 1


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"phone": 9}, "Say which column holds the phone numbers."),
        ({"phone": -1}, "Say which column holds the phone numbers."),
        ({"country": "XX"}, "Give the country as two letters"),
        ({"scope": "NOWHERE"}, "The account has no sender"),
    ],
)
def test_what_can_t_be_is_refused_at_once(world, how, words):
    with pytest.raises(opt_out_files.Refused, match=words):
        begin(world, **how)
    assert not Job.objects.exists()


def test_a_strangers_sender_is_no_scope_of_ours(world):
    with pytest.raises(opt_out_files.Refused):
        begin(world, scope=world.other_number.address)


# Out


@pytest.mark.parametrize("format_", exports.FORMATS)
def test_an_export_imports_back_unchanged(world, format_):
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.IMPORT, note="=1+1"), never=True)
    consent.opt_out(world.account.id, world.number.id, BEN, Cause(Source.KEYWORD))
    consent.opt_out(world.other.id, ALL_SENDERS, CLEO, Cause(Source.KEYWORD))
    exports.opt_outs(world.account, Wanted(), format_, actor="anna")
    job = work()
    assert (job.state, job.done) == ("done", 2)
    header, *rows = rows_of(job.result)
    assert header == list(opt_out_files.EXPORT_COLUMNS)
    assert [row[:2] for row in rows] == [[A, "account"], [B, "+447700900001"]]
    begin(world, upload(world, b"".join(files.chunks(job.result)), job.result.name))
    assert work().counts == {"rows": 2, "added": 0, "already": 2, "conflicts": 0, "invalid": 0}


def test_an_export_of_what_is_wanted_alone(world, monkeypatch):
    monkeypatch.setattr(opt_out_files, "PAGE", 1)
    for person in (ANNA, BEN, CLEO):
        consent.opt_out(world.account.id, ALL_SENDERS, person, Cause(Source.IMPORT, note=str(person)))
    consent.opt_out(world.account.id, world.number.id, ANNA, Cause(Source.KEYWORD))
    exports.opt_outs(world.account, Wanted(source="import"), actor="anna")
    rows = rows_of(work().result)[1:]
    assert [row[0] for row in rows] == [C, B, A]
    assert [row[3] for row in rows] == [str(CLEO), str(BEN), str(ANNA)]
    assert {row[4] for row in rows} == {"import"}


def test_an_export_that_was_put_down_begins_again(world):
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.IMPORT))
    job = exports.opt_outs(world.account, Wanted(), actor="anna")
    exports.run_opt_outs(jobs.take(leases.take("test")), lambda: False)
    work_all()
    job.refresh_from_db()
    assert len(rows_of(job.result)) == 2
