"""Peak memory, wall time and CPU of a whole `ooo sync` process against the simulator in another process.

python benchmarks/sync_memory.py --people 36000 --years 3 --strategy org-wide
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OOO = Path(sys.executable).with_name("ooo")


def main() -> None:
    """Print one line for a first sync and one for a second without changes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=36_000)
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--strategy", default="org-wide")
    chosen = parser.parse_args()
    simulate = [
        "simulate",
        "--people",
        str(chosen.people),
        "--years",
        str(chosen.years),
        "--port",
        "0",
        "--no-limit",
    ]
    with (
        subprocess.Popen([OOO, *simulate], stdout=subprocess.PIPE, text=True) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        try:
            assert server.stdout is not None
            size, _, url = server.stdout.readline().strip().partition(" at ")
            print(f"{size}, {chosen.strategy}")
            environment = os.environ | {
                "CALCOM_API_URL": url,
                "CALCOM_API_KEY": "cal_simulator_owner",
                "OOO_DATA_DIR": folder,
            }
            for name in ("first sync", "second sync, nothing changed"):
                print(f"{name:<30} {measure([str(OOO), 'sync', '--strategy', chosen.strategy], environment)}")
        finally:
            server.terminate()


def measure(command: list[str], environment: dict[str, str]) -> str:
    """Wall, CPU and peak memory of one process, as the operating system accounts for it."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss / 1024
    return (
        f"exit {process.returncode}  wall {wall:6.1f} s  cpu {usage.ru_utime + usage.ru_stime:6.1f} s"
        f"  peak {peak:6.0f} MB"
    )


if __name__ == "__main__":
    main()
