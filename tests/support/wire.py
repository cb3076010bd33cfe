"""The simulator as a transport of httpx whose connections break like those of a socket."""

import re

import httpx

from calcom.simulator import Simulator


class Wire(httpx.AsyncBaseTransport):
    """A simulator that can be unreachable for some paths, with a list of the requested targets."""

    def __init__(self, simulator: Simulator, gone: str = "never^") -> None:
        """`gone` is a regular expression; requests for matching paths time out."""
        self.targets: list[str] = []
        """The path and query of each request, in order."""
        self._gone, self._served = re.compile(gone), httpx.ASGITransport(simulator)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the simulator's response, or raise the error of a broken connection."""
        self.targets.append(str(request.url.raw_path, "ascii"))
        if self._gone.search(request.url.path):
            raise httpx.ReadTimeout("", request=request)
        try:
            return await self._served.handle_async_request(request)
        except ConnectionResetError as error:
            raise httpx.ReadError("reset", request=request) from error
