"""Which hosts may be asked for a repository."""

from __future__ import annotations

import socket

import pytest

from search_core.corpus.hosts import UnreachableHost, checked_addresses, has_public_host, is_public
from search_core.corpus.spec import parse_repository
from search_core.types import StudioError


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Every name leads to these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("140.82.121.3", True),
        ("2606:50c0:8000::153", True),
        ("64:ff9b::8c52:7903", True),  # 140.82.121.3, from a network with IPv6 alone
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),  # behind a provider's address translation
        ("169.254.169.254", False),  # link-local: where clouds keep credentials
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),  # multicast
        ("240.0.0.1", False),  # reserved
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),  # IPv4 inside IPv6
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),  # 127.0.0.1 through a 6to4 relay
        ("64:ff9b::7f00:1", False),
        ("2001:db8::1", False),  # documentation
    ],
)
def test_an_address_is_public_where_all_the_internet_finds_the_same_place(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("https://github.com/a/b", True),
        ("https://140.82.121.3/a/b", True),
        ("https://10.0.0.1/a/b", False),
        ("https://[::1]/a/b", False),
        ("https://2130706433/a/b", False),  # 127.0.0.1, to some
        ("https://localhost/a/b", False),
        ("https://gitlab/a/b", False),  # a name of one's own network
        ("https://github.com:8443/a/b", False),
        ("http://github.com/a/b", False),
    ],
)
def test_a_host_is_judged_by_its_name_without_asking(
    address: str, public: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", None)
    assert has_public_host(parse_repository(address)) is public


def test_every_address_of_a_name_must_be_public(monkeypatch: pytest.MonkeyPatch) -> None:
    source = parse_repository("https://example.org/a/b")
    resolving(monkeypatch, "140.82.121.3", "2606:50c0:8000::153")
    assert checked_addresses(source, allow_private=False) == ("140.82.121.3", "2606:50c0:8000::153")
    resolving(monkeypatch, "140.82.121.3", "10.0.0.1")
    with pytest.raises(StudioError, match=r"example\.org is at 10\.0\.0\.1, which is no public address"):
        checked_addresses(source, allow_private=False)
    assert checked_addresses(source, allow_private=True) == ("140.82.121.3", "10.0.0.1")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "127.0.0.1."])
def test_unusual_ways_to_write_an_address_are_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "140.82.121.3")
    with pytest.raises(StudioError, match="unusual way to write an address"):
        checked_addresses(parse_repository(f"https://{host}/a/b"), allow_private=False)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("http://example.org/a/b", "give its https address"),
        ("https://example.org:8443/a/b", "port 8443 is not the usual one"),
        ("https://127.0.0.1/a/b", "no public address"),
        ("https://[::1]/a/b", "no public address"),
        ("https://localhost/a/b", "no public address"),
    ],
)
def test_what_is_not_on_the_public_web_needs_the_setting(spec: str, problem: str) -> None:
    with pytest.raises(StudioError, match=problem):
        checked_addresses(parse_repository(spec), allow_private=False)


def test_a_name_that_is_not_known_can_be_known_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UnreachableHost, match=r"Host 'example\.org' .*cannot be found"):
        checked_addresses(parse_repository("https://example.org/a/b"), allow_private=False)
