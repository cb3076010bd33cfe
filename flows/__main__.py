"""The `ooo` command, also `python -m flows`: the program, started for as little as it takes."""

import gc
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command and end with its exit code."""
    # Unless its module for it is missing, httpx loads rich and pygments for its own command line: 60 ms.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    gc.disable()  # imports leave no garbage, and looking for it costs 80 ms
    from flows.cli import main as run  # noqa: PLC0415 - only now

    gc.enable()
    run()


if __name__ == "__main__":
    main()
