"""Let SIGINT, SIGTERM and SIGHUP end a command with a sentence and the exit code of the signal.

This module imports nothing beyond the standard library and the exit codes, so that the handlers are set before the
program is loaded.
"""

import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from calcom.errors import ExitCode

GRACE_SECONDS = 10.0
"""The time in which a command ends after a signal; after that, the process ends immediately."""

SENTENCES = {
    ExitCode.INTERRUPTED: "interrupted; the pages that were read are kept, and the next sync resumes",
    ExitCode.TERMINATED: "terminated by SIGTERM; the pages that were read are kept, and the next sync resumes",
    ExitCode.HANGUP: "ended by SIGHUP; the pages that were read are kept, and the next sync resumes",
}
"""The message of each signal."""

_SIGNALS = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.HANGUP,
}
_received: list[ExitCode] = []


def catch_signals() -> None:
    """Make each signal end the command alike: the landing is flushed, and the lock released.

    A signal that the caller ignores, as `nohup` does, stays ignored.
    """
    for number in _SIGNALS:
        with contextlib.suppress(ValueError):  # not the main thread
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, _interrupt)


def ignore_signals() -> None:
    """Ignore further signals, because the command has ended."""
    for number in _SIGNALS:
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(number, signal.SIG_IGN)


def is_interruption(error: BaseException) -> bool:
    """Return True if a signal ended the command, also if a library replaced the exception of the signal."""
    return isinstance(error, KeyboardInterrupt) or bool(_received)


def signal_code() -> ExitCode:
    """Return the exit code of the signal that interrupted the command."""
    return _received[0] if _received else ExitCode.INTERRUPTED


def end_at_once() -> NoReturn:
    """Print the sentence of the signal, and end the process with its code."""
    with contextlib.suppress(OSError):
        os.write(2, f"{SENTENCES[signal_code()]}\n".encode())
    os._exit(int(signal_code()))


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the interface of a handler
    """Cancel the tasks of a running event loop, or raise `KeyboardInterrupt`. A further signal changes nothing."""
    if _received:
        return
    _received.append(_SIGNALS[signal.Signals(number)])
    timer = threading.Timer(GRACE_SECONDS, end_at_once)
    timer.daemon = True
    timer.start()
    if not _cancel_tasks():
        raise KeyboardInterrupt


def _cancel_tasks() -> bool:
    """Cancel all tasks of the running event loop. Return False if no event loop runs."""
    asyncio = sys.modules.get("asyncio")  # a loop runs only if it is loaded
    try:
        loop = asyncio.get_running_loop()  # type: ignore[union-attr]
    except (AttributeError, RuntimeError):
        return False
    for task in asyncio.all_tasks(loop):  # type: ignore[union-attr]
        task.cancel()
    loop.call_soon_threadsafe(lambda: None)  # ends the wait for the network
    return True
