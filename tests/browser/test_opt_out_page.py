"""The opt-out page on a phone in a browser without script: in two directions, in the account's colours."""

from __future__ import annotations

import people
import pytest


@pytest.mark.looks
@pytest.mark.parametrize(
    ("language", "link", "stop", "done"),
    [
        ("ar", "العربية", "أوقِف الرسائل", "لن تصلك رسائل نصية أخرى"),
        ("pl", "Polski", "Zatrzymaj wiadomości", "Nie będzie już wiadomości SMS od Acme"),
    ],
)
def test_anybody_can_leave_in_their_language(visitors, site, language, link, stop, done):
    visitor = visitors(390, script=False)
    page = visitor.page
    page.goto(f"{site.address}/{site.world.account.link_code}")
    page.get_by_role("link", name=link).click()
    assert page.locator("html").get_attribute("lang") == language
    axe = visitors(390)  # axe is a script
    axe.page.goto(page.url)
    assert axe.faults() == []
    page.get_by_role("textbox").fill("12")
    page.get_by_role("button", name=stop).click()
    assert page.get_by_role("alert").is_visible()
    page.get_by_role("textbox").fill(f"+{people.CLEO + 1}")
    page.get_by_role("button", name=stop).click()
    assert done in page.get_by_role("heading").inner_text()
    assert visitor.context.cookies() == []
