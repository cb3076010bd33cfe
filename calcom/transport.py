"""How requests travel: by httpx's own transport while they are few, by aiohttp once they are many.

Both stand behind httpx's transport interface, so the client is httpx's throughout. A request through
httpx's own costs twice the CPU of one through aiohttp, more with many connections; but importing
aiohttp costs as much as a hundred requests save. Measured by `benchmarks/`.
"""

import contextlib
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import aiohttp

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
    """httpx's own transport for the first `FEW` requests, aiohttp's from then on."""

    def __init__(self, *, is_encrypted: bool, limits: httpx.Limits, few: int = FEW) -> None:
        """Open no socket yet; `limits` hold for each of the two."""
        # Without TLS there is nothing to verify, and loading the certificates costs 50 ms.
        tls: ssl.SSLContext | bool = httpx.create_ssl_context() if is_encrypted else False
        self._left_to_few = few
        self._few = httpx.AsyncHTTPTransport(verify=tls, limits=limits)
        self._many = AiohttpTransport(tls=tls, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer. What the wire or the server does wrong is an `httpx.TransportError`."""
        if self._left_to_few > 0:
            self._left_to_few -= 1
            return await self._few.handle_async_request(request)
        return await self._many.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections of both."""
        await self._few.aclose()
        await self._many.aclose()


class AiohttpTransport(httpx.AsyncBaseTransport):
    """aiohttp behind httpx's interface, for requests without a body whose answers fit into memory."""

    def __init__(self, *, tls: ssl.SSLContext | bool, limits: httpx.Limits) -> None:
        """Open no socket yet, and import nothing."""
        self._tls, self._limits = tls, limits
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body read. Every `httpx.TransportError` is one that httpx's own would raise too."""
        from yarl import URL  # noqa: PLC0415 - only who sends many requests pays for it

        session = self._session = self._session or self._open_session(request)
        with _speaking_httpx():
            async with session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
        return httpx.Response(answer.status, headers=answer.raw_headers, content=body, request=request)

    def _open_session(self, request: httpx.Request) -> "aiohttp.ClientSession":
        """A session that keeps to the limits and to the request's own bound on connecting."""
        import aiohttp  # noqa: PLC0415

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._limits.max_connections or 0,
                keepalive_timeout=self._limits.keepalive_expiry,
                ssl=self._tls,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # httpx does
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=request.extensions.get("timeout", {}).get("connect")
            ),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


@contextlib.contextmanager
def _speaking_httpx() -> Iterator[None]:
    """What aiohttp raises leaves the block as httpx's errors."""
    import aiohttp  # noqa: PLC0415

    try:
        yield
    except aiohttp.ServerTimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(str(error)) from error
    except aiohttp.ClientError as error:
        raise httpx.RemoteProtocolError(f"{type(error).__name__} {error}") from error
