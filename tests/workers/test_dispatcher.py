"""The dispatcher, in this process: what it hands off, and what it keeps in mind until the database takes it."""

from __future__ import annotations

import asyncio

import people
import pytest
from django.db import DatabaseError, connection

from heed import clock
from heed.core import connections, consent, gate, leases, outbound, queued, sandbox
from heed.core.consent import Cause
from heed.core.models import Message, MessagePart, SandboxDelivery, Source
from heed.core.outbound import Draft
from heed.providers.base import WINDOW, MaybeSent, Postponed, Provider, Throttled, TooLate, Unreachable
from heed.providers.sandbox import Sandbox
from heed.rules import numbers
from heed.rules.values import HandedOff, InboundText, Outgoing, Receipt
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
        assert pump.window == pump.widest // 2
        for _ in range(pump.widest):
            await pump._report()
        assert pump.window == pump.widest == WINDOW

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
        await pump._hand_off(claimed, clock.seconds() - 0.001)
        assert pump.late == [id_]
        with pytest.raises(TooLate):
            await pump.provider.submit(Outgoing("x", "ACME", claimed.address, claimed.text), clock.seconds() - 0.001)
        await pump._report()

    run(live_world, steps)
    assert Message.objects.get(id=id_).state == "queued"
    assert not SandboxDelivery.objects.exists()


def test_what_a_slow_carrier_leaves_no_time_for_goes_back_and_less_is_claimed(live_world):
    """It is no failure: nothing waits longer and longer for it, and no try is counted."""
    id_ = queue(live_world.number, people.ANNA)

    async def steps(pump):
        pump.provider = InParts({1: TooLate()})
        await hand_off(pump)
        await pump._report()
        assert pump.window == pump.widest // 2
        message = await pump.dispatcher.database(lambda: Message.objects.get(id=id_))
        assert (message.state, message.tries, message.due_at) == ("queued", 0, None)
        await hand_off(pump)
        await pump._report()

    run(live_world, steps)
    assert Message.objects.get(id=id_).state == "sent"


@pytest.mark.parametrize(("failure", "others_wait"), [(Postponed(), False), (Unreachable(), True)])
def test_what_a_carrier_takes_later_holds_up_no_other(live_world, failure, others_wait):
    id_ = queue(live_world.number, people.ANNA)

    async def steps(pump):
        pump.provider = InParts({1: failure})
        await hand_off(pump)
        await pump._report()
        assert (pump.paused_until > clock.seconds()) is others_wait
        assert bool(pump.knocks) is others_wait

    run(live_world, steps)
    message = Message.objects.get(id=id_)
    assert (message.state, message.tries) == ("waiting", 1)


class InParts(Provider):
    """A carrier that takes parts of three letters; ``fails`` says at which part, and how."""

    def __init__(self, fails=None):
        super().__init__()
        self.taken, self.fails = [], fails or {}

    def parts(self, text):
        return [text[at : at + 3] for at in range(0, len(text), 3)]

    async def submit(self, part, before):
        if part.number in self.fails:
            raise self.fails.pop(part.number)
        self.taken.append((part.number, part.count, part.text))
        return HandedOff(f"id-{part.number}")


def test_parts_leave_in_order_under_one_claim(live_world):
    id_ = queue(live_world.number, people.ANNA)
    carrier = InParts()

    async def steps(pump):
        pump.provider = carrier
        await hand_off(pump)
        await pump._report()

    run(live_world, steps)
    assert carrier.taken == [(1, 2, "Hel"), (2, 2, "lo!")]
    message = Message.objects.get(id=id_)
    assert (message.state, message.provider_id) == ("sent", "id-1")
    parts = MessagePart.objects.filter(message_id=id_).order_by("number")
    assert [(part.number, part.provider_id) for part in parts] == [(1, "id-1"), (2, "id-2")]


@pytest.mark.parametrize("failure", [Throttled(0), TooLate()], ids=["throttled", "too late"])
def test_only_parts_not_yet_accepted_are_tried_again(live_world, failure):
    id_ = queue(live_world.number, people.ANNA)
    carrier = InParts({2: failure})

    async def steps(pump):
        pump.provider = carrier
        await hand_off(pump)
        await pump._report()
        assert await pump.dispatcher.database(lambda: Message.objects.get(id=id_).parts_sent) == 1
        await pump.dispatcher.database(queued.move_due)
        await hand_off(pump)
        await pump._report()

    run(live_world, steps)
    assert [number for number, _, _ in carrier.taken] == [1, 2]
    message = Message.objects.get(id=id_)
    assert (message.state, message.provider_id) == ("sent", "id-1")
    assert MessagePart.objects.filter(message_id=id_).count() == 2


