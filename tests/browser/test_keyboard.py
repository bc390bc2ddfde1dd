"""The keyboard: one key to the search, unless somebody is writing or has turned keys off."""

from __future__ import annotations

from playwright.sync_api import expect


def test_a_slash_goes_to_the_search_and_can_be_turned_off(owner, site):
    page = owner.page
    page.goto(f"{site.address}/opt-outs/")
    search = page.get_by_label("Phone number")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("0/1")
    expect(search).to_have_value("0/1")
    page.goto(f"{site.address}/settings/")
    page.get_by_label("Single keys act").uncheck()
    assert owner.faults() == []
    page.goto(f"{site.address}/opt-outs/")
    page.keyboard.press("/")
    expect(search).not_to_be_focused()


def test_every_thing_of_a_page_is_reached_by_the_tabulator(owner, site):
    page = owner.page
    page.goto(f"{site.address}/audit/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Who", exact=True)).to_be_focused()
