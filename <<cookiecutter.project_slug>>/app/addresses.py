"""Addresses of clients: one form for each, however a server or a proxy writes it."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Shared by all clients whose address can't be read.
UNREADABLE = ""
# No address is longer, with its zone and port. What clients write is kept in a cache.
MAX_LENGTH = 100
# IPv4 clients as a translator shows them to an IPv6 server (RFC 6052, section 2.1).
NAT64 = ip_network("64:ff9b::/96")


def normalize(written: str) -> str:
    """Return an IP address in its one form, or UNREADABLE for anything else.

    A port, brackets, quotes and a zone are dropped, and IPv4 inside IPv6 becomes IPv4. Without
    this, one client would count as many, or many as one.
    """
    return _normalize(written.strip(' \t"')[:MAX_LENGTH])


@lru_cache(maxsize=256)
def _normalize(text: str) -> str:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return UNREADABLE
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        if address in NAT64:
            return str(IPv4Address(address.packed[-4:]))
    return str(address)


def is_loopback(written: str) -> bool:
    """Return whether an address is this machine's own."""
    address = normalize(written)
    return address != UNREADABLE and ip_address(address).is_loopback
