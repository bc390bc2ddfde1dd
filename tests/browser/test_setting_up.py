"""Setting up in a browser: the handset without a reload and without script, keywords, keys, one's second factor."""

from __future__ import annotations

import people
import pytest
from playwright.sync_api import expect
from visiting import WIDTHS

PHONE = "+447700900530"


def screen(page):
    return page.get_by_role("region", name="Texts on the screen")


def send(site, text):
    site.run("send", "--account", "acme", "--from", site.world.second.address, "--to", PHONE, text)


def test_the_phone_gets_texts_by_itself_and_keeps_what_is_typed(owner, site):
    page = owner.page
    page.goto(f"{site.address}/handset/?phone=%2B{PHONE[1:]}")
    expect(screen(page)).to_contain_text("No texts yet")
    page.get_by_label("Text from this phone").fill("half a tho")
    send(site, "Is it you?")
    expect(screen(page)).to_contain_text("Is it you?")
    expect(page.locator("#newest")).to_have_text("Is it you?")  # read out once
    expect(page.locator("#steps .is-done")).to_have_count(2)
    expect(page.get_by_label("Text from this phone")).to_have_value("half a tho")
    assert page.evaluate("document.querySelector('.phone-screen').scrollTop") == 0  # its end: the box is reversed
    assert owner.faults() == []


def test_the_handset_needs_no_script(visitors, site):
    page = visitors(390, script=False).sign_in(site.world.owner.email)
    page.goto(f"{site.address}/handset/?phone=%2B447700900531")
    page.get_by_label("To", exact=True).select_option(site.world.second.address)
    page.get_by_label("Text from this phone").fill("Hello there")
    page.keyboard.press("Enter")  # sends what is typed, not the first of the quick words
    expect(screen(page)).to_contain_text("Hello there")
    page.get_by_role("button", name="Text START").click()
    expect(screen(page)).to_contain_text("START")


def test_keywords_need_no_script(visitors, site):
    page = visitors(390, script=False).sign_in(site.world.owner.email)
    page.goto(f"{site.address}/numbers/")
    page.get_by_role("link", name="+44 7700 900002").click()
    page.get_by_label("Words or short phrases").fill("END, yes")
    page.get_by_role("button", name="Add keywords").click()
    expect(page.get_by_text("People answer “yes” to ordinary questions")).to_be_visible()
    expect(page.get_by_label("Words or short phrases")).to_have_value("END, yes")
    page.get_by_label("Words or short phrases").fill("END, no more")
    page.get_by_role("button", name="Add keywords").click()
    page.get_by_label("Reply to END").fill("It ends here.")
    page.get_by_label("Reply to END").press("Tab")
    page.get_by_role("button", name="Save keyword replies").click()
    expect(page.get_by_label("Reply to END")).to_have_value("It ends here.")
    page.get_by_role("button", name="Remove no more").click()
    expect(page.get_by_label("Reply to no more")).to_have_count(0)
    expect(page.get_by_label("Reply to END")).to_have_value("It ends here.")


def test_replies_are_counted_while_one_writes_and_outlast_another_form(owner, site):
    page = owner.page
    page.goto(f"{site.address}/numbers/")
    page.get_by_role("link", name="+44 7700 900002").click()
    page.wait_for_load_state()
    page.get_by_label("Reply message").fill("x" * 161)
    expect(page.locator("#reply_message-parts")).to_have_text("2 parts, 161 characters (GSM-7)")
    page.get_by_label("Help reply").fill("Ask us")
    expect(page.locator("#help_reply-parts")).to_have_text("1 part, 6 characters (GSM-7)")
    page.get_by_label("Words or short phrases").fill("GENUG")
    page.get_by_role("button", name="Add keywords").click()
    expect(page.get_by_label("Reply to GENUG")).to_be_visible()
    expect(page.get_by_label("Help reply")).to_have_value("Ask us")  # unsaved, and not lost
    expect(page.locator("#help_reply-parts")).to_have_text("1 part, 6 characters (GSM-7)")
    page.get_by_label("Help reply").fill("")
    page.get_by_role("button", name="Remove GENUG").click()
    expect(page.get_by_label("Reply to GENUG")).to_have_count(0)
    expect(page.get_by_label("Help reply")).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('unsaved')") is None


def test_a_new_key_is_copied(owner, site):
    page = owner.page
    owner.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.address)
    page.goto(f"{site.address}/settings/api-keys/")
    page.get_by_label("What it is for").fill("Web shop")
    page.get_by_role("button", name="Make the key").click()
    secret = page.locator("#secret").text_content()
    assert owner.faults() == []
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret


@pytest.mark.looks
@pytest.mark.parametrize("width", WIDTHS)
def test_the_pages_of_signing_in_are_for_everybody(visitors, site, width):
    visitor = visitors(width)
    page = visitor.sign_in(site.world.viewer.email)
    faults = {}
    for path in ("/second-factor/", "/settings/", "/settings/members/", "/accounts/"):  # a viewer's look differs
        page.goto(site.address + path)
        faults[path] = visitor.faults()
    page.goto(f"{site.address}/second-factor/totp/activate/")
    faults["is it you"] = visitor.faults()
    page.get_by_label("Password").fill(people.PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Code from the app").fill("000000")
    page.get_by_role("button", name="Turn on").click()
    expect(page.locator(".field-error")).to_be_visible()
    faults["activate"] = visitor.faults()
    for path in ("/sign-out/", "/sign-up/", "/inactive/"):
        page.goto(site.address + path)
        faults[path] = visitor.faults()
    assert {name: found for name, found in faults.items() if found} == {}
