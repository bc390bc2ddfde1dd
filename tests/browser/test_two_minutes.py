"""What a newcomer does first, in a browser: sign in by the link, buy a number, send, reply STOP, send again."""

from __future__ import annotations

import re

import people
from playwright.sync_api import Page, expect
from visiting import Visitor


def buy(page: Page, digits: str) -> str:
    """Buy the number with these digits; its address."""
    page.get_by_role("link", name="Numbers").click()
    page.get_by_role("link", name="Buy a number").first.click()
    page.get_by_label("Digits in it").fill(digits)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name=re.compile("^Buy")).first.click()
    page.get_by_role("heading", level=1, name=re.compile(r"\+44")).wait_for()
    return f"+447700900{digits}"


def send(page: Page, sender: str, phone: str, text: str) -> None:
    page.get_by_role("link", name="Quick send").first.click()
    page.get_by_label("From").select_option(sender)
    page.get_by_label("To", exact=True).fill(phone)
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Review before sending").click()
    page.locator("button[value=send]").click()
    page.get_by_role("heading", name="This send").wait_for()


def pick_up(page: Page, phone: str) -> None:
    page.get_by_role("link", name="Handset").first.click()
    page.get_by_label("Be another phone").fill(phone)
    page.get_by_role("button", name="Pick up").click()


def test_stop_stops_the_next_message(visitors, site):
    visitor: Visitor = visitors()
    page, phone = visitor.page, "+447700900520"
    link = site.run("sign-in-link", "--email", site.world.owner.email).strip()
    page.goto(link)
    page.get_by_role("button", name="Sign in", exact=True).click()
    number = buy(page, "020")
    page.get_by_label("Reply message").fill("You are out.")
    page.get_by_role("button", name="Save replies").click()

    send(page, number, phone, "Spring sale! Reply STOP to leave")
    pick_up(page, phone)
    screen = page.get_by_role("region", name="Texts on the screen")
    expect(screen).to_contain_text("Spring sale!")
    page.get_by_role("button", name="Text STOP").click()
    expect(screen).to_contain_text("You are out.")  # by itself

    send(page, number, phone, "Last day! Reply STOP to leave")
    expect(page.locator("#rows .state").first).to_have_text("Suppressed")
    pick_up(page, phone)
    expect(screen).to_contain_text(f"Not sent: opted out of {number}")
    expect(page.get_by_text("That is the promise")).to_be_visible()
    assert [one["text"] for one in site.outbox(int(phone))] == ["Spring sale! Reply STOP to leave", "You are out."]

    page.goto(link)
    expect(page.get_by_role("heading", name="This link does not work any more")).to_be_visible()


def test_a_keyword_of_ones_own_answers_in_its_own_words(owner, site):
    page, phone = owner.page, "+447700900521"
    number = buy(page, "021")
    page.get_by_label("Words or short phrases").fill("Arrêt, No thanks")
    page.get_by_label("Their reply").fill("Vous ne recevrez plus rien.")
    page.get_by_role("button", name="Add keywords").click()
    expect(page.locator(".keyword-list")).to_contain_text("Arrêt")
    pick_up(page, phone)
    page.get_by_label("To", exact=True).select_option(number)
    page.get_by_label("Text from this phone").fill("ARRET.")
    page.get_by_role("button", name="Send the text").click()
    expect(page.get_by_role("region", name="Texts on the screen")).to_contain_text("Vous ne recevrez plus rien.")
    send(page, number, phone, "Still there? Reply STOP to leave")
    expect(page.locator("#rows .state").first).to_have_text("Suppressed")


def test_the_switch_says_what_it_does_and_does_it(owner, site):
    page, phone = owner.page, "+447700900522"
    number, other = buy(page, "022"), site.world.second.address
    page.get_by_role("button", name=re.compile("Turn on")).click()
    site.run("sandbox", "receive", "--from", phone, "--to", number, "STOP")
    send(page, other, phone, "From another number. Reply STOP to leave")
    row = page.locator("#rows tbody tr").first
    expect(row).to_contain_text("Not sent: opted out of the account")


def test_the_web_form_needs_neither_script_nor_cookie(visitors, owner, site):
    page = owner.page
    page.goto(site.address)
    link = page.locator("dd a.copied").text_content()
    person = visitors(390, script=False).page
    person.goto(link)
    person.get_by_label("Your phone number").fill("07700 900523")
    person.get_by_role("button", name="Stop the messages").click()
    expect(person.get_by_role("heading", name="You will get no more text messages from Acme")).to_be_visible()
    assert person.context.cookies() == []
    send(page, "ACME", "+447700900523", f"To everybody. To opt out: {link}")
    expect(page.locator("#rows tbody tr").first).to_contain_text("on the web form")


def test_a_stranger_finds_nothing_of_ours(visitors, site):
    visitor = visitors()
    page = visitor.sign_in(site.world.stranger.email)
    page.goto(f"{site.address}/messages/")
    expect(page.get_by_role("main")).not_to_contain_text("Hello!")
    page.goto(f"{site.address}/opt-outs/{people.ANNA}/")
    expect(page.get_by_role("main")).not_to_contain_text("STOP to +447700900001")
