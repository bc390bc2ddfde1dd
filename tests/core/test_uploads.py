"""Uploads: what is seen in a file, how it is read, and what is refused."""

from __future__ import annotations

import pytest
import xlsxwriter

from heed.core import uploads
from heed.core.models import StoredFile
from heed.core.uploads import Mapping

CSV = "Mobile;First Name;Città\r\n07700 900501;Anna;Forlì\r\n07700 900502;Ben;\r\n\r\nnobody;Cleo;x\r\n"


def upload(account, data: bytes, name="people.csv"):
    return uploads.store(account, name, [data], actor="test")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_file_is_looked_into(world, encoding):
    seen = uploads.look(upload(world.account, CSV.encode(encoding)))
    assert (seen.has_header, seen.phone, seen.country) == (True, 0, "GB")
    assert [(one.name, one.key) for one in seen.columns] == [
        ("Mobile", "mobile"),
        ("First Name", "firstname"),
        ("Città", "città"),
    ]
    assert seen.rows[0] == ["07700 900501", "Anna", "Forlì"]
    assert seen.columns[1].examples == ["Anna", "Ben", "Cleo"]


def test_a_spreadsheet_is_read_from_rows_too(world, tmp_path):
    path = tmp_path / "people.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for row, cells in enumerate([("phone", "name"), (447700900501, "Anna")]):
        sheet.write_row(row, 0, cells)
    book.close()
    file = upload(world.account, path.read_bytes(), "people.xlsx")
    assert uploads.look(file).rows == [["447700900501", "Anna"]]
    assert [line.cells for line in uploads.lines(file, 1)] == [["447700900501", "Anna"]]


@pytest.mark.parametrize("data", [b"\r\n \r\n", b"PK\x03\x04 nothing of the kind", b"\xd0\xcf\x11\xe0"])
def test_what_is_no_table_is_refused_and_not_kept(world, data):
    with pytest.raises(uploads.Refused):
        upload(world.account, data)
    assert not StoredFile.objects.exists()


def test_a_spreadsheet_whose_size_can_not_be_told_is_refused(world, tmp_path):
    """A zip that wants a version of zip to come: Python's reader does not list it, calamine's would read it, unbounded."""
    path = tmp_path / "people.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_row(0, 0, ["phone", "name"])
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 6] = 99
    with pytest.raises(uploads.Refused):
        upload(world.account, bytes(data), "people.xlsx")


def test_the_proposed_mapping_fills_a_field_from_every_other_column(world):
    file = upload(world.account, CSV.encode())
    mapping = uploads.mapping_of(file)
    assert mapping == Mapping(0, "GB", True, {1: "firstname", 2: "città"})
    assert Mapping.from_json(mapping.to_json()) == mapping
    assert uploads.mapping_of(upload(world.account, b"a,b\nx,y\n")) is None


@pytest.mark.parametrize(
    ("mapping", "field"),
    [
        (Mapping(7, "GB", True), "phone"),
        (Mapping(0, "XX", True), "country"),
        (Mapping(0, "GB", True, {9: "a"}), "fields"),
        (Mapping(0, "GB", True, {1: "First name", 2: "first_name"}), "fields"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(world, mapping, field):
    file = upload(world.account, CSV.encode())
    with pytest.raises(uploads.Refused) as refused:
        uploads.check(file, mapping)
    assert refused.value.field == field


def test_a_mapping_names_fields_as_people_write_them(world):
    file = upload(world.account, CSV.encode())
    assert uploads.check(file, Mapping(0, "GB", True, {1: "First Name", 2: ""})).fields == {1: "firstname"}


def test_pasted_numbers_are_a_file(world):
    pasted = ["07700 900501", " +44 7700 900502 ", "", 'no,"number']
    file, mapping = uploads.store_pasted(world.account, pasted, actor="test")
    assert mapping == Mapping(0, "GB", False)
    assert [line.cells for line in uploads.lines(file)] == [["07700 900501"], ["+44 7700 900502"], ["no number"]]


def test_a_stranger_finds_no_upload(world):
    file = upload(world.account, CSV.encode())
    assert uploads.find(world.account, file.id) == file
    assert uploads.find(world.other, file.id) is None
