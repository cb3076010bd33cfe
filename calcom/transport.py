"""The network transports: httpx's own for a process with few requests, aiohttp's for many requests.

Both implement httpx's transport interface. A request costs 0.41 to 0.68 ms of CPU through httpx's own
transport, and 0.19 ms through `AiohttpTransport`. But the import of aiohttp costs as much CPU as 100
requests save. Scenario `10000_users` of `benchmarks/run.py`; docs/adr/0005 has the measurements.
"""

import contextlib
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import aiohttp

SWITCH_AFTER_REQUESTS = 100
"""The number of requests after which aiohttp is worth its import."""


def open_transport(*, is_encrypted: bool, is_proxied: bool, max_connections: int) -> httpx.AsyncBaseTransport:
    """Return a transport that has no open socket yet. Raise `ValueError` for an unusable proxy."""
    limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
    if is_proxied:
        return ProxiedTransport(limits)
    return SwitchingTransport(is_encrypted=is_encrypted, limits=limits)


class ProxiedTransport(httpx.AsyncBaseTransport):
    """httpx's own transports, through the proxies that the environment names."""

    def __init__(self, limits: httpx.Limits) -> None:
        """Prepare the transports without opening a socket; httpx chooses the proxy for each host."""
        self._client = httpx.AsyncClient(limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, with its body unread."""
        return await self._client.send(request, stream=True)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class SwitchingTransport(httpx.AsyncBaseTransport):
    """httpx's own transport for the first requests, aiohttp's for all later ones."""

    def __init__(
        self, *, is_encrypted: bool, limits: httpx.Limits, switch_after: int = SWITCH_AFTER_REQUESTS
    ) -> None:
        """Prepare both transports without opening a socket; `limits` apply to each of them."""
        # Without TLS, the certificates are not needed, and loading them costs 50 ms.
        tls: ssl.SSLContext | bool = httpx.create_ssl_context() if is_encrypted else False
        self._requests_before_switch = switch_after
        self._httpx_transport = httpx.AsyncHTTPTransport(verify=tls, limits=limits)
        self._aiohttp_transport = AiohttpTransport(tls=tls, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response; raise `httpx.TransportError` for a failure of the network or the protocol."""
        if self._requests_before_switch > 0:
            self._requests_before_switch -= 1
            return await self._httpx_transport.handle_async_request(request)
        return await self._aiohttp_transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections of both transports."""
        await self._httpx_transport.aclose()
        await self._aiohttp_transport.aclose()


class AiohttpTransport(httpx.AsyncBaseTransport):
    """aiohttp behind httpx's interface, for requests without a body and responses that fit into memory."""

    def __init__(self, *, tls: ssl.SSLContext | bool, limits: httpx.Limits) -> None:
        """Store the settings; aiohttp is imported and the session opened with the first request."""
        self._tls, self._limits = tls, limits
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, with its body read; raise the errors that httpx's own transport raises."""
        from yarl import URL  # noqa: PLC0415 - only a process with many requests needs it

        session = self._session = self._session or self._open_session(request)
        with _translate_errors():
            async with session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                allow_redirects=False,
            ) as response:
                body = await response.read()
        return httpx.Response(response.status, headers=response.raw_headers, content=body, request=request)

    def _open_session(self, request: httpx.Request) -> "aiohttp.ClientSession":
        """Return a session with the limits of the transport and the connect timeout of the request."""
        import aiohttp  # noqa: PLC0415

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._limits.max_connections or 0,
                keepalive_timeout=self._limits.keepalive_expiry,
                ssl=self._tls,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # httpx decompresses
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=request.extensions.get("timeout", {}).get("connect")
            ),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise aiohttp's errors as the corresponding errors of httpx."""
    import aiohttp  # noqa: PLC0415

    try:
        yield
    except aiohttp.ServerTimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(str(error)) from error
    except aiohttp.ClientError as error:
        raise httpx.RemoteProtocolError(f"{type(error).__name__} {error}") from error
