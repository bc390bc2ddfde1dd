"""A gateway's HTTP interface that takes every message, on the listening socket that it is given."""

from __future__ import annotations

import asyncio
import socket
import sys

from aiohttp import web


async def main() -> None:
    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=202, text="0: Accepted for delivery")

    app = web.Application()
    app.router.add_post("/cgi-bin/sendsms", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, socket.socket(fileno=int(sys.argv[1]))).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
