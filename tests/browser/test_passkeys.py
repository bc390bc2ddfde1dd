"""Passkeys, in a browser whose device keeps them: added, used in place of password and code, removed."""

from __future__ import annotations

from collections.abc import Iterator

import people
import pytest
from playwright.sync_api import Page, expect

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def page(visitors, site) -> Iterator[Page]:
    """A page of somebody whose device has a place for passkeys. An address of digits can have none."""
    visitor = visitors()
    device = visitor.context.new_cdp_session(visitor.page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    yield visitor.page
    site.run("sign-in-link", "--email", site.world.viewer.email, "--second-factor-lost")


def here(site) -> str:
    return site.address.replace("127.0.0.1", "localhost")


def prove(page):
    """Before one changes how one signs in, one is asked once more."""
    page.get_by_role("heading", name="Is it you?").wait_for()
    page.get_by_label("Password").fill(people.PASSWORD)
    page.get_by_role("button", name="Go on").click()


def test_a_passkey_is_added_signs_in_and_is_removed(page, site):
    page.goto(f"{here(site)}/sign-in/")
    page.get_by_label("E-mail address").fill(site.world.viewer.email)
    page.get_by_label("Password").fill(people.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{here(site)}/")
    page.goto(f"{here(site)}/second-factor/")
    page.get_by_role("link", name="Add a passkey").click()
    prove(page)
    page.get_by_label("Name of the device").fill("My phone")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.goto(f"{here(site)}/second-factor/")
    expect(page.locator(".passkeys")).to_contain_text("My phone")

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{here(site)}/")
    expect(page.locator(".whose")).to_contain_text(site.world.viewer.email)

    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("E-mail address").fill(site.world.viewer.email)
    page.get_by_label("Password").fill(people.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()  # the password alone is not enough any more
    page.wait_for_url(f"{here(site)}/")

    page.goto(f"{here(site)}/second-factor/")
    page.get_by_role("link", name="Remove My phone").click()
    prove(page)
    page.get_by_role("button", name="Remove the passkey").click()
    page.goto(f"{here(site)}/second-factor/")
    expect(page.get_by_role("heading", name="Passkeys")).to_contain_text("Off")


def test_a_passkey_of_nobody_signs_nobody_in(page, site):
    page.goto(f"{here(site)}/sign-in/")
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    for credential in ("{}", '{"response": {"userHandle": "MQ"}}', "x"):
        form = {"credential": credential, "csrfmiddlewaretoken": token}
        page.request.post(f"{here(site)}/second-factor/webauthn/login/", form=form, headers={"Referer": here(site)})
        assert page.request.get(f"{here(site)}/", max_redirects=0).status == 302
