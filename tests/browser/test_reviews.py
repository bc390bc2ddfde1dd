"""Reviews in a browser: one key decides and brings the next; keys can be turned off, and buttons do without script."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

NUMBER = "+447700900001"


def hold(site, *phones):
    """A text in review from each phone; no other test waits for them."""
    for phone in phones:
        site.run("sandbox", "receive", "--from", phone, "--to", NUMBER, "wrong number")


def show(page, site, phone):
    page.goto(f"{site.address}/reviews/")
    page.get_by_role("row", name=re.compile(re.escape(phone))).get_by_role("link").click()
    expect(page.get_by_role("heading", name="Is this an opt-out?")).to_be_visible()


def whose(page):
    return page.locator(".review-head strong")


@pytest.mark.parametrize(
    ("key", "told"),
    [("o", "+44 7700 900551 is opted out."), ("N", "Not an opt-out: the text of +44 7700 900553 holds nothing back")],
)
def test_one_key_decides_and_brings_the_next(owner, site, key, told):
    phones = ("07700 900551", "07700 900552") if key == "o" else ("07700 900553", "07700 900554")
    first, second = ("+44" + phone.replace(" ", "")[1:] for phone in phones)
    hold(site, first, second)
    page = owner.page
    page.clock.install()
    show(page, site, f"+44 {phones[0][1:]}")
    page.clock.run_for(600)
    page.keyboard.press(f"Control+{key}")
    expect(whose(page)).to_have_text(f"+44 {phones[0][1:]}")
    page.keyboard.press(key)
    expect(page.get_by_text(told)).to_be_visible()
    expect(whose(page)).to_have_text(f"+44 {phones[1][1:]}")


def test_a_key_pressed_twice_decides_once(owner, site):
    hold(site, "+447700900558", "+447700900559")
    page = owner.page
    page.clock.install()
    show(page, site, "+44 7700 900558")
    page.clock.pause_at(datetime.now() + timedelta(hours=1))  # the browser's clock; it stays so
    page.keyboard.press("o")
    expect(whose(page)).to_have_text("+44 7700 900559")
    page.keyboard.press("o")
    page.reload()
    expect(whose(page)).to_have_text("+44 7700 900559")
    expect(page.get_by_role("button", name="Opt-out", exact=True)).to_be_visible()


def test_in_a_note_keys_are_letters(owner, site):
    hold(site, "+447700900555")
    page = owner.page
    page.clock.install()
    show(page, site, "+44 7700 900555")
    page.get_by_text("Add a note").click()
    page.clock.run_for(600)
    page.get_by_label("Note").press_sequentially("no, no\n")
    expect(page.get_by_label("Note")).to_have_value("no, no\n")
    expect(whose(page)).to_have_text("+44 7700 900555")
    page.get_by_role("button", name="Not an opt-out").click()
    page.goto(f"{site.address}/reviews/decided/")
    expect(page.get_by_role("row", name=re.compile("900555"))).to_contain_text("no, no")


def test_keys_can_be_turned_off_and_stay_so(owner, site):
    hold(site, "+447700900556")
    page = owner.page
    page.clock.install()
    show(page, site, "+44 7700 900556")
    button = page.get_by_role("button", name="Opt-out", exact=True)
    expect(button).to_have_attribute("aria-keyshortcuts", "o")
    page.get_by_label("Decide with one key").uncheck()
    expect(button).not_to_have_attribute("aria-keyshortcuts", "o")
    page.reload()
    expect(page.get_by_label("Decide with one key")).not_to_be_checked()
    page.clock.run_for(600)
    page.keyboard.press("o")
    page.reload()
    expect(whose(page)).to_have_text("+44 7700 900556")
    expect(button).to_be_visible()


def test_without_script_the_buttons_decide(visitors, site):
    hold(site, "+447700900557")
    page = visitors(script=False).sign_in(site.world.owner.email)
    show(page, site, "+44 7700 900557")
    expect(page.get_by_label("Decide with one key")).to_be_hidden()
    page.get_by_role("button", name="Opt-out", exact=True).click()
    expect(page.get_by_text("+44 7700 900557 is opted out.")).to_be_visible()
