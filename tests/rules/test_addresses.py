"""What a webhook may reach: the public internet, and what the operator has named."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from heed.rules import addresses

PRIVATE = """
127.0.0.1 127.255.255.254 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 100.100.100.200
168.63.129.16 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1
2002:7f00:1:: 2002:a00:1::1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 2001:db8::1
2001:0:4136:e378:8000:63bf:f5ff:fffe
""".split()


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_reached(address: str) -> None:
    assert not addresses.may_reach(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are(address: str) -> None:
    assert addresses.may_reach(address)


def test_named_networks_are_reached_and_their_neighbours_not() -> None:
    networks = [ip_network("10.1.0.0/16"), ip_network("fd00::/64")]
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::7"):
        assert addresses.may_reach(address, networks)
        assert addresses.is_private(address, networks)
    for address in ("10.2.0.1", "127.0.0.1", "fd00:1::1"):
        assert not addresses.may_reach(address, networks)
    assert not addresses.is_private("8.8.8.8", networks)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://shop.example/heed?x=1", ""),
        ("https://shop.example:8443/", ""),
        ("https://8.8.8.8/", ""),
        ("http://shop.example/", "not_https"),
        ("https://user:word@shop.example/", "has_password"),
        ("https://127.0.0.1/", "private"),
        ("https://[::1]:8000/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("ftp://shop.example/", "not_an_address"),
        ("https://", "not_an_address"),
        ("https://[::1/", "not_an_address"),
        ("https://shop.example:99999/", "not_an_address"),
        ("https://shop.example/\nX: y", "not_an_address"),
        ("//shop.example/", "not_an_address"),
        ("https://shop.example/" + "x" * 1000, "too_long"),
    ],
)
def test_the_text_of_an_address_is_looked_at_first(url: str, problem: str) -> None:
    assert addresses.problem_of(url) == problem


def test_without_tls_only_where_private_networks_are_named() -> None:
    assert addresses.problem_of("http://shop.lan/", [ip_network("10.0.0.0/8")]) == ""
