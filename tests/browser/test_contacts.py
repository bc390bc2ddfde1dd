"""Contacts in a browser: a list filled from a file, without a reload, and without script."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from visiting import WIDTHS

CSV = b"Mobile,First name\n07700900540,Ada\n07700900541,Bo\nnobody,X\n"


def new_list(page, site, name):
    page.goto(f"{site.address}/contacts/")
    page.get_by_label("New list").fill(name)
    page.get_by_role("button", name="Make the list").click()
    page.get_by_label("CSV or XLSX").set_input_files({"name": "class.csv", "mimeType": "text/csv", "buffer": CSV})
    page.get_by_role("button", name="Upload and see its columns").click()
    page.get_by_role("heading", name=f"Import into {name}").wait_for()


def test_a_list_is_filled_from_a_file_and_emptied(owner, site):
    page = owner.page
    new_list(page, site, "Class")
    page.get_by_role("button", name="Import these people").click()
    expect(page.get_by_role("heading", name="The latest import")).to_be_visible(timeout=30_000)  # by itself
    expect(page.locator("h1 .count")).to_have_text("2")
    expect(page.get_by_role("row", name="+44 7700 900540")).to_contain_text("Ada")
    page.get_by_label("Select +44 7700 900540").check()
    page.get_by_role("button", name="Delete selected contacts").click()
    page.get_by_role("button", name="Delete +44 7700 900540").click()
    expect(page.get_by_text("1 contact is deleted. Whoever opted out stays opted out.")).to_be_visible()
    page.get_by_role("button", name="Delete the list").click()
    page.get_by_role("heading", name="Delete the list “Class").wait_for()
    page.get_by_role("button", name="Delete the list").click()
    expect(page.get_by_text("Its contacts stay.")).to_be_visible()


@pytest.mark.looks
@pytest.mark.parametrize("width", WIDTHS)
def test_the_import_is_for_everybody(visitors, site, width):
    visitor = visitors(width)
    page = visitor.sign_in(site.world.owner.email)
    new_list(page, site, f"Group {width}")
    page.get_by_label("Phone numbers are in").select_option("")
    page.get_by_role("button", name="Import these people").click()
    expect(page.get_by_text("Say which column holds the phone numbers.")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_label("Phone numbers are in").select_option("0")
    page.get_by_role("button", name="Import these people").click()
    expect(page.get_by_role("heading", name="The latest import")).to_be_visible(timeout=30_000)
    assert visitor.faults() == []


def test_it_works_without_script(visitors, site):
    page = visitors(390, script=False).sign_in(site.world.owner.email)
    new_list(page, site, "Plain")
    page.get_by_role("button", name="Import these people").click()
    for _ in range(60):
        if page.get_by_role("heading", name="The latest import").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(page.locator("h1 .count")).to_have_text("2")
