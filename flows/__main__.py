"""The `ooo` command, also `python -m flows`: the program, started for as little as it takes."""

import gc
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command and end with its exit code."""
    # Unless its module for it is missing, httpx loads rich and pygments for its own command line: 60 ms.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    gc.set_threshold(50_000)  # imports leave no garbage; looking for it every 700 objects costs 80 ms
    from flows.cli import main as run  # noqa: PLC0415 - only now

    run()


if __name__ == "__main__":
    main()
