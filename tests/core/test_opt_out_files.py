"""Files of opt-outs as people's programs write them: what is read, what is rejected and why, and what comes back out."""

from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import xlsxwriter
from django.db import connection
from django.utils import timezone
from people import ANNA, BEN, CLEO, World

from heed.core import consent, gate, inbound, opt_out_files, tables
from heed.core.consent import Cause
from heed.core.models import Audit, Consent, LedgerEntry, Source
from heed.core.opt_out_files import Counts
from heed.rules import numbers
from heed.rules.consent import ALL_SENDERS
from heed.rules.values import InboundText

A, B, C = (numbers.show(person) for person in (ANNA, BEN, CLEO))


def read(world: World, path: Path, **options: str) -> tuple[Counts, list[list[str]]]:
    rejects: list[list[str]] = []
    counts = opt_out_files.import_file(
        world.account, path, actor="test", reject=lambda row: rejects.append(list(row)), **options
    )
    return counts, rejects[1:]


def left(world: World) -> set[tuple[int, int]]:
    """Who is out of what: (recipient, sender id)."""
    rows = Consent.objects.filter(account_id=world.account.id, state="out")
    return set(rows.values_list("recipient", "sender_id"))


EVERYTHING = {(ANNA, 0), (BEN, 0)}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"phone_number\n{A}\n{B}\n".encode(), id="plain"),
        pytest.param(f"phone_number\r\n{A}\r\n{B}".encode(), id="Windows, no end of line at the end"),
        pytest.param(f"phone_number\r{A}\r{B}\r".encode(), id="old Macintosh"),
        pytest.param(f"\ufeffphone_number\n{A}\n{B}\n".encode(), id="byte order mark"),
        pytest.param(f'\ufeff"phone_number"\n"{A}"\n"{B}"\n'.encode(), id="byte order mark before a quote"),
        pytest.param(f"phone_number\n{A}\n{B}\n".encode("utf-16"), id="UTF-16"),
        pytest.param(f"phone_number\n{A}\n{B}\n".encode("utf-16-be"), id="UTF-16 big-endian without a mark"),
        pytest.param(f"phone_number;note\n{A};für immer\n{B};x,y\n".encode(), id="semicolons"),
        pytest.param(f"phone_number\tnote\n{A}\tone, two; three\n{B}\t\n".encode(), id="tabs"),
        pytest.param(f"note|phone_number\nx|{A}\ny|{B}\n".encode(), id="bars"),
        pytest.param(f"Name,Phone Number\nMüller,{A}\nJosé,{B}\n".encode("cp1252"), id="Windows-1252"),
        pytest.param(f"phone_number\n\n{A}\n , \n{B}\n\n\n".encode(), id="empty rows"),
        pytest.param(f"phone_number,\n{A},,,,\n{B}\n".encode(), id="ragged rows"),
        pytest.param(f"\n\nPHONE-NUMBER\n{A}\n{B}\n".encode(), id="header after empty lines"),
        pytest.param(f'phone_number,note\n{A},"two\nlines"\n{B},"a ""quote"""\n'.encode(), id="quotes"),
        pytest.param(f"mobile\n{A[1:]}\n{B[1:]}\n".encode(), id="a spreadsheet ate the plus"),
        pytest.param(f"mobile\n{A.replace('+44', '0')}\n{B.replace('+44', '0044')}\n".encode(), id="national"),
        pytest.param(f"mobile\n'{A}\n+44 (0)7700 900 502\n".encode(), id="as people write them"),
        pytest.param(f"phone_number\n{A}\n{A}\n{B}\n{A}\n".encode(), id="duplicates"),
        pytest.param(f"phone_number,scope\n{A},ACCOUNT\n{B}, account \n".encode(), id="scope in any case"),
    ],
)  # fmt: skip
def test_a_file_of_any_making_is_read(world: World, tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "in.csv").write_bytes(content)
    counts, rejects = read(world, path)
    assert rejects == []
    assert left(world) == EVERYTHING
    assert counts.read == counts.added + counts.already
    assert counts.added == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("hello", "not a phone number"),
        (",account", "phone number"),
        ("+44770090050", "No phone can have this number"),
        ("+4477009005011234567", "too long"),
        (f"{A}x{B}", "phone number"),
        (f"{A} / {B}", "not a phone number"),
        ("4,47701E+11", "phone number"),
        ("=1+1", "phone number"),
        (f"{C},NOBODY", "no sender “NOBODY”"),
        (f"{C},+447700900003", "no sender “+447700900003”"),  # another account's
        (f"{C},,31/12/2024", "Write the time as"),
        (f"{C},,2999-01-01", "in the future"),
        (f"{C},,0001-01-01T00:00:00+14:00", "Write the time as"),
        (f"{C},,2024-02-30", "Write the time as"),
        ('"never closed', "quotes in this row don't match"),
        (f'"{C}" x,account', "quotes in this row don't match"),
        ("+44770\x000900503", "phone number"),
    ],
)
def test_a_bad_row_is_rejected_with_its_reason_and_the_others_are_kept(
    world: World, tmp_path: Path, row: str, reason: str
) -> None:
    (path := tmp_path / "in.csv").write_text(f"phone_number,scope,opted_out_at\n{A},,\n{row}\n{B},,\n")
    counts, rejects = read(world, path)
    assert left(world) == EVERYTHING
    assert (counts.read, counts.added, counts.rejected) == (3, 2, 1)
    assert reason in rejects[0][-1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n,,\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (A.encode(), "first row must name the columns"),
        (b"name,email\nx,y\n", "first row must name the columns"),
        (b"PK\x03\x04 but no spreadsheet", "can't be read as a spreadsheet"),
        (bytes(range(256)) * 4, ""),
    ],
)
def test_what_is_no_list_is_refused_and_changes_nothing(
    world: World, tmp_path: Path, content: bytes, words: str
) -> None:
    (path := tmp_path / "in.csv").write_bytes(content)
    with pytest.raises(opt_out_files.Refused) as refused:
        read(world, path)
    assert words in str(refused.value)
    assert left(world) == set()


