"""Run the installed `ooo` command as a user does: in a process, with its exit code and its output."""

import os
import resource
import subprocess
import sys
from pathlib import Path

OOO = Path(sys.executable).with_name("ooo")


def run_ooo(
    *arguments: str,
    cwd: Path,
    max_file_bytes: int | None = None,
    umask: int = -1,
    stdin: str | None = None,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run `ooo` in the folder `cwd`, with `environment` as its only settings.

    `max_file_bytes` is the largest size of a file: a write beyond it fails, as on a full disk. `umask` is the
    umask of the process.
    """
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    if max_file_bytes is not None:
        inherited["PYTHONDONTWRITEBYTECODE"] = "1"  # Python would leave the cut bytecode of a module behind
    return subprocess.run(
        [str(OOO), *arguments],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        umask=umask,
        input=stdin,
        timeout=120,
        check=False,
        preexec_fn=None if max_file_bytes is None else lambda: _limit_files(max_file_bytes),
    )


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
