"""A carrier that is down for an hour costs nothing but time."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F, Sum
from standin import Reply, stand_in

from heed import carriers, clock
from heed.core import handoff, inbound, leases, outbound, queued, senders
from heed.core.models import Message
from heed.core.outbound import Draft
from heed.rules import numbers
from heed.rules.states import MessageState
from heed.rules.values import InboundText
from heed.workers import dispatcher
from heed.workers.dispatcher import Dispatcher, Pump

HOUR_S = 3600
PEOPLE = range(447700900500, 447700900540)
LEAVING = {447700900505, 447700900539}


class Clock:
    """Time passes when somebody sleeps. What waits in the database comes nearer as much, and the worker moves it."""

    def __init__(self) -> None:
        self.now = clock.seconds()
        self._not_yet_in_database = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._not_yet_in_database += seconds

    def catch_up(self, every_s: float = 15.0) -> None:
        if self._not_yet_in_database >= every_s:
            passed = timedelta(seconds=self._not_yet_in_database)
            Message.objects.filter(state=MessageState.WAITING).update(due_at=F("due_at") - passed)
            self._not_yet_in_database = 0.0
            queued.move_due()


def kannel(world, url):
    values = {"url": url, "username": "heed", "password": "quiet-river", "secret": "river"}
    return carriers.add("kannel", "Kannel", values, answered=(), account=None, actor="test")


def closed_port():
    """An address that refuses connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/cgi-bin/sendsms"


@pytest.fixture
def pump_of(live_world, monkeypatch):
    """Runs ``steps`` with a pump of ``link``, on a clock of its own."""
    monkeypatch.setattr(handoff, "may_be_handed", lambda kind, address: True)  # the stand-in is no carrier
    time = Clock()
    monkeypatch.setattr(clock, "seconds", lambda: time.now)

    async def sleep(process, seconds):
        time.sleep(seconds)
        await process.database(time.catch_up)

    monkeypatch.setattr(Dispatcher, "sleep", sleep)
    for name in ("IDLE_S", "WATCH_EVERY_S"):  # of that clock's seconds: the fewer steps, the sooner the hour is over
        monkeypatch.setattr(dispatcher, name, 10.0)

    def run(link, steps):
        async def main():
            process = Dispatcher()
            process.token = await process.database(lambda: leases.take("test"))
            pump = Pump(process, link)
            try:
                await steps(pump, time)
            finally:
                await pump.provider.close()
                await process.database(lambda: connection.close())  # this thread's
                process._thread.shutdown()

        asyncio.run(main())

    return run


async def pass_time(pump, time, until):
    """What ``Pump.run`` does, until ``until`` says that it is enough."""
    after, head_at = (-1, 0), time.now
    while not until():
        assert not pump.is_stopped
        await pump._report()
        after, head_at = await pump._pump(after, head_at)
    if pump.in_flight:
        await asyncio.wait(pump.in_flight)
    await pump._report()


def test_a_carrier_that_is_down_for_an_hour_costs_nothing_but_time(live_world, pump_of):
    link = kannel(live_world, closed_port())
    number = senders.take_number(live_world.account, 447700900009, link, actor="test")
    drafts = [Draft(phone, numbers.show(phone), "Hello!") for phone in PEOPLE]
    outbound.queue(number, drafts, door="command", actor="test")

    def tries():
        return Message.objects.filter(sender=number).aggregate(Sum("tries"))["tries__sum"]

    def leave():
        stops = [InboundText(str(phone), numbers.show(phone), number.address, "STOP") for phone in LEAVING]
        inbound.receive(link, stops)

    def is_over():
        open_ = (MessageState.QUEUED, MessageState.SENDING, MessageState.WAITING)
        return not Message.objects.filter(sender=number, state__in=open_).exists()

    async def steps(pump, time):
        began = time.now
        await pass_time(pump, time, lambda: time.now > began + HOUR_S / 2)
        await pump.dispatcher.database(leave)
        await pass_time(pump, time, lambda: time.now > began + HOUR_S)
        tried = await pump.dispatcher.database(tries)
        assert HOUR_S / 60 < tried < HOUR_S / 20 + len(PEOPLE), "it knocks, and no more than every 30 s"
        with stand_in(Reply(202, "kannel/accepted.txt")) as carrier:
            pump.provider.settings["url"] = f"{carrier.url}/cgi-bin/sendsms"
            back = time.now
            while not await pump.dispatcher.database(is_over):
                await pass_time(pump, time, lambda until=time.now + 60: time.now > until)
                assert time.now < back + HOUR_S / 3
            reached = sorted(int(asked.headers["X-Kannel-To"]) for asked in carrier.asked)
        assert reached == sorted(set(PEOPLE) - LEAVING), "each once, and nobody who left"

    pump_of(link, steps)
    states = dict(Message.objects.filter(sender=number).values_list("recipient", "state"))
    assert {phone for phone, state in states.items() if state == "suppressed"} == LEAVING
    assert {state for phone, state in states.items() if phone not in LEAVING} == {"sent"}
