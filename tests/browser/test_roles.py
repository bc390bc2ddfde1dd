"""An invitation and what each role may do, in browsers: the owner invites, a marketer and a viewer join and look around."""

from __future__ import annotations

import re

import people
import pytest
from playwright.sync_api import expect

ANNA = f"/opt-outs/{people.ANNA}/"
MAY_NOT = 403


@pytest.mark.parametrize(
    ("role", "sends", "menu"),
    [("Marketer", True, ["Quick send", "Campaigns", "Audit log"]), ("Viewer", False, ["Campaigns", "Audit log"])],
)
def test_somebody_invited_joins_and_does_what_the_role_allows(owner, visitors, site, role, sends, menu):
    page, email = owner.page, f"new-{role.lower()}@example.com"
    page.goto(f"{site.address}/settings/members/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("radio", name=re.compile(f"^{role}")).check()
    page.get_by_role("button", name="Invite", exact=True).click()
    link = page.locator("#link").text_content().strip()

    theirs = visitors()
    new = theirs.page
    new.goto(link)
    new.get_by_label("Your name").fill("Nell")
    new.get_by_label("Password").fill("a long enough one")
    new.get_by_role("button", name="Join").click()
    new.wait_for_url(f"{site.address}/")
    entries = new.locator(".menu .nav-link").all_inner_texts()
    assert [one for one in ("Quick send", "Campaigns", "Audit log") if any(one in entry for entry in entries)] == menu

    new.goto(site.address + ANNA)
    expect(new.get_by_role("heading", name="May I send?")).to_be_visible()
    expect(new.get_by_role("button", name="Remove")).to_have_count(0)  # lifting is for owners and administrators
    assert new.goto(f"{site.address}/settings/api-keys/").status == MAY_NOT
    assert (new.goto(f"{site.address}/send/").status == MAY_NOT) is not sends
    assert (new.goto(f"{site.address}/opt-outs/add/").status == MAY_NOT) is not sends
    new.goto(f"{site.address}/numbers/")
    new.get_by_role("link", name="+44 7700 900001").click()
    expect(new.get_by_role("button", name="Save replies")).to_have_count(int(sends))
    new.goto(f"{site.address}/audit/")
    new.get_by_role("button", name="CSV").click()
    expect(new.get_by_role("heading", name="Export of the audit log")).to_be_visible()

    page.goto(f"{site.address}/settings/members/")
    page.get_by_role("row", name=email).get_by_role("button", name="Remove").click()
    page.get_by_role("button", name=f"Remove {email}").click()
    expect(page.get_by_text(f"{email} is no member any more.")).to_be_visible()
    assert new.goto(f"{site.address}/audit/").status == MAY_NOT
