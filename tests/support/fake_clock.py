"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it.

`asyncio.sleep` returns immediately and advances the clock by exactly its argument. Waiting while no timer and
no task is left is a deadlock, and raises an error.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class DeadlockError(Exception):
    """Every task waits, and no timer is scheduled."""


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that never blocks; it advances the clock by the time that it should have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            message = "every task waits, and no timer is scheduled"
            raise DeadlockError(message)
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with a virtual clock that starts at 0."""

    def __init__(self) -> None:
        """Create the loop with its clock at 0 seconds."""
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual seconds since the creation of the loop."""
        return self._jumping.now


def virtual_now() -> float:
    """Return the time of the running loop; inject it as the clock together with `asyncio.sleep`."""
    return asyncio.get_running_loop().time()


def run_virtually(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in virtual time and return its result."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
