"""Phones that text STOP over HTTP as fast as they are answered. Run as a process of its own: it prints latencies.

``python -m bench.phones URL TO COUNT CONNECTIONS FIRST`` sends COUNT texts, each from a phone of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit


async def main(url: str, to: str, count: int, connections: int, first: int) -> None:
    parts = urlsplit(url)
    phones = iter(range(first, first + count))
    latencies: list[float] = []
    failures = 0

    async def connection() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
        )
        for phone in phones:
            body = json.dumps({"id": f"b{phone}", "from": f"+{phone}", "to": to, "text": "STOP"})
            began = time.perf_counter()
            writer.write(f"{head}{len(body)}\r\n\r\n{body}".encode())
            if not await _is_ok(reader):
                failures += 1
            latencies.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    took = time.perf_counter() - began
    print(json.dumps({"rate": count / took, "failures": failures, "latencies": sorted(latencies)}))


async def _is_ok(reader: asyncio.StreamReader) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"transfer-encoding: chunked" in head:
        while size := int((await reader.readline()).strip(), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    else:
        at = head.index(b"content-length: ") + 16
        await reader.readexactly(int(head[at : head.index(b"\r", at)]))
    return head.startswith(b"http/1.1 200")


if __name__ == "__main__":
    _, url, to, *rest = sys.argv
    asyncio.run(main(url, to, *map(int, rest)))
