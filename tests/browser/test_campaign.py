"""A campaign in a browser: from a CSV to its end, paused and resumed, with people who have left and one who leaves."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from visiting import WIDTHS

SENDER = "+447700900002"
FIRST, LEFT, LAST = 600, 30, 899  # the last three digits of its people; the first 30 have opted out
STOP_LINE = f"To opt out, text STOP to {SENDER}"


def people_csv():
    rows = "".join(f"07700900{number},{'Anna' if number % 2 else ''}\n" for number in range(FIRST, LAST + 1))
    return f"Mobile,First name\n{rows}nobody,X\n07700900700,Twice\n".encode()


def write(page, site, name, text):
    page.goto(f"{site.address}/campaigns/")
    page.get_by_role("link", name="Create SMS campaign").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("From", exact=True).first.select_option(SENDER)
    page.get_by_label("Message").fill(text)


def figure(page, words):
    return page.locator(".review div", has=page.get_by_text(words, exact=True)).locator("dd")


def test_a_campaign_from_a_file_to_its_end(owner, site):
    page = owner.page
    page.goto(f"{site.address}/opt-outs/add/")
    page.get_by_label("Phone numbers").fill("\n".join(f"07700900{FIRST + number}" for number in range(LEFT)))
    page.get_by_role("button", name="Opt them out").click()

    write(page, site, "Journey", "Hi ${firstname|there}, sale today.")
    page.locator("summary", has_text="Opt-outs").click()
    page.get_by_role("button", name="By reply").click()
    expect(page.locator("#bubble")).to_contain_text(f"Hi there, sale today. {STOP_LINE}".replace(". To", ".\nTo"))
    page.get_by_role("button", name="Save and choose recipients").click()
    page.get_by_label("CSV or XLSX").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": people_csv()}
    )
    page.get_by_role("button", name="Upload and see its columns").click()
    expect(page.get_by_label("Phone numbers are in")).to_have_value("0")
    page.get_by_role("button", name="Count these people").click()

    send = page.get_by_role("button", name="Send to 270 people")  # counted without a reload
    expect(send).to_be_visible(timeout=30_000)
    expect(figure(page, "Opted out of the account")).to_have_text("30")
    expect(figure(page, "Duplicates")).to_have_text("1")
    expect(page.locator(".examples .phone-text-body")).to_have_count(3)
    send.click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("h1 .state")).to_have_text("Paused")
    site.run("sandbox", "receive", "--from", f"+447700900{LAST}", "--to", SENDER, "STOP")
    page.reload()
    expect(figure(page, "Still to go")).not_to_have_text("0")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("h1 .state")).to_have_text("Finished", timeout=60_000)  # by itself
    expect(figure(page, "Sent")).to_have_text("269")
    expect(figure(page, "Suppressed")).to_have_text("31")
    expect(page.get_by_role("row", name="Opted out of the account 30")).to_be_visible()
    expect(page.get_by_role("row", name="Opted out of the sender 1")).to_be_visible()
    assert site.outbox(447700900000 + LAST) == []
    assert [one["text"] for one in site.outbox(447700900000 + FIRST + LEFT)] == [f"Hi there, sale today.\n{STOP_LINE}"]

    site.run("sandbox", "receive", "--from", f"+447700900{FIRST + LEFT}", "--to", SENDER, "STOP")
    expect(page.locator("#figures")).to_contain_text(re.compile("1 person, 0.37 %"), timeout=30_000)
    assert owner.faults() == []


def test_it_works_without_script(visitors, site):
    page = visitors(390, script=False).sign_in(site.world.owner.email)
    write(page, site, "By hand", "Sale today.")
    page.get_by_text("Opt-outs", exact=True).last.click()
    page.get_by_role("button", name="By web form").click()
    expect(page.get_by_label("Name")).to_have_value("By hand")
    page.get_by_role("button", name="Save and choose recipients").click()
    page.get_by_label("Phone numbers").fill("07700900590, 07700900591")
    page.get_by_role("button", name="Use these numbers").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("By hand")


@pytest.mark.looks
@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_wrong_and_what_waits_is_for_everybody(visitors, site, width):
    visitor = visitors(width)
    page = visitor.sign_in(site.world.owner.email)
    write(page, site, "Faults", "")
    page.locator("summary", has_text="Opt-outs").click()
    assert visitor.faults() == []
    page.keyboard.press("Escape")
    page.get_by_label("At a time that I set").check()
    page.get_by_role("button", name="Save and choose recipients").click()
    expect(page.get_by_text("Say when it starts.")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_label("Day and time").fill("2027-06-01T10:00")
    page.get_by_label("Message").fill("Soon. Reply STOP to leave")
    page.get_by_role("button", name="Save and choose recipients").click()
    page.get_by_label("Phone numbers").fill("07700900592")
    page.get_by_role("button", name="Use these numbers").click()
    page.get_by_role("button", name="Schedule for 1 person").click(timeout=30_000)
    expect(page.get_by_text("It starts by itself at")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("1 person who has not been sent to yet is not sent to.")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_role("button", name="Cancel the campaign").click()
    expect(page.locator("h1 .state")).to_have_text("Cancelled")
    assert visitor.faults() == []
