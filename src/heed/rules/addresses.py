"""Which addresses a customer's webhook may have: none that only this machine or its neighbours can reach (SSRF)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_URL = 1000
_NAT64, _LOCAL_NAT64 = IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48")
_NEVER: tuple[Network, ...] = (
    IPv4Network("168.63.129.16/32"),  # Azure's own services for a machine, at a public address
    IPv4Network("100.64.0.0/10"),  # carriers' NAT, and Alibaba's metadata
    IPv4Network(
        "192.0.0.0/24"
    ),  # for protocols; Pythons before 3.11.10 called a part of it public, Oracle's metadata in it
    _LOCAL_NAT64,
)


def may_reach(raw: str, networks: Iterable[Network] = ()) -> bool:
    """Whether the address ``raw`` is public, or in one of ``networks``. IPv4 inside of IPv6 counts as IPv4."""
    try:
        address = _plain(ip_address(raw.partition("%")[0]))
    except ValueError:
        return False
    if any(address in network for network in networks):
        return True
    is_public = address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
    return is_public and not any(address in network for network in _NEVER)


def _plain(address: Address) -> Address:
    """What a packet to ``address`` reaches: the IPv4 address that it stands for, or itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.teredo:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if int(address) >> 32 == 0 and int(address) > 1:  # ::127.0.0.1, as was once written
        return IPv4Address(int(address))
    return address.ipv4_mapped or address.sixtofour or address


def is_private(raw: str, networks: Iterable[Network]) -> bool:
    """Whether ``raw`` may be reached because it is in one of ``networks``: there is no internet on the way."""
    try:
        address = _plain(ip_address(raw.partition("%")[0]))
    except ValueError:
        return False
    return any(address in network for network in networks)


def problem_of(url: str, networks: Iterable[Network] = ()) -> str:
    """What is wrong with ``url`` as the address of a webhook, as far as its text tells; "" if nothing is."""
    networks = tuple(networks)
    if len(url) > MOST_URL:
        return "too_long"
    if any(char.isspace() or not char.isprintable() for char in url):
        return "not_an_address"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "not_an_address"
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return "not_an_address"
    if parts.username is not None or parts.password is not None:
        return "has_password"
    if parts.scheme == "http" and not networks:
        return "not_https"
    return "private" if is_literal(host) and not may_reach(host, networks) else ""


def is_literal(host: str) -> bool:
    """Whether ``host`` is an address itself, and no name for one."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
