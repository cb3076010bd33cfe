"""The start of the `ooo` command: refuse to start if another package hides one of the program's packages.

The packages have short names, such as `flows`. In an environment of its own, nothing else has these names. This module
has a name of its own and imports none of them before the check.
"""

import contextlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

PACKAGES = ("calcom", "landing", "transforms", "warehouse", "flows")
CONFIGURATION = 10
"""The exit code of `calcom.errors.ExitCode`, which a hidden package may not provide."""


def main() -> NoReturn:
    """Check the packages, then run the command and end the process with its exit code."""
    if (problem := find_hidden_package()) is not None:
        with contextlib.suppress(OSError):  # the standard error is closed or full
            os.write(2, f"error: {problem}\n".encode())
        sys.exit(CONFIGURATION)
    from flows.__main__ import main as run  # noqa: PLC0415 - after the check

    run()


def find_hidden_package() -> str | None:
    """Return a sentence about the first package that another one hides, or None."""
    own = Path(__file__).resolve().parent
    for name in PACKAGES:
        spec = find_spec(name)
        folder = Path(spec.origin).resolve().parent if spec is not None and spec.origin else None
        if folder != own / name:
            other = "there is none" if spec is None else f"another one is in {folder or spec.name}"
            return (
                f"the Python package {name} of this program is expected in {own / name}, and {other}. Install the"
                " program into an environment of its own (`uv tool install` or `pipx install`), and remove the other"
                " package's folder from PYTHONPATH"
            )
    return None


if __name__ == "__main__":
    main()
