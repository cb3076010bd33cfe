"""The network transports: httpx's own for a process with few requests, aiohttp's for many requests.

Both implement httpx's transport interface. A request costs 0.41 to 0.68 ms of CPU through httpx's own
transport, and 0.19 ms through `AiohttpTransport`. But the import of aiohttp costs as much CPU as 100
requests save. Scenario `10000_users` of `benchmarks/run.py`; docs/adr/0005 has the measurements.

`read_body` reads the body of a response of either transport within a bound, compressed and decompressed.
"""

import asyncio
import contextlib
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import aiohttp

SWITCH_AFTER_REQUESTS = 100
"""The number of requests after which aiohttp is worth its import."""

MAX_HEADER_BYTES = 102_400
"""The bound of all headers of a response in both transports. httpx's transport has it built in."""

MAX_HEADER_LINES = 500
"""The bound of the number of headers in aiohttp's transport."""

_MAX_HEADER_LINE_BYTES = 65_536
_LARGE_HEADERS = ("Got more than", "Too many headers")
"""The beginnings of aiohttp's messages for headers beyond its bounds."""

_DECOMPRESSED_AT_ONCE = 1_048_576
"""Bytes that are decompressed before the event loop may run, so that a timeout can end a decompression."""

_WINDOW_BITS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class BodyTooLargeError(Exception):
    """A body, compressed or decompressed, is larger than the bound."""


class HeadersTooLargeError(Exception):
    """The headers of a response are larger than the bound of the transport."""


class UnknownEncodingError(Exception):
    """A body has a content encoding that was not requested; the message is the encoding."""


async def read_body(response: httpx.Response, max_bytes: int) -> bytes:
    """Return the decompressed body of an unread response.

    Raise `BodyTooLargeError` as soon as the body exceeds `max_bytes`, compressed or decompressed,
    `UnknownEncodingError` for an encoding other than gzip and deflate, and `httpx.DecodingError` for broken data.
    httpx would decompress each part of a body in one step, without a bound on its size, and several encodings one
    after another.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", *_WINDOW_BITS}:
        raise UnknownEncodingError(encoding)
    length = response.headers.get("content-length", "")
    if (
        length.isascii()
        and length.isdigit()
        and (len(length) > len(str(max_bytes)) or int(length) > max_bytes)
    ):
        raise BodyTooLargeError
    parts = _limit_size(_compressed_parts(response), max_bytes)
    if encoding in _WINDOW_BITS:
        parts = _limit_size(_decompress(parts, _WINDOW_BITS[encoding]), max_bytes)
    return b"".join([part async for part in parts])


async def _compressed_parts(response: httpx.Response) -> AsyncIterator[bytes]:
    if not isinstance(response.stream, httpx.AsyncByteStream):
        message = f"expected an asynchronous body, found {type(response.stream).__name__}"
        raise TypeError(message)
    async for part in response.stream:
        yield part


async def _limit_size(parts: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the parts; raise `BodyTooLargeError` before the part with which they exceed the bound."""
    size = 0
    async for part in parts:
        size += len(part)
        if size > max_bytes:
            raise BodyTooLargeError
        yield part


async def _decompress(parts: AsyncIterator[bytes], window_bits: int) -> AsyncIterator[bytes]:
    """Yield the decompressed data in pieces of at most one megabyte; other tasks run between them."""
    decompressor, is_first = zlib.decompressobj(window_bits), True
    async for part in parts:
        rest = part
        while rest and not decompressor.eof:
            try:
                piece = decompressor.decompress(rest, _DECOMPRESSED_AT_ONCE)
            except zlib.error as error:
                if not is_first or window_bits != zlib.MAX_WBITS:
                    raise httpx.DecodingError(str(error)) from error
                # Some servers send `deflate` without the header that the standard requires.
                decompressor, is_first = zlib.decompressobj(-zlib.MAX_WBITS), False
                continue
            is_first = False
            yield piece
            if rest := decompressor.unconsumed_tail:
                await asyncio.sleep(0)
    if not is_first and not decompressor.eof:
        message = "the compressed body ends too early"
        raise httpx.DecodingError(message)


def open_transport(*, is_encrypted: bool, is_proxied: bool, max_connections: int) -> httpx.AsyncBaseTransport:
    """Return a transport that has no open socket yet. Raise `ValueError` for an unusable proxy."""
    limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
    if is_proxied:
        return ProxiedTransport(limits)
    return SwitchingTransport(is_encrypted=is_encrypted, limits=limits)


