"""The foreground server of a command stops at a signal."""

import signal
import subprocess
import sys

import httpx
import pytest

PROGRAM = """
from calcom.simulator import Simulator, World, run_forever

def print_url(url):
    print(url, flush=True)

run_forever(Simulator(World.generate(people=3, years=1)), "127.0.0.1", 0, print_url)
print("stopped", flush=True)
"""


@pytest.mark.parametrize(
    ("stop", "returncode", "last_output"),
    [(signal.SIGINT, 0, "stopped\n"), (signal.SIGTERM, -signal.SIGTERM, "")],
)
def test_the_foreground_server_responds_until_a_signal(
    stop: signal.Signals, returncode: int, last_output: str, anonymous: httpx.Client
) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert anonymous.get(f"{url}/v2/me").status_code == 401
        server.send_signal(stop)
        assert server.stdout.read() == last_output
    assert server.returncode == returncode