def test_a_part_that_waited_asks_the_gate_again_and_the_rest_is_dropped(live_world):
    id_ = queue(live_world.number, people.ANNA)
    carrier = InParts({2: Unreachable()})

    async def steps(pump):
        pump.provider = carrier
        await hand_off(pump)
        await pump._report()
        await pump.dispatcher.database(
            lambda: consent.opt_out(live_world.account.id, 0, people.ANNA, Cause(Source.CONSOLE))
        )
        await pump.dispatcher.database(lambda: Message.objects.filter(id=id_).update(state="queued", due_at=None))
        pump.paused_until = 0.0  # a second later
        await hand_off(pump)
        await pump._report()

    run(live_world, steps)
    assert [number for number, _, _ in carrier.taken] == [1]
    message = Message.objects.get(id=id_)
    assert (message.state, message.reason) == ("suppressed", "partly_sent")


def test_a_part_whose_answer_is_lost_leaves_the_message_unconfirmed(live_world):
    id_ = queue(live_world.number, people.ANNA)
    carrier = InParts({2: MaybeSent()})

    async def steps(pump):
        pump.provider = carrier
        await hand_off(pump)
        await pump._report()

    run(live_world, steps)
    message = Message.objects.get(id=id_)
    assert (message.state, message.parts_sent) == ("unconfirmed", 1)


class Kept(Provider):
    """A carrier with a session, which takes nothing now."""

    kind, has_session = "sandbox", True

    def room(self):
        return 0


def test_a_session_has_one_dispatcher_at_a_time(live_world, monkeypatch):
    monkeypatch.setattr(dispatcher.carriers, "provider", lambda link, database: Kept())

    async def steps(pump):
        process = pump.dispatcher
        other = await process.database(lambda: leases.take("test"))
        assert await process.database(lambda: connections.hold(live_world.link, other))
        assert await process._pump(live_world.link) is None
        await process.database(lambda: leases.end(other))
        assert await process._pump(live_world.link) is not None

    run(live_world, steps)


def test_nothing_is_claimed_for_a_carrier_without_room(live_world):
    id_ = queue(live_world.number, people.ANNA)

    async def steps(pump):
        pump.provider = Kept()
        await pump._pump((-1, 0), 0.0)
        assert await pump.dispatcher.database(lambda: Message.objects.get(id=id_).state) == "queued"

    run(live_world, steps)


def test_what_a_session_brings_is_committed_before_it_is_told_so(live_world):
    id_ = queue(live_world.number, people.ANNA)
    told = []

    class WithSession(Sandbox):
        has_session = True

        async def run(self, receive):
            stop = InboundText("m1", numbers.show(people.BEN), live_world.number.address, "STOP")
            told.append(await receive([stop, Receipt("sandbox-1", "", "delivered")]))
            await asyncio.sleep(60)

    async def steps(pump):
        session = WithSession(pump.provider._record, pump.provider._failure_for)
        await hand_off(pump)
        await pump._report()
        pump.provider = session
        pump.dispatcher.stopping.clear()
        running = asyncio.create_task(pump.run())
        while not told:
            await asyncio.sleep(0.01)
        pump.dispatcher.stopping.set()
        await running

    run(live_world, steps)
    assert told == [[True, True]]
    assert gate.may_send(live_world.account.id, live_world.number.id, [people.BEN])
    assert Message.objects.get(id=id_).state in ("sent", "delivered")


def test_a_connection_that_staff_stopped_still_brings_texts(live_world):
    """Its session is kept, and nothing is claimed."""
    queue(live_world.number, people.ANNA)
    connections.stop(live_world.link, actor="test")
    told = []

    class WithSession(Kept):
        def room(self):
            return 1

        async def run(self, receive):
            told.append(await receive([InboundText("m1", numbers.show(people.BEN), live_world.number.address, "STOP")]))
            await asyncio.sleep(60)

    async def steps(pump):
        process = pump.dispatcher
        (link,) = await process.database(dispatcher._kept)
        pump.link, pump.provider = link, WithSession()
        running = asyncio.create_task(pump.run())
        while not told:
            await asyncio.sleep(0.01)
        process.stopping.set()
        await running

    run(live_world, steps)
    assert gate.may_send(live_world.account.id, live_world.number.id, [people.BEN])
    assert Message.objects.get().state == "queued"
