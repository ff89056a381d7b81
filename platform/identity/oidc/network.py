"""Which addresses a sign-in may make this service speak to, and speaking to those alone.

An administrator of a tenant names the provider, so its address is a stranger's word: without a setting of the
operator it leads to the internet only, never into the network around this service.
"""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx2

from secretariat.platform.identity.oidc.errors import OidcError
from secretariat.platform.settings import Settings

Address = IPv4Address | IPv6Address

_PRIVATE = tuple(
    ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
# Addresses that carry an IPv4 address which is reached through them: NAT64 (RFC 6052, 8215), 6to4, Teredo.
_CARRIERS = tuple(
    ip_network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Networks:
    """Where providers may be, besides the internet."""

    private: bool = False
    loopback: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Networks":
        return cls(private=settings.sso_private_networks, loopback=settings.sso_loopback)

    def allow(self, address: Address) -> bool:
        """Link-local, multicast, unspecified and reserved addresses never."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_loopback:
            return self.loopback
        if any(address in network for network in _PRIVATE):
            return self.private
        carried = any(address in network for network in _CARRIERS)
        return address.is_global and not address.is_multicast and not carried

    def allow_host(self, host: str) -> bool:
        """As far as the name itself tells; what it resolves to is judged when it is asked."""
        name = host.rstrip(".").lower()
        if name == "localhost" or name.endswith(".localhost"):
            return self.loopback
        try:
            return self.allow(ip_address(name))
        except ValueError:
            return True


class Pinned(httpx2.AsyncBaseTransport):
    """Resolves a name once, refuses it if any of its addresses is refused, and connects to just those.

    The name stays in the Host header and is what the certificate must be for. Raises OidcError.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, networks: Networks) -> None:
        self._inner = inner
        self._networks = networks

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.raw_host.decode("ascii")
        *others, last = await self._addresses(name, request.url.port)
        for address in others:
            try:
                return await self._inner.handle_async_request(_to(request, name, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_to(request, name, last))

    async def _addresses(self, name: str, port: int | None) -> list[Address]:
        """At least one. Raises OidcError, httpx2.ConnectError."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                found = await loop.getaddrinfo(name.strip("[]"), port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError) as cause:
            raise httpx2.ConnectError("the name does not resolve") from cause
        addresses = list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
        if not addresses or not all(self._networks.allow(address) for address in addresses):
            raise OidcError("address_refused", "The identity provider does not answer.")
        return addresses

    async def aclose(self) -> None:
        await self._inner.aclose()


def _to(request: httpx2.Request, name: str, address: Address) -> httpx2.Request:
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": name.strip("[]")},
    )
