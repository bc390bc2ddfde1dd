"""From a connection to a ready provider, and the calls that a person waits for.

Those calls have a time-out and stand outside transactions. They run in a thread of their own: the caller's may have an
event loop already.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar  # a coroutine's other types say nothing

from django.conf import settings

from heed.core import connections, reconciliation, refused, sandbox, senders, vault
from heed.core.connections import Change
from heed.core.models import Account, Connection, Reconciliation, Sender
from heed.providers import registry
from heed.providers.base import Field, HandOffError, Misconfigured, NotOffered, Provider
from heed.providers.sandbox import PHONES, Sandbox
from heed.rules import numbers
from heed.rules.values import Health, InventoryNumber, Outgoing, Setup

Result = TypeVar("Result")
InDatabaseThread = Callable[[Callable[[], Result]], Awaitable[Result]]

ANSWERS_WITHIN_S = 15.0  # a carrier that a person waits for
LISTS_WITHIN_S = 120.0  # its opt-outs, page by page
OWN_KINDS = ("sandbox",)  # those that nobody adds: the installation has one


class Refused(refused.Refused):
    """The carrier did not do this."""


class Unusable(Exception):
    """This connection can't be used: its kind is unknown, its secrets can't be read, or its settings can't be right."""


def provider(link: Connection, in_database_thread: InDatabaseThread[str] | None = None) -> Provider:
    """The provider of ``link``. For hand-off it is given the caller's way to the database, off the event loop.

    Raises Unusable.
    """
    if link.kind == "sandbox":
        return _sandbox(link, in_database_thread)
    try:
        made = registry.provider_class(link.kind)(connections.settings_of(link), connections.hook_url(link))
        made.networks = None if link.account_id is None else settings.WEBHOOK_NETWORKS
        made.check()
    except (registry.UnknownKind, vault.Unreadable, Misconfigured) as error:
        raise Unusable(str(error)) from error
    return made


def _sandbox(link: Connection, in_database_thread: InDatabaseThread[str] | None) -> Provider:
    if in_database_thread is None:
        return Sandbox()
    run = in_database_thread

    async def record(outgoing: Outgoing) -> str:
        return await run(lambda: sandbox.record(link.id, outgoing))

    async def failure_for(to: str) -> str:
        return await run(lambda: sandbox.failure_for(to))

    return Sandbox(record, failure_for)


# Setting a connection up


def kinds() -> list[tuple[str, str]]:
    """The kinds that can be added, and what each is called."""
    return [(one.kind, one.title) for one in registry.classes() if one.kind not in OWN_KINDS]


def title(kind: str) -> str:
    """What a kind of carrier is called; its own word for one that this version doesn't know."""
    try:
        return registry.provider_class(kind).title
    except registry.UnknownKind:
        return kind


def fields(kind: str) -> tuple[Field, ...]:
    """What a connection of ``kind`` is asked for. Raises Refused."""
    return _class(kind).fields


def usually_answered(kind: str) -> frozenset[str]:
    """Which of stop, start and help such a carrier answers itself unless it is told not to."""
    return _class(kind).answers


def _class(kind: str) -> type[Provider]:
    try:
        if kind in OWN_KINDS:
            raise registry.UnknownKind("The sandbox is there already.")
        return registry.provider_class(kind)
    except registry.UnknownKind as error:
        raise Refused(str(error), field="kind") from error


def add(
    kind: str, name: str, values: Mapping[str, str], *, answered: Sequence[str], account: Account | None, actor: str
) -> Connection:
    """Add a connection. Raises Refused with the field that is wrong; asks no carrier."""
    return connections.add(kind, _checked(kind, name, values, answered, {}), account=account, actor=actor)


def change(
    link: Connection, name: str, values: Mapping[str, str], *, answered: Sequence[str], actor: str
) -> Connection:
    """Change ``link``; a secret left empty stays. Raises Refused."""
    try:
        standing = connections.settings_of(link)
    except vault.Unreadable:
        standing = {}  # its secrets are typed again
    return connections.change(link, _checked(link.kind, name, values, answered, standing), actor=actor)


def _checked(
    kind: str, name: str, values: Mapping[str, str], answered: Sequence[str], standing: Mapping[str, str]
) -> Change:
    made = _class(kind)
    known = {field.name: field for field in made.fields}
    if unknown := sorted(set(values) - set(known)):
        raise Refused(f"{made.title} has no setting “{unknown[0]}”. It has {', '.join(known)}.", field=unknown[0])
    given: dict[str, str] = {}
    for field in made.fields:
        value = values.get(field.name, "" if field.is_secret else standing.get(field.name, field.default)).strip()
        if field.is_secret and not value:
            value = standing.get(field.name, "")
        if field.is_required and not value:
            raise Refused(f"{field.label} is missing.", field=field.name)
        if field.choices and value not in field.choices:
            raise Refused(f"{field.label} is one of {', '.join(field.choices)}.", field=field.name)
        given[field.name] = value
    try:
        made(given).check()
    except Misconfigured as error:
        raise Refused(error.words) from error
    return Change(name, given, {field.name for field in made.fields if field.is_secret}, answered)


# Asking a carrier


