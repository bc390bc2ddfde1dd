"""A real Kannel with its fake SMSC, both directions: run where bearerbox, smsbox and Kannel's own fakesmsc are installed."""

from __future__ import annotations

import http.server
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from exchanges import REFERENCE, called, hand_off, outcome

from heed.providers.base import Arrived, Misconfigured
from heed.providers.kannel import Kannel
from heed.rules.values import InboundText, Outgoing, Receipt

FAKE_SMSC = next((str(one) for one in Path("/").glob("usr/lib/kannel/test/fakesmsc")), shutil.which("fakesmsc") or "")
NEEDED = ("bearerbox", "smsbox")
pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not (all(map(shutil.which, NEEDED)) and FAKE_SMSC), reason="Kannel is not installed."),
]
CONFIGURATION = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = none
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = FAKE
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
http-request-retry = 5
http-queue-delay = 1

group = sendsms-user
username = heed
password = quiet-river

group = sms-service
keyword = posted
catch-all = true
post-url = "{hook}?secret=river&id=%I&at=%T"
send-sender = true
max-messages = 0

group = sms-service
keyword = default
catch-all = true
get-url = "{hook}?secret=river&id=%I&from=%p&to=%P&text=%b&charset=%C&at=%T"
max-messages = 0
"""


class Gateway:
    """Where it takes texts, what it called us with, and what left it."""

    def __init__(self, provider: Kannel, folder: Path) -> None:
        self.provider, self.folder = provider, folder
        self.arrived: list[Arrived] = []

    @property
    def left(self) -> str:
        """Every text that its SMSC got, as that writes it."""
        return (self.folder / "fakesmsc.log").read_text(errors="replace")


def wait_for(what: Callable[[], Any], within_s: float = 10) -> None:
    end = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end, "It did not happen in time."
        time.sleep(0.05)


@contextmanager
def hook(gateway: list[Gateway]) -> Iterator[str]:
    """Our side: every call is checked and read as the hook does."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = called(body, dict(self.headers), url=f"http://heed.example{self.path}", method=self.command)
            provider = gateway[0].provider
            provider.verify(call)
            gateway[0].arrived += provider.parse(call)
            answer = provider.answer(call)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *values: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks/kannel/token/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running(folder: Path, *command: str) -> Iterator[None]:
    with (folder / f"{Path(command[0]).name}.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def kannel(folder: Path, *phones: str) -> Iterator[Gateway]:
    """A Kannel whose SMSC brings what ``phones`` send, each as “from to text …”: one of them by chance, again and again."""
    with ExitStack() as stack:
        free = [stack.enter_context(socket.socket()) for _ in range(4)]
        for one in free:
            one.bind(("127.0.0.1", 0))
        admin, smsbox, smsc, sendsms = (one.getsockname()[1] for one in free)
        for one in free:
            one.close()
        gateway: list[Gateway] = []
        address = stack.enter_context(hook(gateway))
        values = {"admin": admin, "smsbox": smsbox, "smsc": smsc, "sendsms": sendsms, "hook": address}
        (folder / "kannel.conf").write_text(CONFIGURATION.format(**values))
        settings = {"username": "heed", "password": "quiet-river", "secret": "river"}
        url = f"http://127.0.0.1:{sendsms}/cgi-bin/sendsms"
        gateway.append(Gateway(Kannel({"url": url, **settings}, address), folder))
        stack.enter_context(running(folder, "bearerbox", "kannel.conf"))
        wait_for(lambda: answers(smsbox) and answers(smsc))
        stack.enter_context(running(folder, "smsbox", "kannel.conf"))
        wait_for(lambda: answers(sendsms))
        fake = (FAKE_SMSC, "-H", "127.0.0.1", "-r", str(smsc), "-i", "0.05", "-m", "100", *phones)
        stack.enter_context(running(folder, *fake))
        yield gateway[0]


def test_texts_leave_whole_and_receipts_come_back(tmp_path):
    with kannel(tmp_path, "447700900599 447700900001 text hi") as gateway:
        text = "£5 & “more”: " + "退订 " * 30 + "STOP"
        pieces = gateway.provider.parts(text)
        for number, piece in enumerate(pieces, 1):
            outgoing = Outgoing(REFERENCE, "+447700900001", "+447700900500", piece, number, len(pieces))
            assert outcome(hand_off(gateway.provider, outgoing)) == (f"{REFERENCE}.{number}",)
        plain = Outgoing(REFERENCE, "Acme", "+447700900500", "Hello & £5")
        assert outcome(hand_off(gateway.provider, plain)) == (f"{REFERENCE}.1",)
        first = Receipt(f"{REFERENCE}.1", REFERENCE, "delivered")
        second = Receipt(f"{REFERENCE}.2", REFERENCE, "delivered")
        wait_for(lambda: {first, second} <= {one for one in gateway.arrived if isinstance(one, Receipt)})
        assert len(pieces) == 2
        assert "Acme +447700900500 text Hello & £5" in gateway.left
        assert "udh %05%00%03" in gateway.left
        wrong = Kannel(gateway.provider.settings | {"password": "another"}, gateway.provider.hook_url)
        assert outcome(hand_off(wrong)) == (Misconfigured,)


def test_texts_arrive_by_get_and_by_post(tmp_path):
    phones = [
        "447700900500 447700900001 text stop please+&more",
        "00447700900501 447700900001 text posted it",
        "+447700900502 447700900001 data ST%E9P",
    ]
    with kannel(tmp_path, *phones) as gateway:
        wait_for(lambda: len({one.text for one in gateway.arrived if isinstance(one, InboundText)}) >= 3)
        found = [one for one in gateway.arrived if isinstance(one, InboundText)]
    assert all(one.provider_id and one.carrier_at for one in found)
    assert {(one.sender, one.to, one.text) for one in found} == {
        ("447700900500", "447700900001", "stop please+&more"),
        ("00447700900501", "447700900001", "posted it"),
        ("+447700900502", "447700900001", "STéP"),
    }
