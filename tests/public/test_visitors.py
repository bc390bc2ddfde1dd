"""Whose address counts, and how often."""

from __future__ import annotations

import pytest

from heed.public.visitors import Limit, address_of

PROXIES = frozenset({"10.0.0.1", "10.9.0.0/16", "nonsense/"})


@pytest.mark.parametrize(
    ("remote", "forwarded_for", "trusted", "address"),
    [
        ("203.0.113.5", "", (), "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", (), "203.0.113.5"),
        ("10.0.0.1", "198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "192.0.2.1, 198.51.100.1", PROXIES, "198.51.100.1"),  # what the visitor sent counts for nothing
        ("10.0.0.1", "192.0.2.1, 198.51.100.1, 10.9.3.3", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "10.9.3.3", PROXIES, "10.9.3.3"),
        ("10.0.0.1", "unknown", PROXIES, "10.0.0.1"),
        ("10.0.0.1", "", PROXIES, "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", PROXIES, "198.51.100.1"),
        ("2001:db8:1:2:3::4", "", (), "2001:db8:1:2::/64"),
        ("", "198.51.100.1", PROXIES, ""),
        ("unix:", "", (), "unix:"),
    ],
)
def test_address_of(remote, forwarded_for, trusted, address):
    assert address_of(remote, forwarded_for, trusted) == address


def test_limit_counts_by_address_and_starts_anew():
    limit = Limit(posts=2, window_s=3600)
    assert [limit.is_exceeded("a") for _ in range(4)] == [False, False, True, True]
    assert not limit.is_exceeded("b")
    short = Limit(posts=1, window_s=0)
    assert [short.is_exceeded("a") for _ in range(3)] == [False, False, False]


def test_limit_is_bounded():
    limit = Limit(posts=1, window_s=3600, most_addresses=2)
    for address in "abc":
        limit.is_exceeded(address)
    assert not limit.is_exceeded("a")  # forgotten
    assert limit.is_exceeded("c")
