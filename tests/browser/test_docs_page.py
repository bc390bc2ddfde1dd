"""/v1/docs in a browser: from our own files alone, under our own policy, and the requests it offers to try work."""

from __future__ import annotations

import urllib.request

SERVED = ("/v1/docs", "/v1/openapi.json", "/static/ninja/")


def test_the_endpoints_can_be_read_and_tried(visitors, site):
    key = site.run("api-key", "create", "--name", "docs", "--account", "acme").strip()
    page = visitors().page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.address}/v1/docs")
    page.get_by_role("button", name="Authorize").click()
    page.locator("input[type=text]").fill(key)
    page.locator(".modal-ux").get_by_role("button", name="Apply credentials").click()
    page.locator(".modal-ux").get_by_role("button", name="Close").click()
    block = page.locator("#operations-Account-account")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .response-col_description")
    answer.get_by_text('"Acme"').first.wait_for()
    assert all(url.startswith(tuple(site.address + path for path in (*SERVED, "/v1/account"))) for url in asked)
    page.locator("#operations-Sending-send_sms .opblock-summary-control").click()
    page.locator("#operations-Sending-send_sms").get_by_text("Idempotency-Key").first.wait_for()


def test_its_policy_allows_no_script_but_our_files(site):
    with urllib.request.urlopen(f"{site.address}/v1/docs") as answer:  # noqa: S310  # our own
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        body = answer.read().decode()
    assert policy["script-src"] == policy["default-src"] == "'self'"
    assert "http" not in body.replace(site.address, "")
