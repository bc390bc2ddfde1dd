"""Takes the pictures of docs/screenshots: an installation that has lived a little, looked at by Chromium.

Run it when a page has changed: .venv/bin/python tests/screenshots.py
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

TO = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
SIZE = {"width": 1000, "height": 600}
MOST_BYTES = 100_000


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="heed-screenshots-") as folder:
        os.environ |= {"HEED_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "heed.settings"}
        _live()
        from installation import serving

        with serving({"HEED_DATA_DIR": folder}) as here:
            _look(here.address)


def _live() -> None:
    """The people of the tests with a little history, and a campaign that is ready to start."""
    import django

    django.setup()
    import people
    import visiting
    from django.core.management import call_command
    from django.db import connections

    from heed.core import audience, campaigns, inbound, senders, uploads
    from heed.rules.values import InboundText

    call_command("migrate", verbosity=0)
    world = people.make()
    visiting.live_a_little(world)
    senders.change(world.number, senders.Setting(reply_message="You will get no more texts from Acme."), actor="test")
    for phone, text in (
        (people.BEN, "When do you close today?"),
        (447700900610, "STOP"),
        (447700900611, "No more texts"),
    ):
        inbound.receive(world.link, [InboundText("", f"+{phone}", world.number.address, text)])
    plan = campaigns.Plan("Autumn sale", world.number, "Hi ${firstname|there}, 20% off today. Reply STOP to leave")
    campaign = campaigns.create(world.account, plan, actor=world.owner.email)
    rows = "".join(f"07700900{number},Anna\n" for number in range(600, 840))
    file = uploads.store(
        world.account, "customers.csv", [f"phone,first name\n{rows}nobody,X\n".encode()], actor=world.owner.email
    )
    audience.from_upload(world.account, campaign.id, file, uploads.mapping_of(file), actor=world.owner.email)
    connections.close_all()


def _look(address: str) -> None:
    import people
    from playwright.sync_api import sync_playwright
    from visiting import FLAGS

    flags = [*FLAGS, "--no-sandbox"] if os.getuid() == 0 else FLAGS
    TO.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.set_default_timeout(60_000)
        page.goto(f"{address}/sign-in/")
        page.get_by_label("E-mail address").fill("owner@example.com")
        page.get_by_label("Password").fill(people.PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(re.compile(r"/(?!sign-in)"))

        def take(name: str, path: str = "") -> None:
            if path:
                page.goto(address + path)
            page.screenshot(path=TO / f"{name}.png")
            if (TO / f"{name}.png").stat().st_size > MOST_BYTES:
                raise SystemExit(f"{name}.png is larger than {MOST_BYTES:,} bytes.")

        page.goto(f"{address}/campaigns/")
        page.get_by_role("link", name="Autumn sale").click()
        page.get_by_role("button", name="Send to 238 people").wait_for()
        take("review")
        page.get_by_role("button", name="Send to 238 people").click()
        page.locator("h1 .state", has_text="Finished").wait_for()
        page.reload()
        take("campaign")
        page.goto(f"{address}/numbers/")
        page.get_by_role("link", name="+44 7700 900001").click()
        take("number")
        take("conversation", f"/inbox/{people.BEN}/")
        take("history", f"/opt-outs/{people.ANNA}/")
        take("why-not", f"/why-not/?from=%2B{people.FIRST_NUMBER}&number=07700900501")
        take("home", "/")
        browser.close()


if __name__ == "__main__":
    main()
