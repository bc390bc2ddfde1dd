"""The dispatcher, in this process: what it hands off, and what it keeps in mind until the database takes it."""

from __future__ import annotations

import asyncio
import time

import people
import pytest
from django.db import DatabaseError, connection

from heed.core import gate, leases, outbound, sandbox
from heed.core.models import Message, SandboxDelivery
from heed.core.outbound import Draft
from heed.providers.base import Unreachable
from heed.rules import numbers
from heed.rules.values import Outgoing
from heed.workers import dispatcher
from heed.workers.dispatcher import Dispatcher, Pump


def queue(sender, phone):
    draft = Draft(phone, numbers.show(phone), "Hello!")
    return outbound.queue(sender, [draft], door="command", actor="test")[0].id


def run(world, steps):
    """Run ``steps`` on a pump of the sandbox, with a lease, in an event loop of its own."""

    async def main():
        process = Dispatcher()
        process.token = await process.database(lambda: leases.take("test"))
        pump = Pump(process, world.link)
        try:
            await steps(pump)
        finally:
            await process.database(_close)
            process._thread.shutdown()

    asyncio.run(main())


def _close():
    from django.db import connection

    connection.close()


async def hand_off(pump):
    await pump._pump((-1, 0), 0.0)
    await asyncio.gather(*pump.in_flight)


def test_a_failure_that_can_not_be_written_down_is_kept_until_it_can(live_world):
    id_ = queue(live_world.number, people.ANNA)
    sandbox.fail(people.ANNA, "refused", 1)
    broken = True

    async def steps(pump):
        nonlocal broken
        written = pump.dispatcher.database

        async def database(verb):
            if broken and getattr(verb, "func", None) is not None:
                raise DatabaseError("The database is away.")
            return await written(verb)

        await hand_off(pump)
        pump.dispatcher.database = database
        with pytest.raises(DatabaseError):
            await pump._report()
        broken = False
        await pump._report()

    run(live_world, steps)
    message = Message.objects.get(id=id_)
    assert (message.state, message.code) == ("failed", "30003")


def test_what_could_not_begin_goes_back_and_leaves_later(live_world):
    id_ = queue(live_world.number, people.ANNA)

    async def steps(pump):
        pump.is_stopped = True
        await hand_off(pump)
        pump.is_stopped = False
        await pump._report()
        assert await pump.dispatcher.database(lambda: Message.objects.get(id=id_).state) == "queued"
        await hand_off(pump)
        await pump._report()

    run(live_world, steps)
    assert Message.objects.get(id=id_).state == "sent"
    assert SandboxDelivery.objects.filter(to=people.ANNA).count() == 1


def test_it_claims_less_while_some_come_too_late(live_world):
    for _ in range(3):
        queue(live_world.number, people.ANNA)

    async def steps(pump):
        pump.is_stopped = True
        await hand_off(pump)
        pump.is_stopped = False
        await pump._report()
        assert pump.window == dispatcher.WINDOW // 2
        for _ in range(dispatcher.WINDOW):
            await pump._report()
        assert pump.window == dispatcher.WINDOW

    run(live_world, steps)


@pytest.mark.parametrize(
    ("failure", "state", "delivered"),
    [
        ("refused", "failed", 0),
        ("opted_out", "suppressed", 0),
        ("throttled", "waiting", 0),
        ("unreachable", "waiting", 0),
        ("maybe_sent", "unconfirmed", 1),
        ("misconfigured", "queued", 0),
    ],
)
def test_each_way_to_fail_has_its_end(live_world, failure, state, delivered):
    id_ = queue(live_world.number, people.ANNA)
    sandbox.fail(people.ANNA, failure, 1)

    async def steps(pump):
        await hand_off(pump)
        await pump._report()

    run(live_world, steps)
    assert Message.objects.get(id=id_).state == state
    assert SandboxDelivery.objects.filter(to=people.ANNA).count() == delivered


def test_if_the_gate_can_not_be_asked_nothing_is_sent(live_world):
    id_ = queue(live_world.number, people.ANNA)

    def refuse(execute, sql, params, many, context):
        if "core_consent" in sql:
            raise DatabaseError("The opt-outs can't be read.")
        return execute(sql, params, many, context)

    async def steps(pump):
        database = pump.dispatcher.database

        async def refused(verb):
            def run():
                with connection.execute_wrapper(refuse):
                    return verb()

            return await database(run)

        pump.dispatcher.database = refused
        with pytest.raises(DatabaseError):
            await hand_off(pump)
        pump.dispatcher.database = database
        assert await database(lambda: Message.objects.get(id=id_).state) == "queued"
        assert not await database(SandboxDelivery.objects.exists)
        await hand_off(pump)
        await pump._report()

    run(live_world, steps)
    assert Message.objects.get(id=id_).state == "sent"


def test_a_hand_off_that_comes_too_late_is_not_begun(live_world):
    """The second begins before the claim's statement is sent; a carrier that is asked after it is not asked."""
    id_ = queue(live_world.number, people.ANNA)

    async def steps(pump):
        (claimed,) = await pump.dispatcher.database(lambda: gate.claim(live_world.link.id, 10, pump.dispatcher.token))
        await pump._hand_off(claimed, time.monotonic() - 0.001)
        assert pump.late == [id_]
        with pytest.raises(Unreachable):
            await pump.provider.submit(Outgoing("x", "ACME", claimed.address, claimed.text), time.monotonic() - 0.001)
        await pump._report()

    run(live_world, steps)
    assert Message.objects.get(id=id_).state == "queued"
    assert not SandboxDelivery.objects.exists()
