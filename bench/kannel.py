"""Kannel from Debian beside ours, where it is installed: bearerbox with its file spool, and the same stub SMSC."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp

CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = bench
smsbox-port = {smsbox}
log-file = "{folder}/bearerbox.log"
log-level = 3
store-type = spool
store-location = "{folder}/spool"
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = stub
host = 127.0.0.1
port = {port}
transceiver-mode = true
smsc-username = bench
smsc-password = bench
system-type = ""
max-pending-submits = 100
reconnect-delay = 1
log-level = 3

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
log-file = "{folder}/smsbox.log"
log-level = 3

group = sendsms-user
username = bench
password = bench
max-messages = 10
concatenation = true

group = sms-service
keyword = default
text = ""
max-messages = 0
catch-all = true
"""


def is_installed() -> bool:
    return bool(shutil.which("bearerbox", path=PATH) and shutil.which("smsbox", path=PATH))


PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def running(port: int) -> Iterator[int]:
    """Both boxes, with an SMSC to be at ``port``; where messages are posted."""
    with tempfile.TemporaryDirectory(prefix="heed-kannel-") as folder, contextlib.ExitStack() as stack:
        ports = {name: free_port() for name in ("admin", "smsbox", "sendsms")}
        (Path(folder) / "spool").mkdir()
        file = Path(folder) / "kannel.conf"
        file.write_text(CONFIGURATION.format(folder=folder, port=port, **ports))
        for program, waits_for in (("bearerbox", ports["smsbox"]), ("smsbox", ports["sendsms"])):
            process = subprocess.Popen(
                [shutil.which(program, path=PATH) or program, "-v", "4", str(file)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            _wait_for(waits_for)
        yield ports["sendsms"]


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("Kannel does not start.")


def fill(sendsms: int, count: int, first: int) -> None:
    """Have Kannel queue ``count`` messages, as its users' programs do."""

    async def post() -> None:
        numbers = iter(range(first, first + count))

        async def some(client: aiohttp.ClientSession) -> None:
            for number in numbers:
                query = {"username": "bench", "password": "bench", "from": "447700900001", "to": str(number)}
                query |= {"text": "Hello", "dlr-mask": "3"}
                async with client.get(f"http://127.0.0.1:{sendsms}/cgi-bin/sendsms", params=query) as answer:
                    if answer.status != 202:
                        raise SystemExit(f"Kannel answers {answer.status}.")

        async with aiohttp.ClientSession() as client:
            await asyncio.gather(*(some(client) for _ in range(16)))

    asyncio.run(post())
