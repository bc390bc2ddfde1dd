"""Settings, Opt-out page: the link, its QR code, its colours."""

from __future__ import annotations

import struct
import zlib

import people
import pytest
import segno
from django.urls import reverse

from heed.core import accounts
from heed.core.models import Audit

COLOURS = {"colour": "#005f60", "text_colour": "#ffffff"}


def test_the_link_and_its_code(world, owner):
    text = owner.get(reverse("opt_out_page")).content.decode()
    assert accounts.opt_out_link(world.account) in text
    assert reverse("qr_code_svg") in text
    svg = owner.get(reverse("qr_code_svg"))
    assert svg["Content-Type"] == "image/svg+xml"
    assert "Content-Disposition" not in svg
    assert b"style=" not in svg.content
    kept = owner.get(reverse("qr_code_svg"), {"download": ""})
    assert kept["Content-Disposition"] == f'attachment; filename="opt-out-{world.account.slug}.svg"'


def test_the_picture_is_of_the_link(world, owner):
    png = owner.get(reverse("qr_code_png"), {"download": ""})
    assert (png["Content-Type"], png.content[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    expected = [list(row) for row in segno.make(accounts.opt_out_link(world.account), error="m", micro=False).matrix]
    assert _dots(png.content) == expected


def _dots(png: bytes) -> list[list[int]]:
    """The dots of a QR code in a PNG of one bit a pixel: dark 1, without the quiet zone of four dots around it."""
    width = struct.unpack(">I", png[16:20])[0]
    at, packed, palette = 8, b"", b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        packed, palette = packed + (body if kind == b"IDAT" else b""), body if kind == b"PLTE" else palette
        at += length + 12
    raw, stride = zlib.decompress(packed), (width + 7) // 8 + 1
    lines = [raw[start + 1 : start + stride] for start in range(0, len(raw), stride)]
    dot = next(size for size in range(width, 0, -1) if width % size == 0 and (width // size - 8) in range(21, 178, 4))
    count = width // dot
    pixel = [[line[x >> 3] >> (7 - x % 8) & 1 for x in range(0, width, dot)] for line in lines[::dot]]
    return [[1 - one for one in row[4 : count - 4]] for row in pixel[4 : count - 4]]


def test_colours_are_kept_and_shown(world, owner):
    page = owner.post(reverse("opt_out_page"), COLOURS, follow=True)
    assert "/colours/005f60-ffffff.css" in page.content.decode()
    world.account.refresh_from_db()
    assert (world.account.colour, world.account.text_colour) == ("#005f60", "#ffffff")
    assert Audit.objects.filter(action="account.colours").count() == 1
    owner.post(reverse("opt_out_page"), COLOURS)
    assert Audit.objects.filter(action="account.colours").count() == 1  # nothing has changed
    owner.post(reverse("opt_out_page"), COLOURS | {"do": "own"})
    world.account.refresh_from_db()
    assert (world.account.colour, world.account.text_colour) == ("", "")


@pytest.mark.parametrize(
    ("colour", "text_colour", "words"),
    [
        ("#777777", "#ffffff", "their contrast is 4.5, and people need"),  # 4.48
        ("#ffff00", "#ffffff", "their contrast is 1.1"),
        ("red", "#ffffff", "Write a colour like #0b5cad"),
        ("#005f60", "", "Write a colour like #ffffff"),
        ("#005f60;}*{", "#ffffff", "Write a colour"),
    ],
)
def test_what_could_not_be_read_is_refused(world, owner, colour, text_colour, words):
    page = owner.post(reverse("opt_out_page"), {"colour": colour, "text_colour": text_colour})
    assert page.status_code == 422
    assert words in page.content.decode()
    world.account.refresh_from_db()
    assert world.account.colour == ""


def test_everybody_sees_it_and_administrators_change_it(world):
    for user in (world.teammate, world.viewer):
        client = people.signed_in(user)
        page = client.get(reverse("opt_out_page"))
        assert page.status_code == 200
        assert "Save the colours" not in page.content.decode()
        assert client.get(reverse("qr_code_png")).status_code == 200
        assert client.post(reverse("opt_out_page"), COLOURS).status_code == 403
    stranger = people.signed_in(world.stranger)
    assert world.account.link_code not in stranger.get(reverse("opt_out_page")).content.decode()
    stranger.post(reverse("opt_out_page"), COLOURS)
    world.account.refresh_from_db()
    assert world.account.colour == ""