@cache
def _tls_context(paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """Return the TLS context of the process, which the clients of a fleet share.

    Loading the certificates costs 25 ms of CPU, as much as the rest of a client's work for a small organization.
    `paths` follow from the variables SSL_CERT_FILE and SSL_CERT_DIR, from which httpx takes the certificates.
    """
    del paths  # the key of the cache
    return httpx.create_ssl_context()


class ProxiedTransport(httpx.AsyncBaseTransport):
    """httpx's own transports, through the proxies that the environment names."""

    def __init__(self, limits: httpx.Limits) -> None:
        """Prepare the transports without opening a socket; httpx chooses the proxy for each host."""
        self._client = httpx.AsyncClient(limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, with its body unread."""
        with _detecting_large_headers():
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
        tls: ssl.SSLContext | bool = _tls_context(ssl.get_default_verify_paths()) if is_encrypted else False
        self._requests_before_switch = switch_after
        self._httpx_transport = httpx.AsyncHTTPTransport(verify=tls, limits=limits)
        self._aiohttp_transport = AiohttpTransport(tls=tls, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response; raise `httpx.TransportError` for a failure of the network or the protocol."""
        if self._requests_before_switch > 0:
            self._requests_before_switch -= 1
            with _detecting_large_headers():
                return await self._httpx_transport.handle_async_request(request)
        return await self._aiohttp_transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections of both transports."""
        await self._httpx_transport.aclose()
        await self._aiohttp_transport.aclose()


class AiohttpTransport(httpx.AsyncBaseTransport):
    """aiohttp behind httpx's interface, for requests without a body."""

    def __init__(self, *, tls: ssl.SSLContext | bool, limits: httpx.Limits) -> None:
        """Store the settings; aiohttp is imported and the session opened with the first request."""
        self._tls, self._limits = tls, limits
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, with its body unread; raise the errors that httpx's own transport raises."""
        from yarl import URL  # noqa: PLC0415 - only a process with many requests needs it

        session = self._session = self._session or self._open_session(request)
        with _translate_errors():
            response = await session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                allow_redirects=False,
            )
        if sum(len(name) + len(value) for name, value in response.raw_headers) > MAX_HEADER_BYTES:
            response.close()
            raise HeadersTooLargeError
        return httpx.Response(
            response.status, headers=response.raw_headers, stream=_AiohttpStream(response), request=request
        )

    def _open_session(self, request: httpx.Request) -> "aiohttp.ClientSession":
        """Return a session with the limits of the transport and the connect timeout of the request."""
        import aiohttp  # noqa: PLC0415

        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._limits.max_connections or 0,
                keepalive_timeout=self._limits.keepalive_expiry,
                ssl=self._tls,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # `read_body` decompresses
            max_line_size=_MAX_HEADER_LINE_BYTES,
            max_field_size=_MAX_HEADER_LINE_BYTES,
            max_headers=MAX_HEADER_LINES,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=request.extensions.get("timeout", {}).get("connect")
            ),
        )
        # aiohttp would repeat a request by itself after a reset of a reused connection, without counting it
        # or asking the rate limiter. It has no public option for that.
        session._retry_connection = False  # noqa: SLF001
        return session

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


class _AiohttpStream(httpx.AsyncByteStream):
    """The unread body of a response of aiohttp."""

    def __init__(self, response: "aiohttp.ClientResponse") -> None:
        """Take the response; the body is read by iterating."""
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the parts of the body as they arrive."""
        with _translate_errors():
            async for part in self._response.content.iter_any():
                yield part

    async def aclose(self) -> None:
        """Return the connection to the pool, or close it if the body was not read to its end."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


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
        # aiohttp replaces its own exception for large headers by one without a type of its own.
        if isinstance(error, aiohttp.ClientResponseError) and error.message.startswith(_LARGE_HEADERS):
            raise HeadersTooLargeError from error
        raise httpx.RemoteProtocolError(f"{type(error).__name__} {error}") from error


@contextlib.contextmanager
def _detecting_large_headers() -> Iterator[None]:
    """Raise `HeadersTooLargeError` in place of h11's error for headers beyond its bound, which has no type."""
    try:
        yield
    except httpx.RemoteProtocolError as error:
        if "Receive buffer too long" in str(error):
            raise HeadersTooLargeError from error
        raise
