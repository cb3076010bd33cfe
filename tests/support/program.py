"""The installed `ooo` command as a person runs it: a process, its exit code, its output."""

import os
import subprocess
import sys
from pathlib import Path

OOO = Path(sys.executable).with_name("ooo")


def run_ooo(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`ooo` with only the given settings in its environment, in a folder of its own."""
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return subprocess.run(
        [str(OOO), *arguments],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
