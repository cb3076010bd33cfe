"""Protect a command from its standard streams and from signals: each ends with an exit code of the table.

A reader that goes away, a closed stream and a full disk behind a redirect must not end a sync without a message.
"""

import contextlib
import io
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

import click

from calcom.errors import ExitCode

GRACE_SECONDS = 10.0
"""The time in which a command ends after SIGTERM or SIGHUP; after that, the process ends immediately."""

SENTENCES = {
    ExitCode.INTERRUPTED: "interrupted; the pages that were read are kept, and the next sync resumes",
    ExitCode.TERMINATED: "terminated by SIGTERM; the pages that were read are kept, and the next sync resumes",
    ExitCode.HANGUP: "ended by SIGHUP; the pages that were read are kept, and the next sync resumes",
}
"""The message of each signal."""

_SIGNALS = {signal.SIGTERM: ExitCode.TERMINATED, signal.SIGHUP: ExitCode.HANGUP}
_received: list[ExitCode] = []


class _Descriptor(io.FileIO):
    """The descriptor of a standard stream. Output that has no reader is discarded."""

    def __init__(self, descriptor: int, *, is_data: bool) -> None:
        """Raise `OutputError` for the failure of a disk if `is_data`; discard it otherwise."""
        super().__init__(descriptor, "wb", closefd=False)
        self._is_data = is_data

    def write(self, data: Any) -> int:
        """Write `data`. After a failure, all further output is discarded."""
        try:
            return super().write(data) or 0
        except OSError as error:
            discard_output(self.fileno())
            if self._is_data and not isinstance(error, BrokenPipeError):
                from flows.settings.errors import OutputError

                message = f"can't write to standard output: {error.strerror}; free disk space, or redirect it elsewhere"
                raise OutputError(message) from error
            return len(memoryview(data).cast("B"))


def protect_streams() -> None:
    """Replace the standard streams of the process by streams that survive a failure and lack no character."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        is_own = False
        with contextlib.suppress(OSError, ValueError, AttributeError):
            is_own = stream.fileno() == descriptor
        if is_own and isinstance(stream, io.TextIOWrapper):
            steady = io.TextIOWrapper(
                io.BufferedWriter(_Descriptor(descriptor, is_data=name == "stdout")),
                encoding=stream.encoding,
                errors="replace",
                line_buffering=stream.line_buffering or name == "stderr",
            )
            setattr(sys, name, steady)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def discard_output(descriptor: int) -> None:
    """Discard further output of the stream, also that of the interpreter at its exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def catch_signals() -> None:
    """Make SIGTERM and SIGHUP end the command as Ctrl-C does: the landing is flushed, and the lock released.

    A signal that the caller ignores, as `nohup` does, stays ignored.
    """
    for number in _SIGNALS:
        with contextlib.suppress(ValueError):  # not the main thread
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _interrupt)


def signal_code() -> ExitCode:
    """Return the exit code of the signal that interrupted the command."""
    return _received[0] if _received else ExitCode.INTERRUPTED


def is_interruption(error: BaseException) -> bool:
    """Return True if a signal ended the command, also if a library replaced the exception of the signal."""
    return isinstance(error, KeyboardInterrupt | click.Abort) or bool(_received)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    _received.append(_SIGNALS[signal.Signals(number)])
    timer = threading.Timer(GRACE_SECONDS, _end_at_once)
    timer.daemon = True
    timer.start()
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)  # that of asyncio, if it runs: it cancels the requests
    else:
        raise KeyboardInterrupt


def _end_at_once() -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{SENTENCES[signal_code()]}\n".encode())
    os._exit(int(signal_code()))
