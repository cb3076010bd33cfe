"""The whole of `ooo sync`, dlt and bare httpx scripts against the same server, process by process.

make bench                                        everything: an hour on two cores
.venv/bin/python benchmarks/run.py --only one_entry 1000_users

Wall, CPU and peak memory are the operating system's account of each process. The project, as its users
install it, and dlt have environments of their own in `benchmarks/.scratch`. Results go to `results.json`
beside this file and to the docs.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from report import LIMIT_A_MINUTE, SPEED, write_report

HERE = Path(__file__).parent
SCRATCH = HERE / ".scratch"
DLT = "dlt[duckdb]==1.31.0"


@dataclass(frozen=True)
class Scenario:
    """One organization, how it is served, and who reads it, in order, into one folder each."""

    name: str
    server: tuple[str, ...]
    contenders: tuple[str, ...]
    rounds: int = 1
    """Each contender's figures are the medians of so many; once is enough of what takes minutes."""


@dataclass(frozen=True)
class Measured:
    """What one process took, or the medians of several."""

    scenario: str
    entries: int
    contender: str
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    requests: int
    reading_seconds: float
    """From the first request to the last."""


def organization(people: int, entries: int) -> tuple[str, ...]:
    """A server's arguments for so many people and entries."""
    return ("--people", str(people), "--years", "3", "--entries", str(entries))


MINUTES = 60.0
"""What takes longer is measured once."""

FIRST, AGAIN, CHANGED = "auto", "auto, nothing changed", "auto, 1 % changed"
BARE = ("bare httpx, org-wide", "bare httpx, per user")
THOUSAND, TEN_THOUSAND = organization(1000, 10_438), organization(10_000, 201_427)
SCENARIOS = (
    Scenario("one_entry", organization(2, 1), (*BARE, FIRST), rounds=5),
    Scenario("1000_users", THOUSAND, (*BARE, "dlt", FIRST, AGAIN, CHANGED, "per-user"), rounds=3),
    Scenario("1000_users_50_ms", (*THOUSAND, "--latency", "0.05"), (*BARE, "dlt", FIRST, "per-user")),
    Scenario("10000_users", TEN_THOUSAND, (*BARE, "dlt", FIRST, AGAIN, CHANGED, "per-user"), rounds=3),
    Scenario("million", organization(36_000, 1_000_000), (BARE[0], FIRST, AGAIN, CHANGED)),
    Scenario(
        "limited",
        (*THOUSAND, "--limit", str(LIMIT_A_MINUTE), "--speed", str(SPEED)),
        ("per-user, fast clock",),
    ),
)


def main() -> None:
    """Measure what the arguments name, keep it, and write the report over all that was ever kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=[one.name for one in SCENARIOS])
    parser.add_argument("--without-dlt", action="store_true")
    chosen = parser.parse_args()
    results_path = HERE / "results.json"
    results = json.loads(results_path.read_text()) if results_path.exists() else {}
    for scenario in SCENARIOS:
        if chosen.only and scenario.name not in chosen.only:
            continue
        contenders = [one for one in scenario.contenders if one != "dlt" or not chosen.without_dlt]
        results[scenario.name] = [asdict(one) for one in run_scenario(scenario, contenders)]
        results_path.write_text(json.dumps(results, indent=2) + "\n")
    write_report(results, HERE.parent / "docs")


def run_scenario(scenario: Scenario, contenders: list[str]) -> list[Measured]:
    """Every contender's figures, each printed as it comes."""
    found: dict[str, list[Measured]] = {contender: [] for contender in contenders}
    with serving(scenario) as (url, entries):
        for _ in range(scenario.rounds):
            with tempfile.TemporaryDirectory() as folder:
                for contender, before in found.items():
                    if not before or before[0].wall_seconds < MINUTES:
                        before.append(run_contender(scenario, contender, url, Path(folder), entries))
    return [median(measured) for measured in found.values()]


