"""ESMEs: the programs that may bind to Heed by SMPP, as whom, from where, and how much they may ask for at a time."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from ipaddress import ip_address, ip_network

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import QuerySet

from heed.core import audit, database, refused
from heed.core.models import Account, Endpoint, EndpointStyle, Esme, EsmeAlphabet, Subscription

INVALID_DESTINATION = 0x0B
MOST_ESMES, MOST_NETWORKS = 50, 50
MOST = {"refusal": 0xFFFF, "most_binds": 50, "window": 1000, "rate": 10_000}
LEAST = {"refusal": 0, "most_binds": 1, "window": 1, "rate": 0}
PASSWORD_LENGTH = 8  # SMPP 3.4 has room for no more (5.2.2)
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that look alike
INBOUND = "inbound"


class Refused(refused.Refused):
    """This ESME can't be kept."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What may be changed of an ESME; None leaves it as it is, or as new ones are."""

    alphabet: str | None = None
    refusal: int | None = None
    networks: Sequence[str] | None = None
    most_binds: int | None = None
    window: int | None = None
    rate: int | None = None
    takes_inbound: bool | None = None


NEW = Setting(EsmeAlphabet.GSM_7, INVALID_DESTINATION, (), 4, 100, 100, True)


def of(account: Account) -> QuerySet[Esme]:
    """The account's ESMEs, newest first."""
    return Esme.objects.filter(account=account, removed_at=None).select_related("endpoint").order_by("-id")