def test_a_folder_or_nothing_is_refused(world: World, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.csv", tmp_path / "nothing.xlsx"):
        with pytest.raises(opt_out_files.Refused, match="can't be read"):
            read(world, path)


def test_a_header_alone_adds_nobody(world: World, tmp_path: Path) -> None:
    (path := tmp_path / "in.csv").write_text("phone_number,scope\n")
    assert read(world, path) == (Counts(), [])


def test_a_spreadsheet_with_every_kind_of_cell_is_read(world: World, tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Phone", "Opted out at", "Note"])
        sheet.write_number(1, 0, ANNA)  # the spreadsheet took it for a quantity
        sheet.write_datetime(1, 1, datetime(2025, 3, 31, 9, 30), book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_row(2, 0, [B, "2025-03-31", "=cmd()"])
        sheet.write_formula(3, 0, "=1/0", None, "#DIV/0!")
        sheet.write(3, 2, "a formula that failed")
        sheet.write_boolean(4, 0, True)
    counts, _ = read(world, path)
    assert (left(world), counts.rejected) == (EVERYTHING, 2)
    assert set(LedgerEntry.objects.values_list("effective_at__date", flat=True)) == {datetime(2025, 3, 31).date()}


def test_scope_and_country_are_those_given_where_a_row_has_none(world: World, tmp_path: Path) -> None:
    (path := tmp_path / "in.csv").write_text("phone_number,scope\n(212) 555-0101,\n+1 212 555 0102,account\n")
    with pytest.raises(opt_out_files.Refused, match="no sender"):
        read(world, path, scope="nobody")
    with pytest.raises(opt_out_files.Refused, match="two letters"):
        read(world, path, country="Atlantis")
    assert read(world, path, scope="acme", country="us")[1] == []
    assert left(world) == {(12125550101, world.name.id), (12125550102, ALL_SENDERS)}


def text(world: World, words: str) -> None:
    inbound.receive(world.link, [InboundText("", A, world.number.address, words)])


def test_an_import_lifts_nothing_and_does_not_undo_a_later_start(world: World, tmp_path: Path) -> None:
    (path := tmp_path / "in.csv").write_text(
        f"phone_number,scope,opted_out_at\n{A},{world.number.address},2024-01-01\n"
    )
    text(world, "STOP")
    assert read(world, path)[0] == Counts(read=1, already=1)
    text(world, "START")
    counts, rejects = read(world, path)
    assert counts == Counts(read=1, conflicts=1)
    assert rejects == [[A, world.number.address, "2024-01-01", "This person texted START after this opt-out."]]
    assert left(world) == set()
    path.write_text(f"phone_number,scope\n{A},{world.number.address}\n")  # undated: as of now
    assert read(world, path)[0].added == 1


def test_rejects_can_be_mended_and_read_again(world: World, tmp_path: Path) -> None:
    (path := tmp_path / "in.csv").write_text(f"note,phone_number\nfirst,hello\nsecond,{B}\n")
    _, rejects = read(world, path)
    path.write_text(f"note,phone_number,reason\nfirst,{A},{rejects[0][-1]}\nstill,bad,{rejects[0][-1]}\n")
    counts, rejects = read(world, path)
    assert (counts.added, counts.rejected, rejects[0][:-1]) == (1, 1, ["still", "bad"])  # one reason, not two


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_an_export_imports_back_unchanged(world: World, tmp_path: Path, suffix: str) -> None:
    at = timezone.now() - timedelta(days=30)
    notes = ["", "=cmd()", "'quoted", "two\nlines", "a;b,c\td", "+44", "“–”", "@", " spaces "]
    for place, note in enumerate(notes):
        consent.opt_out(world.account.id, ALL_SENDERS, ANNA + place, Cause(Source.CONSOLE, note=note))
    consent.opt_out(world.account.id, world.number.id, BEN, Cause(Source.KEYWORD, carrier_at=at))
    consent.opt_out(world.account.id, world.name.id, BEN, Cause(Source.API))
    consent.opt_out(world.account.id, ALL_SENDERS, 999999999999999, Cause(Source.KEYWORD))  # no metadata knows it
    path = tmp_path / f"out{suffix}"
    with tables.write(path) as writer:
        count = opt_out_files.export(world.account, writer)
    assert count == len(notes) + 3

    standing = left(world)
    counts, rejects = read(world, path)
    assert (rejects, counts) == ([], Counts(read=count, already=count))
    assert left(world) == standing

    other = opt_out_files.import_file(world.other, path, scope="account", actor="test")
    assert other.rejected == 2  # the senders are not this account's
    found = LedgerEntry.objects.filter(account_id=world.other.id).values_list("recipient", "note")
    assert {note for recipient, note in found if recipient >= ANNA} >= {note.strip() for note in notes if note}


def test_never_contact_goes_along_and_no_start_lifts_it(world: World, tmp_path: Path) -> None:
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.CONSOLE), never=True)
    consent.opt_out(world.account.id, ALL_SENDERS, BEN, Cause(Source.CONSOLE))
    with tables.write(path := tmp_path / "out.csv") as writer:
        opt_out_files.export(world.account, writer)
    opt_out_files.import_file(world.other, path, actor="test")
    for phone in (ANNA, BEN):
        start = f"{world.other.free_prefix}START"
        inbound.receive(world.link, [InboundText("", numbers.show(phone), world.other_number.address, start)])
    assert set(gate.may_send(world.other.id, world.other_number.id, [ANNA, BEN])) == {ANNA}


def test_never_contact_is_added_to_an_opt_out_that_stands(world: World, tmp_path: Path) -> None:
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.CONSOLE))
    (path := tmp_path / "in.csv").write_text(f"phone_number,never_contact\n{A},yes\n{B},perhaps\n")
    counts, rejects = read(world, path)
    assert (counts.added, counts.rejected, rejects[0][-1]) == (1, 1, "never_contact is yes or no.")
    assert consent.read([(world.account.id, ANNA)])[world.account.id, ANNA][ALL_SENDERS].never
    assert read(world, path)[0].already == 1


