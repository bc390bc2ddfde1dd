"""A real installation (web, dispatcher, worker) and a real browser. A console error on any page fails its test."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import databases
import people
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from installation import Installation, serving
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from heed import carriers
from heed.core import (
    audience,
    campaigns,
    connections,
    contacts,
    esmes,
    inbound,
    outbound,
    reconciliation,
    reviews,
    senders,
    templates,
    uploads,
    webhooks,
)
from heed.core.esmes import Setting
from heed.core.models import Decision, Endpoint
from heed.rules import numbers
from heed.rules.values import InboundText

FLAGS = (
    "--disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
UNDECIDED = "+447700900590"  # the phone whose texts are in review
WIDTHS = (1280, 390)
COLOURS = "axe.run({runOnly: ['color-contrast'], resultTypes: ['violations']})"  # all that the dark changes


@dataclass(frozen=True)
class Site:
    """A served installation with the people of ``people.py`` and a little history in it."""

    at: Installation
    world: people.World

    @property
    def address(self) -> str:
        return self.at.address

    def run(self, *arguments: str) -> str:
        """What a command of ours prints."""
        return self.at.heed(*arguments)

    def outbox(self, phone: int) -> list[dict[str, str]]:
        """What this phone of the sandbox got, oldest first."""
        return self.at.outbox(numbers.show(phone))


@pytest.fixture(scope="session")
def site(django_db_setup, django_db_blocker) -> Iterator[Site]:
    from django.db import connections

    name = f"heed_site_{databases.WORKER}"
    with django_db_blocker.unblock():
        connections.close_all()
        databases.make(name, f"heed_template_{databases.WORKER}")
        databases.move(name)
        world = people.make()
        live_a_little(world)
        connections.close_all()
        databases.move(f"heed_test_{databases.WORKER}")
    try:
        with serving(databases.place(name)) as here:
            yield Site(here, world)
    finally:
        databases.drop(name)


def live_a_little(world: people.World) -> None:
    """Enough of everything that no list of the console is empty."""
    drafts = [outbound.Draft(phone, numbers.show(phone), "Hello!") for phone in (people.ANNA, people.BEN)]
    outbound.queue(world.number, drafts, door="quick_send", actor=world.owner.email)
    _add_connection(world)
    esmes.add(world.account, "shop", Setting(), actor="test")
    hook, _ = webhooks.create(world.account, "https://shop.example/heed", ["opt_out", "inbound"], actor="test")
    for at, (phone, words) in enumerate([(people.ANNA, "STOP"), (people.BEN, "Who is this?"), (people.CLEO, "HELP")]):
        text = InboundText(f"seed-{at}", numbers.show(phone), world.number.address, words)
        inbound.receive(world.link, [text])
    outbound.queue(world.number, drafts, door="quick_send", actor=world.owner.email)
    plan = campaigns.Plan("Spring sale", world.number, "Hi ${name|there}. ${opt_out_link}")
    campaign = campaigns.create(world.account, plan, actor=world.owner.email)
    templates.create(world.account, "Order ready", "Hello ${name|there}, it is ready. ${opt_out_link}", actor="test")
    file = uploads.store(world.account, "people.csv", [b"phone,name\n07700900503,Cleo\n"], actor=world.owner.email)
    senders.change(world.second, senders.Setting(rate=50), actor="test")  # campaigns from it can be paused in time
    friends = contacts.create_list(world.account, "Friends", actor="test")
    french = {"fr": {"reply_message": "Vous ne recevrez plus rien. Soldes !"}}
    for number in (world.number, world.second):
        senders.change(number, senders.Setting(translations=french), actor="test")
    contacts.save(world.account, numbers.show(people.CLEO), {"First name": "Cleo"}, friends, actor="test")
    audience.from_upload(world.account, campaign.id, file, uploads.mapping_of(file), actor=world.owner.email)
    for at, words in enumerate(("stpo", "not interested")):
        inbound.receive(world.link, [InboundText(f"review-{at}", UNDECIDED, world.number.address, words)])
    first = reviews.queue(world.account)[0]
    Endpoint.objects.filter(id=hook.id).update(
        paused_at=timezone.now(), paused_reason="Nothing has reached it for three days."
    )
    reviews.decide(first, Decision.NOT_AN_OPT_OUT, actor=world.owner.email, note="A typing game.")


def _add_connection(world: people.World) -> None:
    values = {"url": "https://sms.example/send"}
    link = carriers.add("generic", "Example SMS", values, answered=["stop"], account=world.account, actor="test")
    connections.called(link)
    reconciliation.note(link, reconciliation.Drift(3, 1, 0, 2, 2))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Playwright keeps an event loop running in this thread while it is open: no longer than a module of tests."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None and os.environ.get("CI") != "true":
        pytest.skip("There is no Chromium here; ./heed test installs it.")
    flags = [*FLAGS, "--no-sandbox"] if os.getuid() == 0 else FLAGS
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Django takes that loop for one of ours
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


class Visitor:
    """Somebody with a browser. ``page`` fails the test on any error that the browser reports."""

    def __init__(self, context: BrowserContext, site: Site) -> None:
        self.context, self.site = context, site
        self.problems: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._said)

    def _said(self, message) -> None:
        # A page that answers 4xx on purpose is no fault of the browser's.
        if message.type == "error" and "status of 4" not in message.text:
            self.problems.append(message.text)

    def sign_in(self, email: str, password: str = people.PASSWORD) -> Page:
        self.page.goto(f"{self.site.address}/sign-in/")
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url(re.compile(r"/(?!sign-in)"))
        return self.page

    def faults(self) -> list[str]:
        """What axe finds on this page, in light and in dark, and what stands out of the screen at its side."""
        light = Axe().run(self.page).response["violations"]
        self.page.emulate_media(color_scheme="dark")
        dark = self.page.evaluate(COLOURS)["violations"]
        self.page.emulate_media(color_scheme="light")
        found = [f"{one['id']}: {[node['target'] for node in one['nodes'][:3]]}" for one in [*light, *dark]]
        over = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return [*found, *([f"{over} pixels too wide"] if over > 0 else [])]


@pytest.fixture
def visitors(chromium: Browser, site: Site) -> Iterator:
    """A function that brings another visitor, with a screen of its own."""
    came: list[Visitor] = []

    def come(width: int = 1280, script: bool = True) -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": 850},
            color_scheme="light",
            reduced_motion="reduce",  # axe would see colours on their way
            java_script_enabled=script,
        )
        context.set_default_timeout(10_000)
        came.append(Visitor(context, site))
        return came[-1]

    yield come
    problems = [problem for visitor in came for problem in visitor.problems]
    for visitor in came:
        visitor.context.close()
    assert not problems


@pytest.fixture
def owner(visitors, site: Site) -> Visitor:
    """The owner, signed in at a desk."""
    visitor = visitors()
    visitor.sign_in(site.world.owner.email)
    return visitor
