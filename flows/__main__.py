"""The `ooo` command, also `python -m flows`: start and end the process quickly."""

import atexit
import contextlib
import os
import sys
from typing import NoReturn

from calcom.errors import ExitCode
from flows.cli.signals import catch_signals, end_at_once, ignore_signals, is_interruption


def main() -> NoReturn:
    """Run the command and end the process with its exit code."""
    _open_standard_streams()
    # By default, Polars' allocator keeps freed memory for ten seconds: 37 MB of 415 for 200,000 entries.
    # Returning the memory immediately costs 0.3 s, because the next step allocates it again.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:100,muzzy_decay_ms:0")
    try:
        catch_signals()
        _end_process(_run_command())
    except KeyboardInterrupt:  # while the program is loaded, or while it ends
        end_at_once()


def _run_command() -> int:
    """Load the program, run the command, and return its exit code."""
    try:
        from flows.cli.main import main as run_command  # noqa: PLC0415 - after the default of Polars' allocator

        run_command()
    except SystemExit as exit_request:
        return exit_request.code if isinstance(exit_request.code, int) else ExitCode.DONE
    except BaseException as error:  # noqa: BLE001 - a package that is missing or damaged, or a signal while it loads
        if is_interruption(error):
            end_at_once()
        text = f"error: the program can't start: {type(error).__name__}: {error}; install it again"
        with contextlib.suppress(OSError):
            os.write(2, f"{text}\n".encode())
        return ExitCode.TRANSFORM


def _open_standard_streams() -> None:
    """Open /dev/null as each closed standard stream.

    No file of the warehouse gets the descriptor then, and no library finds None as a stream.
    """
    for descriptor, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for the whole process


def _end_process(code: int) -> NoReturn:
    """Flush the output and end the process immediately. All files are closed by now.

    The interpreter's own way takes 150 ms, because it unloads a thousand modules.
    """
    ignore_signals()
    atexit._run_exitfuncs()  # noqa: SLF001 - the interpreter does the same at its end
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the command has reported an output that fails
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
