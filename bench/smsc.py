"""A stub SMSC to measure against, in a process of its own: it answers as fast as it can and sends receipts or STOPs.

``submits N``: take binds and N messages, each with its receipt; print how many a second it was given, from the first one on.
``texts N TO``: after the bind, bring N STOPs to TO, WINDOW at a time; print how many a second were acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time

from heed.providers.smpp import pdu
from heed.providers.smpp.pdu import DeliverSm, Frames

PEOPLE_FROM = 447_000_000_000  # made-up people, as in bench.installation
WINDOW = 500  # texts that wait for their acknowledgement
HEADER = struct.Struct(">IIII")
SUBMIT, DELIVER_RESP, ENQUIRE = 4, 0x8000_0005, 0x15
BINDS = (1, 2, 9)
RECEIPT = "id:{} sub:001 dlvrd:001 submit date:2611241200 done date:2611241200 stat:DELIVRD err:000 text:"


class Smsc(asyncio.Protocol):
    def __init__(self, mode: str, count: int, to: str, done: asyncio.Future[float]) -> None:
        self.mode, self.count, self.to, self.done = mode, count, to, done
        self.seen = self.sequence = self.sent = 0
        self.began = 0.0
        self.frames = Frames()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        out: list[bytes] = []
        for raw in self.frames.feed(data):
            _, command, status, sequence = HEADER.unpack_from(raw)
            if command == SUBMIT:
                self.submitted(raw, sequence, out)
            elif command == DELIVER_RESP:
                self.acknowledged(status, out)
            elif command in BINDS:
                out.append(HEADER.pack(21, command | pdu.RESPONSE, 0, sequence) + b"stub\0")
                if self.mode == "texts":
                    self.began = time.perf_counter()
                    self.bring(WINDOW, out)
            elif not command & pdu.RESPONSE:
                out.append(HEADER.pack(16, command | pdu.RESPONSE, 0, sequence))
        self.transport.write(b"".join(out))

    def submitted(self, raw: bytes, sequence: int, out: list[bytes]) -> None:
        self.began = self.began or time.perf_counter()
        self.seen += 1
        id_ = f"{self.seen:x}"
        out.append(HEADER.pack(17 + len(id_), SUBMIT | pdu.RESPONSE, 0, sequence) + id_.encode() + b"\0")
        body = pdu.decode(raw).body
        assert isinstance(body, pdu.SubmitSm)  # noqa: S101
        if body.registered_delivery:
            self.sequence += 1
            receipt = DeliverSm(esm_class=4, source=body.destination, short_message=RECEIPT.format(id_).encode())
            out.append(pdu.encode(receipt, self.sequence))
        if self.seen == self.count:
            self.done.set_result(self.count / (time.perf_counter() - self.began))

    def bring(self, many: int, out: list[bytes]) -> None:
        for _ in range(min(many, self.count - self.sent)):
            self.sent += 1
            body = DeliverSm(
                source_ton=1, source=str(PEOPLE_FROM + self.sent), destination_ton=1, destination=self.to,
                short_message=b"STOP",
            )  # fmt: skip
            out.append(pdu.encode(body, self.sent))

    def acknowledged(self, status: int, out: list[bytes]) -> None:
        if self.mode != "texts":
            return
        if status:
            raise SystemExit(f"A STOP was answered with {status:#x}.")
        self.seen += 1
        self.bring(1, out)
        if self.seen == self.count:
            self.done.set_result(self.count / (time.perf_counter() - self.began))


async def main(port: int, mode: str, count: int, to: str) -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[float] = loop.create_future()
    one = Smsc(mode, count, to, done)
    await loop.create_server(lambda: one, "127.0.0.1", port)
    print(json.dumps({"rate": await done}), flush=True)
    await asyncio.sleep(3600)  # receipts are still answered; whoever measures ends this process


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else ""))