def ask(
    link: Connection,
    question: Callable[[Provider], Coroutine[Any, Any, Result]],
    within_s: float = ANSWERS_WITHIN_S,
) -> Result:
    """What the carrier answers to ``question``. Raises Refused with its words, or ours when there are none."""
    answers: list[Result] = []
    problems: list[Exception] = []

    async def asked() -> Result:
        made = provider(link)
        try:
            return await asyncio.wait_for(question(made), within_s)
        finally:
            await made.close()

    def run() -> None:
        try:
            answers.append(asyncio.run(asked()))
        except Exception as error:
            problems.append(error)

    thread = threading.Thread(target=run, name="asking-a-carrier", daemon=True)
    thread.start()
    thread.join(within_s + 2)
    if answers:
        return answers[0]
    raise _refusal(problems[0] if problems else TimeoutError())


def _refusal(problem: Exception) -> Exception:
    match problem:
        case HandOffError():
            return Refused(problem.words, code="carrier")
        case NotOffered():
            return Refused("This carrier's API does not offer this.", code="not_offered")
        case Unusable():
            return Refused(str(problem), code="unusable")
        case TimeoutError():
            return Refused("The carrier did not answer in time.", code="carrier")
    return problem


def health(link: Connection) -> Health:
    """What the carrier says of our credentials. Raises Refused where its API can't be asked."""
    return ask(link, lambda one: one.health())


def confirm(link: Connection, setup: Setup) -> None:
    """Say to the carrier that a hook is ours, when it asks. Raises Refused."""
    ask(link, lambda one: one.confirm(setup))


def inventory(link: Connection, country: str = "", digits: str = "", limit: int = 50) -> list[InventoryNumber]:
    """Up to ``limit`` numbers that ``link`` sells and nobody here has, in order. Raises Refused."""
    taken = set(Sender.objects.filter(closed_at=None, connection=link).values_list("key", flat=True))
    country = country.strip().upper()
    found = ask(link, lambda one: one.inventory(country, digits, limit + len(taken)))
    return [one for one in found if one.phone_number not in taken][:limit]


def countries(link: Connection) -> Sequence[str]:
    """Where ``link`` sells numbers, as two letters each; nowhere if it can't be used."""
    try:
        return provider(link).countries()
    except Unusable:
        return ()


def sellers(account: Account) -> list[Connection]:
    """The connections that ``account`` may buy numbers from: its own first, the sandbox last."""
    sandbox.connection_of()
    running = connections.of(account).filter(stopped_at=None)
    found = [link for link in running if countries(link)]
    return sorted(found, key=lambda link: (link.kind in OWN_KINDS, link.account_id is None, link.id))


def buy(account: Account, number: int, link: Connection, *, actor: str) -> Sender:
    """Buy ``number`` from ``link`` for ``account``. Raises Refused, or senders.Refused when it is somebody's."""
    senders.refuse_taken(account, number)
    if link.kind not in OWN_KINDS:
        ask(link, lambda one: one.buy(numbers.show(number)))
    elif not sells(link, number):
        raise Refused("This number is not for sale.", code="not_for_sale", field="phone_number")
    return senders.take_number(account, number, link, actor=actor)


def add_number(account: Account, number: int, link: Connection, *, actor: str) -> tuple[Sender, bool]:
    """Give ``account`` a number that it has at the carrier of ``link`` already, and whether its texts come here now.

    Where the carrier's API does not point them here, a person does. Raises Refused, or senders.Refused.
    """
    if link.kind in OWN_KINDS:
        raise Refused("The sandbox's numbers are bought.", code="not_yours", field="connection")
    if numbers.is_fictional(number):
        raise Refused("This number is reserved for fiction.", code="fictional", field="phone_number")
    senders.refuse_taken(account, number)
    points_here = True
    try:
        ask(link, lambda one: one.adopt(numbers.show(number)))
    except Refused as error:
        if error.code != "not_offered":
            raise
        points_here = False
    return senders.take_number(account, number, link, actor=actor), points_here


def sells(link: Connection, number: int) -> bool:
    """Whether ``number`` is in the inventory of ``link``."""
    address, country = numbers.show(number), numbers.region_of(number) or ""
    found = ask(link, lambda one: one.inventory(country, str(number), 10))
    return any(one.phone_number == address for one in found)


def phones(link: Connection) -> range:
    """The simulated phones of a sandbox connection."""
    return PHONES if link.kind == "sandbox" else range(0)


# Opt-outs that the carrier keeps too


def reconcile(link: Connection) -> Reconciliation:
    """Take in whom the carrier keeps from our messages, and give it ours where its API takes them.

    Committed on return. What the carrier refuses or does not offer is said by ``words``; it is not raised.
    """
    try:
        listed = ask(link, lambda one: one.opt_outs(), LISTS_WITHIN_S)
    except Refused as error:
        return reconciliation.note(link, None, str(error))
    drift, words = reconciliation.take_in(link, listed), ""
    for page in reconciliation.missing(link, listed):
        drift.missing += len(page)
        if words:
            continue  # it took none of the last page; this one is counted
        try:
            ask(link, lambda one, page=page: one.push(page), LISTS_WITHIN_S)  # type: ignore[misc]
            drift.pushed += len(page)
        except Refused as error:
            words = str(error)
    return reconciliation.note(link, drift, words)
