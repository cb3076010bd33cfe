"""The `ooo` command, also `python -m flows`: the program, started for as little as it takes."""

import atexit
import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command and end with its exit code."""
    # Unless its module for it is missing, httpx loads rich and pygments for its own command line: 60 ms.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    gc.set_threshold(50_000)  # imports leave no garbage; looking for it every 700 objects costs 80 ms
    # Polars' allocator else keeps what it is done with for ten seconds: 37 MB of 415 for 200,000 entries.
    # What it gives back at once, it asks for anew at once: 0.3 s of them.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:100,muzzy_decay_ms:0")
    # Pydantic else looks through every installed package for plugins of its own: 10 ms.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from flows.cli.main import main as run  # noqa: PLC0415 - only now

    try:
        run()
    except SystemExit as ended:
        _leave(ended)


def _leave(ended: SystemExit) -> NoReturn:
    """End here and now: taking a thousand modules apart costs 150 ms, and everything is closed by then."""
    atexit._run_exitfuncs()  # noqa: SLF001 - what the interpreter itself does at its end
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        raise ended from None  # the interpreter knows what to say of an output that is gone
    if not isinstance(ended.code, int):
        raise ended
    os._exit(ended.code)


if __name__ == "__main__":
    main()