def add(account: Account, system_id: str, setting: Setting, *, actor: str) -> tuple[Esme, str]:
    """A new ESME and its password, which is shown this once. Raises Refused."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,15}", system_id):
        raise Refused("A system_id has 1 to 15 letters, digits, dots, hyphens or underscores.", field="system_id")
    given = _checked(_over(NEW, setting))
    password, hashed = _new_password()
    with transaction.atomic(durable=True):
        Account.objects.select_for_update().get(pk=account.pk)
        if of(account).count() >= MOST_ESMES:
            raise Refused(f"An account has at most {MOST_ESMES} ESMEs.", code="too_many")
        if Esme.objects.filter(system_id=system_id, removed_at=None).exists():
            raise Refused("This system_id is taken.", code="taken", field="system_id")
        endpoint = Endpoint.objects.create(account=account, style=EndpointStyle.SMPP, url=f"smpp:{system_id}")
        esme = Esme(account=account, endpoint=endpoint, system_id=system_id, password=hashed)
        _set(esme, given)
        audit.note(account.id, actor, "esme.add", system_id, **_told(given))
    return esme, password


def change(esme: Esme, setting: Setting, *, actor: str) -> Esme:
    """Apply ``setting``; the front takes it up within seconds. Raises Refused."""
    given = _checked(setting)
    with transaction.atomic(durable=True):
        esme = _locked(esme)
        _set(esme, given)
        audit.note(esme.account_id, actor, "esme.change", esme.system_id, **_told(given))
    return esme


def change_password(esme: Esme, *, actor: str) -> str:
    """A new password, shown this once. Its binds are ended, and need the new one."""
    password, hashed = _new_password()
    with transaction.atomic(durable=True):
        Esme.objects.filter(pk=esme.pk, removed_at=None).update(password=hashed)
        audit.note(esme.account_id, actor, "esme.password", esme.system_id)
    return password


def remove(esme: Esme, *, actor: str) -> None:
    """Let it bind no more. What it submitted goes its way; what waited for it is told to nobody."""
    with transaction.atomic(durable=True):
        now = database.now()
        if Esme.objects.filter(pk=esme.pk, removed_at=None).update(removed_at=now):
            Endpoint.objects.filter(pk=esme.endpoint_id).update(removed_at=now, is_enabled=False)
            Subscription.objects.filter(endpoint_id=esme.endpoint_id).delete()
            audit.note(esme.account_id, actor, "esme.remove", esme.system_id)


def _locked(esme: Esme) -> Esme:
    return Esme.objects.select_for_update(of=("self",)).select_related("endpoint").get(pk=esme.pk)


def _over(setting: Setting, other: Setting) -> Setting:
    """``setting`` with what ``other`` says."""
    return Setting(
        *(getattr(setting if getattr(other, one.name) is None else other, one.name) for one in fields(other))
    )


def _told(given: Setting) -> dict[str, object]:
    return {one.name: value for one in fields(given) if (value := getattr(given, one.name)) is not None}


def _set(esme: Esme, given: Setting) -> None:
    for name, value in _told(given).items():
        if name == "takes_inbound":
            esme.endpoint.kinds = [INBOUND] if value else []
            esme.endpoint.save(update_fields=["kinds"])
            _subscribe(esme.endpoint)
        else:
            setattr(esme, name, value)
    esme.save()


def _subscribe(endpoint: Endpoint) -> None:
    Subscription.objects.filter(endpoint=endpoint).delete()
    if INBOUND in endpoint.kinds:
        Subscription.objects.create(account_id=endpoint.account_id, kind=INBOUND, endpoint=endpoint)


def _checked(given: Setting) -> Setting:
    if given.alphabet is not None and given.alphabet not in EsmeAlphabet.values:
        raise Refused("Pick an alphabet.", field="alphabet")
    for name, most in MOST.items():
        value = getattr(given, name)
        if value is not None and not LEAST[name] <= value <= most:
            raise Refused(f"This is a number from {LEAST[name]} to {most:,}.", field=name)
    if given.networks is None:
        return given
    return _over(given, Setting(networks=_networks(given.networks)))


def _networks(raw: Sequence[str]) -> list[str]:
    found = []
    for one in raw:
        try:
            found.append(str(ip_network(one.strip(), strict=False)))
        except ValueError as error:
            words = f"“{one[:60]}” is no address or network, like 192.0.2.7 or 192.0.2.0/24."
            raise Refused(words, field="networks") from error
    if len(found) > MOST_NETWORKS:
        raise Refused(f"At most {MOST_NETWORKS} networks.", field="networks")
    return found


def _new_password() -> tuple[str, str]:
    password = "".join(secrets.choice(_LETTERS) for _ in range(PASSWORD_LENGTH))
    return password, make_password(password)


# Binding


def find(system_id: str) -> Esme | None:
    """The ESME that may bind as ``system_id``."""
    mine = Esme.objects.filter(system_id=system_id, removed_at=None, account__closed_at=None)
    return mine.select_related("account", "endpoint").first()


def in_use(ids: Sequence[int]) -> dict[int, Esme]:
    """Those of ``ids`` that may still be bound, as they are set now."""
    mine = Esme.objects.filter(id__in=ids, removed_at=None, account__closed_at=None)
    return {one.id: one for one in mine.select_related("account", "endpoint")}


def is_password_of(esme: Esme | None, password: str) -> bool:
    """Whether it is. Slow on purpose, and as slow where there is no such ESME."""
    return check_password(password, esme.password if esme else _nobodys()) and esme is not None


@cache
def _nobodys() -> str:
    return make_password(secrets.token_urlsafe())


def may_come_from(esme: Esme, peer: str) -> bool:
    """Whether ``peer`` (an IP address) is in the ESME's networks."""
    if not esme.networks:
        return True
    address = ip_address(peer.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ip_network(one) for one in esme.networks)


def note_bind(esme: Esme) -> None:
    """Its bind succeeded: what waited because it had failed before is tried again at once."""
    with transaction.atomic(durable=True):
        Esme.objects.filter(pk=esme.pk).update(bound_at=database.now())
        Endpoint.objects.filter(pk=esme.endpoint_id).update(
            failures=0, failing_since=None, retry_at=None, paused_at=None, paused_reason=""
        )
