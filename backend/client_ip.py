"""Whose address a request comes from (客户端地址)."""

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ClientIps:
    """Reads X-Forwarded-For, but only from proxies that are ours; everybody else could write anything."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        """trusted: addresses or networks of our proxies ("10.0.0.0/8"). Raises ValueError."""
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(one, strict=False) for one in trusted)

    def of(self, peer: str, forwarded_for: str | None) -> str:
        """Return the address nearest to us that is no proxy of ours.

        peer: of the connection. forwarded_for: the header; each proxy adds its own peer at the end.
        """
        address = _address(peer)
        for part in reversed((forwarded_for or "").split(",")):
            if address is None or not self._is_trusted(address):
                break
            further = _address(part.strip())
            if further is None:
                break
            address = further
        return str(address) if address is not None else peer

    def _is_trusted(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address
