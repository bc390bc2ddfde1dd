"""Every page of the console, on a desk and on a phone, light and dark: axe finds nothing, nothing is too wide."""

from __future__ import annotations

import pytest
from django.urls import URLPattern, reverse
from visiting import SCHEMES, WIDTHS

# Pages that need an id of something are reached by the first link to them on another page.
PAGES = [
    "home", "accounts", "account_change_password", "numbers", "buy_number", "add_name", "inbox", "handset", "quick_send",
    "settings", "members", "api_keys", "messages", "opt_outs", "add_opt_outs",
]  # fmt: skip
LINKED: dict[str, tuple[str, str]] = {
    "number": ("numbers", "th a.number"),
    "release_number": ("numbers", "a[href$='/release/']"),
    "message": ("messages", ".message-cell a"),
    "opt_out_history": ("opt_outs", "tbody a"),
}
# Not pages of their own: actions, parts of pages, doors of people who are not signed in, other people's pages.
OTHERS = {
    "choose_account", "sign_in_link", "join", "account_login", "account_logout", "account_reauthenticate",
    "account_set_password", "account_signup", "account_inactive", "quick_send_count", "cancel_message",
    "opt_out_text", "export_opt_outs", "remove_opt_out", "handset_screen", "handset_text",
    "switch_all_numbers", "reply_parts", "change_replies", "change_keywords", "add_keywords", "switch_number",
    "apply_to_account", "invite", "change_role", "remove_member", "revoke_invitation", "revoke_api_key",
}  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_for_everybody(visitors, site, width, scheme):
    visitor = visitors(width, scheme)
    page = visitor.sign_in(site.world.owner.email)
    faults = {}
    for name in PAGES:
        page.goto(site.address + _path(name))
        faults[name] = visitor.faults()
    for name, (start, selector) in LINKED.items():
        page.goto(site.address + _path(start))
        page.locator(selector).first.click()
        page.wait_for_load_state()
        faults[name] = visitor.faults()
    assert {name: found for name, found in faults.items() if found} == {}


def test_no_page_of_the_console_is_forgotten():
    from heed.console import urls

    named = {one.name for one in urls.urlpatterns if isinstance(one, URLPattern)}
    assert named == {*PAGES, *LINKED, *OTHERS}


def _path(name: str) -> str:

    return reverse(name)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_door_is_for_everybody(visitors, site, width, scheme):
    visitor = visitors(width, scheme)
    faults = {}
    for path in ("/sign-in/", "/sign-in/nonsense/", "/join/nonsense/", "/nothing-here/"):
        visitor.page.goto(site.address + path)
        faults[path] = visitor.faults()
    assert {path: found for path, found in faults.items() if found} == {}