def test_an_export_is_no_formula(world: World) -> None:
    consent.opt_out(world.account.id, ALL_SENDERS, ANNA, Cause(Source.CONSOLE, note='=HYPERLINK("x")'))
    out = io.StringIO()
    opt_out_files.export(world.account, csv.writer(out))
    cells = list(csv.reader(io.StringIO(out.getvalue())))[1]
    assert cells[0] == A  # a number keeps its plus: it must import back
    assert cells[3] == '\'=HYPERLINK("x")'


def test_times_keep_their_zone(world: World, tmp_path: Path) -> None:
    world.account.time_zone = "America/New_York"
    rows = [(A, "2025-07-01T09:30:00"), (B, "2025-07-01T09:30:00Z"), (C, "2025-07-01 09:30:00+02:00")]
    (path := tmp_path / "in.csv").write_text("phone_number,opted_out_at\n" + "\n".join(map(",".join, rows)))
    read(world, path)
    at = dict(LedgerEntry.objects.values_list("recipient", "effective_at"))
    hours = {ANNA: 13, BEN: 9, CLEO: 7}
    assert at == {person: datetime(2025, 7, 1, hour, 30, tzinfo=UTC) for person, hour in hours.items()}


def test_an_import_is_in_the_audit_trail(world: World, tmp_path: Path) -> None:
    (path := tmp_path / "in.csv").write_text(f"phone_number\n{A}\n")
    read(world, path)
    entry = Audit.objects.get(action="opt_outs.import")
    assert (entry.actor, entry.subject, entry.detail["added"]) == ("test", "in.csv", 1)


def test_an_export_of_many_is_held_a_page_at_a_time(world: World, monkeypatch) -> None:
    monkeypatch.setattr(opt_out_files, "PAGE", 200)
    many = 20_000
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO core_consent (account_id, recipient, sender_id, state, held, never, entry_id)"
            " VALUES (%s, %s, 0, 'out', 0, %s, 1)",
            [(world.account.id, 447_000_000_000 + n, False) for n in range(many)],
        )
    tracemalloc.start()
    try:
        assert sum(1 for _ in opt_out_files.rows(world.account.id)) == many
        assert tracemalloc.get_traced_memory()[1] < 1_000_000  # all at once, they take over twice that
    finally:
        tracemalloc.stop()
