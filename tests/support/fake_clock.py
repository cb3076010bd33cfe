"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it.

`asyncio.sleep` costs nothing and takes exactly as long as it says, whoever else sleeps. Where nothing
is left to wait for, waiting is a deadlock, and an error.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class DeadlockError(Exception):
    """Everyone waits and nothing is going to happen."""


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that never blocks: it turns the clock on by as long as it was to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            message = "nothing is scheduled and nothing is ready"
            raise DeadlockError(message)
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, which starts at 0."""

    def __init__(self) -> None:
        """Start at 0 seconds."""
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop began."""
        return self._jumping.now


def virtual_now() -> float:
    """The running loop's time: the clock to inject beside `asyncio.sleep`."""
    return asyncio.get_running_loop().time()


def run_virtually(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of `work`, done in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
