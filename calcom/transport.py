"""How requests travel: by httpx's own transport while they are few, by aiohttp's once they are many.

Both stand behind httpx's transport interface, so the client is httpx's throughout. A request through
httpx's own costs 1.3 to 2 ms of CPU, more with many connections, through aiohttp's 0.5 ms; but importing
aiohttp costs as much as a hundred requests save. Measured by `benchmarks/`.
"""

import ssl
from importlib.util import find_spec
from math import inf

import httpx

FEW = 100
"""Requests after which aiohttp is worth its import."""


def open_transport(*, is_encrypted: bool, is_proxied: bool, max_connections: int) -> httpx.AsyncBaseTransport:
    """A transport that has no socket open yet. Raises `ValueError` for a proxy that can't be used."""
    limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
    if is_proxied:
        return ProxiedTransport(limits)
    return GrowingTransport(is_encrypted=is_encrypted, limits=limits)


class ProxiedTransport(httpx.AsyncBaseTransport):
    """httpx's own transports, by way of the proxies that the environment names."""

    def __init__(self, limits: httpx.Limits) -> None:
        """Open no socket yet; which proxy is for which host is httpx's to know."""
        self._client = httpx.AsyncClient(limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body not read yet."""
        return await self._client.send(request, stream=True)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class GrowingTransport(httpx.AsyncBaseTransport):
    """httpx's own transport for the first `FEW` requests, aiohttp's from then on if it is installed."""

    def __init__(self, *, is_encrypted: bool, limits: httpx.Limits, few: int = FEW) -> None:
        """Open no socket yet; `limits` hold for each of the two."""
        # Without TLS there is nothing to verify, and loading the certificates costs 50 ms.
        self._tls: ssl.SSLContext | bool = httpx.create_ssl_context() if is_encrypted else False
        self._limits = limits
        self._left_to_few: float = few if find_spec("httpx_aiohttp") else inf
        self._few = httpx.AsyncHTTPTransport(verify=self._tls, limits=limits)
        self._many: httpx.AsyncBaseTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body not read yet. What the wire or the server does wrong is a `TransportError`."""
        if self._left_to_few > 0:
            self._left_to_few -= 1
            return await self._few.handle_async_request(request)
        if self._many is None:
            self._many = _make_aiohttp_transport(tls=self._tls, limits=self._limits)
        return await self._many.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections of both."""
        await self._few.aclose()
        if self._many is not None:
            await self._many.aclose()


def _make_aiohttp_transport(*, tls: ssl.SSLContext | bool, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
    import aiohttp  # noqa: PLC0415 - only who sends many requests pays for it
    from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415

    class Transport(AiohttpTransport):
        """aiohttp's transport, with httpx's errors: its adapter calls any lost connection a time-out."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            try:
                return await super().handle_async_request(request)
            except httpx.ConnectTimeout as error:
                if isinstance(error.__cause__, aiohttp.ServerTimeoutError):
                    raise
                raise httpx.ConnectError(str(error)) from error
            except aiohttp.ClientError as error:
                raise httpx.RemoteProtocolError(f"{type(error).__name__} {error}") from error

    return Transport(verify=tls, limits=limits)
