"""A carrier's API on loopback: it answers what it was told, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

PAYLOADS = Path(__file__).parent / "providers/payloads"


def payload(name: str) -> bytes:
    """What a carrier really sent, as it is kept in ``payloads/``; without the line end of the file."""
    return (PAYLOADS / name).read_bytes().rstrip(b"\n")


@dataclass(frozen=True)
class Reply:
    """One answer. ``file`` is a payload; ``body`` may be JSON or bytes. ``fault`` is how it fails instead:

    ``close`` breaks off once it has the request, ``cut`` in the middle of the body, ``hang`` never answers.
    """

    status: int = 200
    file: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""

    @property
    def content(self) -> bytes:
        if self.file:
            return payload(self.file)
        return (
            self.body if isinstance(self.body, bytes) else b"" if self.body is None else json.dumps(self.body).encode()
        )


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)


class StandIn:
    """``replies`` are given in order, the last one for ever."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[Asked] = []
        self.url = ""
        self.over = asyncio.Event()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(Asked(request.method, request.path, dict(request.query), request.headers, body))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.fault == "hang":
            await self.over.wait()
        if reply.fault == "close":
            assert request.transport
            request.transport.abort()
        if reply.fault == "cut":
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b"{")
            assert request.transport
            request.transport.close()
            return response
        return web.Response(status=reply.status, body=reply.content, headers=dict(reply.headers))

    async def serve(self, started: threading.Event) -> None:
        app = web.Application(client_max_size=2**21)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set()
        await self.over.wait()
        await runner.cleanup()


@contextmanager
def stand_in(*replies: Reply) -> Iterator[StandIn]:
    """A carrier that gives ``replies``, in a thread of its own, so that any client can talk to it."""
    carrier, started, loop = StandIn(*replies), threading.Event(), asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(carrier.serve(started)), daemon=True)
    thread.start()
    assert started.wait(5)
    try:
        yield carrier
    finally:
        loop.call_soon_threadsafe(carrier.over.set)
        thread.join(5)
        loop.close()
