"""Which hosts may be asked for a repository: nothing of this machine or its private networks."""

from __future__ import annotations

import ipaddress
import re
import socket

from search_core.corpus.spec import DEFAULT_PORTS, GitSource
from search_core.deadline import within
from search_core.types import StudioError

LOOKUP_S = 10.0
IPV4_INSIDE = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses as seen from a network that has IPv6 alone (RFC 6052)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UnreachableHost(StudioError):
    """The host or its repository cannot be reached now: what was loaded before may serve."""


def checked_addresses(source: GitSource, allow_private: bool) -> tuple[str, ...]:
    """Where the host is now, each address checked; a connection must go to one of these and nowhere else.

    Raises StudioError for an address that is refused, UnreachableHost where the name is not known.
    """
    if not allow_private and source.scheme != "https":
        raise StudioError(f"Corpus {source.spec!r} is refused: give its https address.")
    if not allow_private and source.port != DEFAULT_PORTS[source.scheme]:
        raise _refused(source, f"port {source.port} is not the usual one")
    host = source.host.strip("[]")
    if _is_unusual_number(host):
        raise _refused(source, f"{host} is an unusual way to write an address")
    try:
        found = within(LOOKUP_S, lambda: socket.getaddrinfo(host, source.port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
        raise UnreachableHost(f"Host {host!r} of corpus {source.spec!r} cannot be found: {error}.") from error
    addresses = tuple(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
    for address in addresses:
        if not allow_private and not is_public(address):
            raise _refused(source, f"its host {host} is at {address}, which is no public address")
    return addresses


def has_public_host(source: GitSource) -> bool:
    """Whether `checked_addresses` would take it for public, as far as its name tells: nobody is asked."""
    host = source.host.strip("[]")
    if source.scheme != "https" or source.port != DEFAULT_PORTS["https"] or _is_unusual_number(host):
        return False
    try:
        return is_public(host)
    except ValueError:  # a name
        return "." in host.strip(".")


def is_public(text: str) -> bool:
    """Whether the whole internet would reach the same place under this address.

    >>> is_public("140.82.121.3"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1")
    (True, False, False)
    """
    return all(
        address.is_global
        and not (address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback)
        for address in _meanings(ipaddress.ip_address(text))
    )


def _meanings(address: Address) -> list[Address]:
    """The address, or what an IPv6 address leads to where it carries one of IPv4."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address in IPV4_INSIDE:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    return [address, address.sixtofour] if address.sixtofour else [address]


def _is_unusual_number(host: str) -> bool:
    """127.1, 0177.0.0.1, 2130706433 and 0x7f000001 are addresses too, to some."""
    if not re.fullmatch(r"(?:0x[0-9a-f]*|[0-9]+)", host.rstrip(".").rpartition(".")[2]):
        return False
    try:
        return str(ipaddress.IPv4Address(host)) != host
    except ValueError:
        return True


def _refused(source: GitSource, why: str) -> StudioError:
    return StudioError(
        f"Corpus {source.spec!r} is refused: {why}. Clone it yourself and give the folder, or set "
        "CODESEARCH_ALLOW_PRIVATE_HOSTS=true where everyone who may load corpora may reach your network."
    )
