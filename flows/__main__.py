"""The `ooo` command, also `python -m flows`: start and end the process quickly."""

import atexit
import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command and end the process with its exit code."""
    # httpx loads rich and pygments for its own command line, unless that module is missing: 60 ms.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    gc.set_threshold(50_000)  # imports leave no garbage, and a search every 700 objects costs 80 ms
    # By default, Polars' allocator keeps freed memory for ten seconds: 37 MB of 415 for 200,000 entries.
    # Returning the memory at once costs 0.3 s, because it is allocated again at once.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:100,muzzy_decay_ms:0")
    # By default, Pydantic searches every installed package for plugins: 10 ms.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from flows.cli.main import main as run_command  # noqa: PLC0415 - after the defaults above

    try:
        run_command()
    except SystemExit as exit_request:
        _end_process(exit_request)


def _end_process(exit_request: SystemExit) -> NoReturn:
    """Flush the output and end the process at once. All files are closed by now.

    The interpreter's own way takes 150 ms, because it unloads a thousand modules.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 - the interpreter does the same at its end
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        raise exit_request from None  # the interpreter reports an output that is closed
    if not isinstance(exit_request.code, int):
        raise exit_request
    os._exit(exit_request.code)


if __name__ == "__main__":
    main()