def run_contender(scenario: Scenario, contender: str, url: str, folder: Path, entries: int) -> Measured:
    """One contender's figures, in a folder of its own; a second run finds the first one's."""
    if contender == CHANGED:
        ask(f"{url}/change?share=0.01")
    own = folder / (FIRST if contender.startswith(FIRST) else contender)
    own.mkdir(exist_ok=True)
    ask(f"{url}/requests")
    wall, cpu, peak = measure(command_of(contender, own), url, own)
    told = json.loads(ask(f"{url}/requests"))
    one = Measured(scenario.name, entries, contender, wall, cpu, peak, told["requests"], told["seconds"])
    print(
        f"{scenario.name:<18}{contender:<24}wall {wall:7.2f} s  cpu {cpu:7.2f} s  peak {peak:6.0f} MB"
        f"  {one.requests:,} requests",
        flush=True,
    )
    return one


def median(measured: list[Measured]) -> Measured:
    """The median of each figure."""
    figures = ("wall_seconds", "cpu_seconds", "peak_mb", "reading_seconds")
    return replace(
        measured[0], **{name: statistics.median(getattr(one, name) for one in measured) for name in figures}
    )


@contextlib.contextmanager
def serving(scenario: Scenario) -> Iterator[tuple[str, int]]:
    """A server of the scenario's organization in a process of its own: its address and entries."""
    command = [sys.executable, str(HERE / "server.py"), *scenario.server]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            facts = json.loads(server.stdout.readline())
            yield f"http://127.0.0.1:{facts['port']}", facts["entries"]
        finally:
            server.terminate()


def command_of(contender: str, folder: Path) -> list[str]:
    """What starts the contender."""
    scripts = HERE / "contenders"
    match contender:
        case "bare httpx, org-wide":
            return [str(installed_ooo() / "python"), str(scripts / "bare_org_wide.py"), str(folder)]
        case "bare httpx, per user":
            return [str(installed_ooo() / "python"), str(scripts / "bare_per_user.py"), str(folder)]
        case "dlt":
            return [str(installed("dlt", DLT) / "python"), str(scripts / "dlt_stock.py"), str(folder)]
        case "per-user, fast clock":
            return [str(installed_ooo() / "python"), str(scripts / "ooo_fast_clock.py"), str(SPEED)]
    return [str(installed_ooo() / "ooo"), "sync", "--quiet", "--strategy", contender.partition(",")[0]]


@cache
def installed_ooo() -> Path:
    """The commands of an environment that has this checkout as users install it, at the locked versions."""
    SCRATCH.mkdir(exist_ok=True)
    constraints = SCRATCH / "constraints.txt"
    locked = (HERE.parent / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pinned = [line.removesuffix(" \\") for line in locked if "==" in line and not line.startswith(" ")]
    constraints.write_text("\n".join(pinned), encoding="utf-8")
    commands = installed("ooo", "--constraint", str(constraints), str(HERE.parent))
    reinstall = ("-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", str(HERE.parent))
    subprocess.run([str(commands / "python"), *reinstall], check=True)
    return commands


def installed(name: str, *requirements: str) -> Path:
    """The commands of an environment that has the requirements and nothing else."""
    commands = SCRATCH / name / "bin"
    if not (commands / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(SCRATCH / name)], check=True)
        subprocess.run(
            [str(commands / "python"), "-m", "pip", "install", "--quiet", *requirements], check=True
        )
        (commands / ".installed").touch()
    return commands


def measure(command: list[str], url: str, folder: Path) -> tuple[float, float, float]:
    """Wall and CPU seconds and peak megabytes of one process, which has to end well."""
    environment = os.environ | {
        "CALCOM_API_URL": url,
        "CALCOM_API_KEY": "cal_benchmark",
        "OOO_DATA_DIR": str(folder / "data"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled once
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{' '.join(command)} ended with {process.returncode}"
        raise RuntimeError(message)
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def ask(url: str) -> str:
    """The server's own answer, which counts as no request."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - loopback
        body: bytes = answer.read()
    return body.decode()


if __name__ == "__main__":
    main()
