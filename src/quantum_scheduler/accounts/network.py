"""Where a request comes from, as far as that can be believed."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FORWARDED_MAX = 20
# One line of a provider, in which addresses are had for the asking.
PREFIXES = {4: 24, 6: 64}
UNKNOWN = "unknown"


def find_client(peer: str | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> Address | None:
    """Tell the address of the client.

    `peer` is who is connected, `forwarded` the values of X-Forwarded-For in order. What a proxy of ours has added is
    believed, from right to left; the first address that is not a proxy's is the client's, whatever it claims beyond.
    """
    address = _read(peer)
    hops = [hop for value in forwarded for hop in value.split(",")][-FORWARDED_MAX:]
    while address is not None and hops and any(address in network for network in proxies):
        before = _read(hops.pop())
        if before is None:
            return address  # what cannot be read is no address; the proxy that passed it on is all that is known
        address = before
    return address


def name_network(address: Address | None) -> str:
    """The network by which clients are judged: /24, or /64."""
    if address is None:
        return UNKNOWN
    return str(ip_network((address, PREFIXES[address.version]), strict=False))


def read_networks(text: str) -> tuple[Network, ...]:
    """Read networks written as `10.0.0.0/8, ::1`. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _read(text: str | None) -> Address | None:
    try:
        address = ip_address((text or "").strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
