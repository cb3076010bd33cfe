"""Protect a command from its standard streams: their failures end it with an exit code of the table.

A reader that goes away, a closed stream and a full disk behind a redirect must not end a sync without a message.
"""

import contextlib
import io
import os
import sys
from typing import Any


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
