"""A real installation for journeys: web, dispatcher and worker under ``heed serve``, reached by HTTP and commands alone."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

ANSWERS_WITHIN_S = 60.0
PENDING = ("queued", "waiting", "sending")
SENT, OPTED_OUT = ("sent", None), ("suppressed", "opted_out")


@dataclass
class Answer:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Installation:
    """Where it is reached, and the HEED_ settings of its processes."""

    address: str
    settings: dict[str, str]
    hook: str = ""  # where the simulated carrier delivers
    _phones: Iterator[int] = field(default_factory=lambda: itertools.count(447700900500))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(447700900000))

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """One command, as a person types it."""
        command = [sys.executable, "-m", "heed", *arguments]
        environment = _environment(self.settings)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, **options)

    def heed(self, *arguments: str) -> str:
        """What a command prints that must succeed."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        request = urllib.request.Request(self.address + path, body, headers, method=method)  # noqa: S310
        try:
            with _web.open(request, timeout=30) as answer:
                return Answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read())

    def outbox(self, number: str) -> list[dict[str, str]]:
        """What this phone of the simulated carrier got, oldest first."""
        return [json.loads(line) for line in self.heed("sandbox", "outbox", "--to", number).splitlines()]

    def shop(self, name: str, role: str = "owner") -> Shop:
        """A new account, by its program's key."""
        slug = self.heed("account", "create", "--name", name)
        key = self.heed("api-key", "create", "--name", "till", "--role", role, "--account", slug)
        return Shop(self, slug, key)

    def phone(self) -> Phone:
        """A phone of the simulated carrier that nobody has used."""
        return Phone(self, f"+{next(self._phones)}")

    def unsold(self) -> str:
        return f"+{next(self._numbers)}"


_web = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Shop:
    """An account as its program sees it: /v1, and nothing else."""

    at: Installation
    slug: str
    key: str

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-AUTH-KEY": self.key, "Content-Type": "application/json"}
        return self.at.request(method, f"/v1{path}", data, **headers)

    def must(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status in (200, 201), answer.body
        return answer.json

    @property
    def account(self) -> dict[str, str]:
        return self.must("GET", "/account")

    def buy(self, **setting: Any) -> str:
        """A number bought from the inventory, with these settings."""
        bought = self.must("POST", "/numbers/", {"phone_number": self.at.unsold()})
        if setting:
            self.must("PATCH", f"/numbers/{bought['id']}", setting)
        return bought["phone_number"]

    def send(self, sender: str, phone: Phone, text: str) -> tuple[str, str | None]:
        """What became of one text: its status and its reason, once they are final."""
        body = {"from": sender, "message_body": text, "to": [{"phone": [phone.number]}]}
        id_ = self.must("POST", "/sms", body)["messages"][0]["transaction_id"]
        for _ in patiently():
            message = self.must("GET", f"/messages/{id_}")
            if message["status"] not in PENDING:
                return message["status"], message["reason"]
        raise AssertionError(f"The message is still {message['status']}.")

    def may_send(self, sender: str, phone: Phone) -> bool:
        return self.must("POST", "/check", {"from": sender, "to": [phone.number]})["items"][0]["allowed"]

    def settle(self, phone: Phone) -> None:
        """Return when nothing more of this account is on its way to ``phone``."""
        for _ in patiently():
            messages = self.must("GET", f"/messages/?{urlencode({'to': phone.number})}")["items"]
            if not any(message["status"] in PENDING for message in messages):
                return
        raise AssertionError(f"{phone.number} still waits.")


@dataclass
class Phone:
    """Somebody's phone, as the simulated carrier sees it."""

    at: Installation
    number: str

    def text(self, to: str, words: str, *, id_: str = "", sender: str | None = None) -> None:
        """The carrier delivers this text to us, again as long as we say 503; we have it when this returns."""
        originator = self.number if sender is None else sender
        body = {"id": id_ or secrets.token_hex(8), "from": originator, "to": to, "text": words}
        for _ in patiently():
            answer = self.at.request("POST", self.at.hook, json.dumps(body).encode())
            if answer.status != 503:
                break
        assert answer.status == 200, answer.body

    def got(self) -> list[tuple[str, str]]:
        """What it received, as (from, text)."""
        return [(one["from"], one["text"]) for one in self.at.outbox(self.number)]

    def gets(self, *expected: tuple[str, str]) -> None:
        """Wait until it has as many texts as expected, and compare them all."""
        for _ in patiently():
            if len(got := self.got()) >= len(expected):
                break
        assert got == list(expected)


def patiently() -> Iterator[None]:
    end = time.monotonic() + ANSWERS_WITHIN_S
    while time.monotonic() < end:
        yield
        time.sleep(0.05)


def _environment(settings: dict[str, str]) -> dict[str, str]:
    """Ours, but for what the tests in a browser need themselves."""
    return {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"} | settings


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def serving(settings: dict[str, str], *command: str) -> Iterator[Installation]:
    """``heed serve``, or another ``command``, with these settings, until the end; then nothing of it is left."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    settings = settings | {"HEED_PUBLIC_URL": address}
    arguments = [sys.executable, "-m", "heed", *(command or ("serve",)), "--port", str(port)]
    process = subprocess.Popen(arguments, env=_environment(settings), stdout=subprocess.DEVNULL)
    try:
        here = Installation(address, settings)
        for _ in patiently():
            try:
                if here.request("GET", "/healthz").status == 200:
                    break
            except OSError:
                assert process.poll() is None, "it ended at once"
        here.hook = here.heed("sandbox", "hook-url").removeprefix(address)
        yield here
    finally:
        process.terminate()
        assert process.wait(60) == 0
