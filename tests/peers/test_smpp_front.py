"""Kannel and npm's smpp as ESMEs at our front: any text, receipts, a STOP that comes back, and the refusal after it.

HEED_NODE_MODULES names a folder into which ``npm install smpp`` has been run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

import pytest
from esme import add, serving
from people import ANNA

from heed.core import gate, handoff, inbound, leases, receipts
from heed.core.handoff import Sent
from heed.core.models import Consent, Delivery, Message
from heed.rules import numbers
from heed.rules.values import InboundText, Receipt

pytestmark = pytest.mark.peers
MODULES = os.environ.get("HEED_NODE_MODULES", "")
TEXTS = [
    "Sale: 5 € off {today} [here]",
    "Привет 😀",
    "€uro {and} more. " * 15 + "End",
    "Длинный текст. " * 10 + "Конец",
]
KANNEL = """
group = core
admin-port = {admin}
admin-password = bar
smsbox-port = {box}
log-file = "{folder}/bearerbox.log"
log-level = 0
box-allow-ip = "127.0.0.1"

group = smsc
smsc = smpp
smsc-id = heed
host = 127.0.0.1
port = {port}
transceiver-mode = 1
smsc-username = shop
smsc-password = {password}
system-type = ""
source-addr-ton = 1
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {send}
log-file = "{folder}/smsbox.log"
log-level = 0
mo-recode = true

group = sendsms-user
username = heed
password = heed
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "http://127.0.0.1:{listen}/in?from=%p&to=%P&text=%b"
"""
NODE = """
const smpp = require("smpp"), [port, password, texts] = [process.argv[1], process.argv[2], JSON.parse(process.argv[3])];
const say = (what) => console.log(JSON.stringify(what));
const session = smpp.connect({url: `smpp://127.0.0.1:${port}`, auto_enquire_link_period: 1000}, () => {
  session.bind_transceiver({system_id: "shop", password}, (bound) => { say({bound: bound.command_status}); next(); });
});
const to = {source_addr: "447700900001", source_addr_ton: 1, dest_addr_ton: 1, destination_addr: "447700900501"};
const next = () => {
  const text = texts.shift();
  if (text === undefined) return say({sent: true});
  const where = text.length > 70 ? {message_payload: text} : {short_message: text};
  session.submit_sm({...to, ...where, registered_delivery: 1}, (answer) => {
    say({status: answer.command_status, id: answer.message_id});
    next();
  });
};
session.on("deliver_sm", (unit) => {
  session.send(unit.response());
  const {esm_class, short_message, message_state, receipted_message_id} = unit;
  say({esm_class, text: short_message.message, state: message_state, of: receipted_message_id});
});
process.stdin.on("data", () => session.submit_sm({...to, short_message: "again"}, (answer) => {
  say({status: answer.command_status});
  session.unbind(() => { session.close(); process.exit(0); });
}));
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def until(holds, within_s: float = 20.0):
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def texts() -> list[str]:
    return list(Message.objects.order_by("id").values_list("text", flat=True))


def deliver(world) -> None:
    """The carrier takes what is queued, and delivers it."""
    token = leases.take("test")
    claimed = gate.claim(world.link.id, 100, token)
    handoff.handed_off([Sent(one.id, f"id{one.id}", one.of) for one in claimed], token)
    receipts.apply(world.link, [Receipt(f"id{one.id}", "", "delivered") for one in claimed])


def stop(world) -> None:
    inbound.receive(world.link, [InboundText("", numbers.show(ANNA), world.number.address, "Stop")])


@pytest.mark.skipif(not (shutil.which("node") and MODULES), reason="HEED_NODE_MODULES names no folder with npm's smpp.")
def test_npms_smpp(live_world):
    password = add(live_world.account)
    with serving() as front:
        words = ["node", "-e", NODE, str(front.ports[0]), password, json.dumps(TEXTS)]
        with (
            subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "NODE_PATH": MODULES},
            ) as node,
            contextlib.ExitStack() as stack,
        ):
            stack.callback(node.kill)
            assert read(node) == {"bound": 0}
            sent = [read(node) for _ in TEXTS]
            assert [one["status"] for one in sent] == [0] * len(TEXTS)
            assert read(node) == {"sent": True}
            assert texts() == TEXTS
            deliver(live_world)
            told = [read(node) for _ in TEXTS]
            assert [one["of"].strip("\0") for one in told] == [one["id"] for one in sent]
            assert {(one["esm_class"], one["state"]) for one in told} == {(4, 2)}
            stop(live_world)
            assert read(node)["text"] == "Stop"
            node.stdin.write("again\n")
            node.stdin.flush()
            assert read(node) == {"status": 0x0B}
            assert node.wait(10) == 0


def read(node) -> dict[str, object]:
    return json.loads(node.stdout.readline())


class Heard(BaseHTTPRequestHandler):
    """What Kannel's smsbox calls: texts that came in, and receipts."""

    calls: list[tuple[str, dict[str, str]]] = []  # noqa: RUF012  # of the one test

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.calls.append((parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def listener() -> Iterator[int]:
    Heard.calls.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Heard) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.skipif(not shutil.which("bearerbox"), reason="Kannel is not installed.")
def test_kannel(live_world, listener, tmp_path: Path):
    password = add(live_world.account)
    with serving() as front:
        ports = {name: free_port() for name in ("admin", "box", "send")}
        config = tmp_path / "kannel.conf"
        config.write_text(
            KANNEL.format(folder=tmp_path, port=front.ports[0], password=password, listen=listener, **ports)
        )
        boxes = []
        try:
            boxes.append(_box("bearerbox", config, ports["box"]))
            boxes.append(_box("smsbox", config, ports["send"]))
            until(lambda: front.guests and front.guests[0].esme)
            for text in TEXTS:
                _send(ports["send"], listener, text)
            until(lambda: len(texts()) == len(TEXTS))
            assert sorted(texts()) == sorted(TEXTS)
            deliver(live_world)
            until(lambda: [path for path, _ in Heard.calls].count("/receipt/1") >= len(TEXTS))
            stop(live_world)
            until(lambda: any(path == "/in" for path, _ in Heard.calls))
            assert next(call for path, call in Heard.calls if path == "/in")["text"] == "Stop"
            assert Consent.objects.get(sender_id=live_world.number.id).state == "out"
            _send(ports["send"], listener, "again")
            until(lambda: ("/receipt/16", {}) in Heard.calls)  # rejected by the SMSC
            assert Message.objects.order_by("id").last().state == "suppressed"
            until(lambda: not Delivery.objects.exclude(state="delivered").exists())
        finally:
            for box in reversed(boxes):
                box.terminate()
                box.wait(20)


def _box(program: str, config: Path, port: int) -> subprocess.Popen[bytes]:
    """One of Kannel's programs, once it listens."""
    box = subprocess.Popen([shutil.which(program), config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: _listens(port))
    return box


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _send(port: int, listener: int, text: str) -> None:
    wide = {"coding": 2} if any("А" <= char <= "я" for char in text) else {}
    asked = {
        "username": "heed", "password": "heed", "from": "447700900001", "to": "447700900501", "text": text,
        "charset": "UTF-8", "dlr-mask": 31, "dlr-url": f"http://127.0.0.1:{listener}/receipt/%d", **wide,
    }  # fmt: skip
    with urlopen(f"http://127.0.0.1:{port}/cgi-bin/sendsms?{urlencode(asked)}", timeout=10) as answer:
        assert answer.status in (200, 202)
