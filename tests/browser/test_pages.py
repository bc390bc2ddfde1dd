"""Every page of the console, on a desk and on a phone, light and dark: axe finds nothing, nothing is too wide."""

from __future__ import annotations

import pytest
from django.urls import URLPattern, reverse
from visiting import WIDTHS

# Pages that need an id of something are reached by the first link to them on another page.
PAGES = [
    "home", "accounts", "account_change_password", "numbers", "buy_number", "add_name", "inbox", "handset", "quick_send",
    "settings", "members", "api_keys", "esmes", "webhooks",
    "messages", "opt_outs", "add_opt_outs", "campaigns", "new_campaign",
    "reviews", "decided_reviews", "contacts", "templates", "new_template", "opt_out_page",
    "reports", "jobs", "upload_opt_outs",
    "profile", "connections", "add_number", "why_not", "audit_log", "add_contact",
]  # fmt: skip
LINKED: dict[str, tuple[str, str]] = {
    "add_connection": ("connections", ".list-names a[href*='twilio']"),
    "connection": ("connections", "tbody tr:last-child a"),
    "esme": ("esmes", "tbody th a"),
    "webhook": ("webhooks", ".webhook-address a"),
    "delivery": ("webhook", "tbody a"),
    "number": ("numbers", "th a.number"),
    "translations": ("number", "a[href$='/languages/']"),
    "sender_speed": ("number", "a[href$='/speed/']"),
    "release_number": ("numbers", "a[href$='/release/']"),
    "review": ("reviews", "th a.number"),
    "message": ("messages", ".message-cell a"),
    "conversation": ("inbox", "th a.number"),
    "opt_out_history": ("opt_outs", "tbody a"),
    "edit_template": ("templates", "tbody th a"),
    "contact_list": ("contacts", ".list-names a"),
    "contact": ("contacts", "tbody a.number"),
    "campaign": ("campaigns", "tbody tr:last-child a"),
    "edit_campaign": ("campaign", "main a[href$='/edit/']"),
    "campaign_recipients": ("campaign", "main a[href$='/recipients/']"),
    "campaign_columns": ("campaign_recipients", "main a[href*='/recipients/fil_']"),
}
# Not pages of their own: actions, parts of pages, doors of people who are not signed in, other people's pages.
OTHERS = {
    "choose_account", "sign_in_link", "join", "account_login", "account_logout", "account_reauthenticate",
    "account_set_password", "account_signup", "account_inactive", "quick_send_count", "cancel_message",
    "opt_out_text", "decide_review", "export_opt_outs", "remove_opt_out", "handset_screen", "handset_text",
    "switch_all_numbers", "reply_parts", "change_replies", "change_keywords", "add_keywords", "switch_number",
    "remove_contacts", "add_contact_list", "change_contact_list", "contact_rejects", "upload_contacts",
    "campaign_messages", "export_campaign",
    "report_file", "campaign_hours", "job_file", "job_rejects", "cancel_job", "job", "import_opt_outs",
    "import_contacts",  # in test_contacts.py
    "send_again",  # in tests/console/test_sign_in.py
    "delete_template", "qr_code_svg", "qr_code_png",
    "campaign_count", "campaign_rejects", "test_campaign", "act_on_campaign",
    "apply_to_account", "invite", "change_role", "remove_member", "revoke_invitation", "revoke_api_key", "webhook_secret",
    "act_on_webhook", "act_on_connection", "replay_delivery", "change_translations", "export_audit_log",
    "reply", "conversation_parts", "change_contact", "change_contact_lists",
    "esme_password", "remove_esme",
}  # fmt: skip


@pytest.mark.looks
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_for_everybody(visitors, site, width):
    visitor = visitors(width)
    page = visitor.sign_in(site.world.owner.email)
    faults = {}
    for name in PAGES:
        page.goto(site.address + reverse(name))
        faults[name] = visitor.faults()
    for name in LINKED:
        _go(page, site, name)
        faults[name] = visitor.faults()
    assert {name: found for name, found in faults.items() if found} == {}


def test_no_page_of_the_console_is_forgotten():
    from heed.console import urls

    named = {one.name for one in urls.urlpatterns if isinstance(one, URLPattern)}
    assert named == {*PAGES, *LINKED, *OTHERS}


def _go(page, site, name: str) -> None:
    if name not in LINKED:
        page.goto(site.address + reverse(name))
        return
    start, selector = LINKED[name]
    _go(page, site, start)
    page.locator(selector).first.click()
    page.wait_for_load_state()


@pytest.mark.looks
@pytest.mark.parametrize("width", WIDTHS)
def test_the_door_is_for_everybody(visitors, site, width):
    visitor = visitors(width)
    faults = {}
    for path in ("/sign-in/", "/sign-in/nonsense/", "/join/nonsense/", "/nothing-here/"):
        visitor.page.goto(site.address + path)
        faults[path] = visitor.faults()
    assert {path: found for path, found in faults.items() if found} == {}
