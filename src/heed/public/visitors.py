"""Who posts the public form, and how often. Kept by each process for itself, in bounded memory; nothing is stored."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address


class Limit:
    """How many posts an address has in a window of time; the oldest of too many addresses is forgotten."""

    def __init__(self, posts: int, window_s: float, most_addresses: int = 10_000) -> None:
        self.posts, self.window_s, self.most_addresses = posts, window_s, most_addresses
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()  # address → start of its window, posts in it
        self._lock = threading.Lock()

    def is_exceeded(self, address: str) -> bool:
        """Count one post from ``address``; whether it had all of its own already."""
        now = time.monotonic()
        with self._lock:
            start, posts = self._seen.pop(address, (now, 0))
            if now - start >= self.window_s:
                start, posts = now, 0
            self._seen[address] = (start, posts + 1)
            if len(self._seen) > self.most_addresses:
                self._seen.popitem(last=False)
        return posts >= self.posts

    def forget(self) -> None:
        with self._lock:
            self._seen.clear()


def address_of(remote: str, forwarded_for: str, trusted: Collection[str]) -> str:
    """The visitor's address: the last one in X-Forwarded-For that no trusted proxy has, if a trusted one passed it on.

    A household has a whole IPv6 /64, so that is one visitor.
    """
    visitor = _parsed(remote)
    hops = [part.strip() for part in forwarded_for.split(",")] if forwarded_for else []
    while visitor is not None and hops and _is_among(visitor, trusted):
        before = _parsed(hops.pop())
        if before is None:
            break
        visitor = before
    if visitor is None:
        return remote[:60]
    return str(ip_network((visitor, 64), strict=False) if isinstance(visitor, IPv6Address) else visitor)


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_among(address: Address, trusted: Collection[str]) -> bool:
    if str(address) in trusted:
        return True
    for one in trusted:
        try:
            if "/" in one and address in ip_network(one, strict=False):
                return True
        except ValueError:
            continue
    return False
