"""The simulator as a transport of httpx whose connections break as sockets do."""

import re

import httpx

from calcom.simulator import Simulator


class Wire(httpx.AsyncBaseTransport):
    """A simulator that can be gone for some paths, and all that it was asked."""

    def __init__(self, simulator: Simulator, gone: str = "never^") -> None:
        """`gone` is a regular expression of the paths that time out."""
        self.asked: list[str] = []
        self._gone, self._served = re.compile(gone), httpx.ASGITransport(simulator)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or break."""
        self.asked.append(str(request.url.raw_path, "ascii"))
        if self._gone.search(request.url.path):
            raise httpx.ReadTimeout("", request=request)
        try:
            return await self._served.handle_async_request(request)
        except ConnectionResetError as error:
            raise httpx.ReadError("reset", request=request) from error
