"""Quick send in a browser: the Opt-outs menu at the cursor, the counter, one send as it goes, a person who left."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from visiting import WIDTHS

NUMBER, NAME = "+447700900001", "ACME"
STOP_LINE = f"To opt out, text STOP to {NUMBER}"


def compose(page, site, to, text):
    page.goto(f"{site.address}/send/?from=%2B{NUMBER[1:]}")
    page.get_by_label("To", exact=True).fill(to)
    page.get_by_label("Message").fill(text)


def menu(page):
    return page.locator("summary", has_text="Opt-outs")


def offer(page, way):
    menu(page).click()
    page.get_by_role("button", name=way).click()


def test_a_way_out_goes_where_the_cursor_is(owner, site):
    page = owner.page
    compose(page, site, "07700900510", "Sale today.")
    text, warning = page.get_by_label("Message"), page.get_by_text("This message says nowhere how to opt out.")
    expect(warning).to_be_visible()
    offer(page, "By reply")
    expect(text).to_have_value(f"Sale today.\n{STOP_LINE}")
    expect(text).to_be_focused()
    expect(warning).to_be_hidden()
    expect(page.locator("#bubble")).to_contain_text(STOP_LINE)
    text.fill("Sale today. Come in!")
    text.evaluate("box => box.setSelectionRange(11, 11)")
    offer(page, "By reply")
    expect(text).to_have_value(f"Sale today. {STOP_LINE} Come in!")
    page.keyboard.type("!")  # the cursor stands behind the line
    expect(text).to_have_value(f"Sale today. {STOP_LINE}! Come in!")


def test_in_a_text_that_nobody_has_been_in_it_goes_to_the_end(owner, site):
    page = owner.page
    page.goto(f"{site.address}/send/?text=Sale+today.")
    offer(page, "By web form")
    expect(page.get_by_label("Message")).to_have_value(re.compile(r"^Sale today\.\nTo opt out: http"))


def test_the_menu_follows_the_sender_and_closes(owner, site):
    page = owner.page
    compose(page, site, "07700900510", "Sale today.")
    menu(page).click()
    expect(page.get_by_role("button", name="By reply")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="By reply")).to_be_hidden()
    expect(menu(page)).to_be_focused()
    menu(page).press("Enter")
    expect(page.get_by_role("button", name="By reply")).to_be_visible()
    page.get_by_role("heading", name="Quick send").click()
    expect(page.get_by_role("button", name="By reply")).to_be_hidden()
    page.get_by_label("From").select_option(NAME)
    expect(page.locator("#bubble")).to_contain_text(NAME)
    menu(page).click()
    expect(page.get_by_role("button", name="By free keyword")).to_be_visible()
    expect(page.get_by_role("button", name="By reply")).to_have_count(0)


def test_it_counts_while_one_writes_and_lets_the_menu_be(owner, site):
    page = owner.page
    compose(page, site, "07700900510", "")
    menu(page).click()
    page.get_by_label("Message").evaluate(
        "box => { box.value = 'Sale today'; box.dispatchEvent(new Event('input', {bubbles: true})) }"
    )
    expect(page.locator("#counter")).to_contain_text("150 characters left")
    expect(page.get_by_role("button", name="By reply")).to_be_visible()
    page.get_by_label("Message").press_sequentially(" – come")
    expect(page.locator("#counter")).to_contain_text("UCS-2")
    expect(page.get_by_text("This character forces UCS-2")).to_be_visible()


def test_a_person_who_texts_stop_gets_no_more(owner, site):
    """Send, see it arrive; the phone answers STOP; send again, and see that it is not sent, and why."""
    page, phone = owner.page, "+447700900511"
    compose(page, site, "07700 900511", f"Sale today. {STOP_LINE}")
    page.get_by_role("button", name="Review before sending").click()
    expect(page.get_by_role("heading", name="Review and send")).to_be_visible()
    page.get_by_role("button", name="Send to 1 person").click()
    expect(page.get_by_role("heading", name="This send")).to_be_visible()
    expect(page.locator("#summary")).to_have_text(re.compile(r"^\s*1 sent\s*$"))  # by itself
    expect(page.locator("#rows .state")).to_have_text("Sent")
    assert [text["text"] for text in site.outbox(447700900511)] == [f"Sale today. {STOP_LINE}"]

    site.run("sandbox", "receive", "--from", phone, "--to", NUMBER, "STOP")
    compose(page, site, "07700 900511, 07700900512", f"Last day. {STOP_LINE}")
    page.get_by_role("button", name="Review before sending").click()
    expect(page.get_by_text("1 person left out because they opted out")).to_be_visible()
    page.get_by_role("button", name="Send to 1 person").click()
    row = page.locator("#rows tr", has_text="+44 7700 900511")
    expect(row).to_contain_text("Not sent: opted out of +447700900001")
    expect(row).to_contain_text("by texting STOP to +447700900001")
    expect(page.locator("#summary")).to_have_text(re.compile(r"^\s*1 sent\s+1 suppressed\s*$"))
    assert len(site.outbox(447700900511)) == 1

    row.get_by_role("link", name="+44 7700 900511").click()
    expect(page.get_by_role("heading", name="+44 7700 900511")).to_be_visible()
    expect(page.locator(".timeline")).to_contain_text("Opted out of +447700900001 by texting STOP")
    page.get_by_text("Remove…").click()
    page.get_by_label("Reason").fill("Rang and asked to be back")
    page.get_by_role("button", name="Remove this opt-out").click()
    expect(page.get_by_text("The opt-out is removed.")).to_be_visible()
    expect(page.get_by_text("Yes, from all of your senders.")).to_be_visible()


def test_the_back_button_sends_nothing_twice(owner, site):
    page = owner.page
    compose(page, site, "07700900513", f"Once. {STOP_LINE}")
    page.get_by_role("button", name="Review before sending").click()
    page.get_by_role("button", name="Send to 1 person").click()
    expect(page.locator("#summary")).to_contain_text("1 sent")
    address = page.url
    page.go_back()
    page.get_by_role("button", name="Send to 1 person").click()
    page.wait_for_url(address)
    assert len(site.outbox(447700900513)) == 1


def test_it_works_without_script(visitors, site):
    page = visitors(390, script=False).sign_in(site.world.owner.email)
    compose(page, site, "07700900514", "Sale today.")
    offer(page, "By reply")
    expect(page.get_by_label("Message")).to_have_value(f"Sale today.\n{STOP_LINE}")
    expect(page.get_by_label("To", exact=True)).to_have_value("07700900514")
    page.get_by_role("button", name="Review before sending").click()
    page.get_by_role("button", name="Back to editing").click()
    expect(page.get_by_label("Message")).to_have_value(f"Sale today.\n{STOP_LINE}")
    page.get_by_role("button", name="Review before sending").click()
    page.get_by_role("button", name="Send to 1 person").click()
    expect(page.get_by_text("Queued for 1 person.")).to_be_visible()


@pytest.mark.looks
@pytest.mark.parametrize("width", WIDTHS)
def test_the_open_menu_and_the_review_are_for_everybody(visitors, site, width):
    visitor = visitors(width)
    page = visitor.sign_in(site.world.owner.email)
    compose(page, site, "07700900501, 07700900515, 07700900515, nonsense", "Sale – today")
    expect(page.get_by_text("This character forces UCS-2")).to_be_visible()
    menu(page).click()
    assert visitor.faults() == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Review before sending").click()
    expect(page.get_by_role("heading", name="Review and send")).to_be_visible()
    assert visitor.faults() == []
    page.goto(f"{site.address}/messages/?number=nonsense")
    assert visitor.faults() == []
    page.goto(f"{site.address}/opt-outs/?number=07700900777")
    assert visitor.faults() == []
