"""Measure `ooo sync`, dlt, PyAirbyte and bare scripts against the same server, one process after the other.

make bench                                        everything; takes an hour on two cores
.venv/bin/python benchmarks/run.py --only one_entry 1000_users

Wall time, CPU time and peak memory are the operating system's account of each process. The programs are
installed into separate environments in `benchmarks/.scratch`, as users install them. The results are written to
`results.json` beside this file and to the documents.
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

from report import LIMIT_PER_MINUTE, SPEED, describe_machine, write_report

HERE = Path(__file__).parent
SCRATCH = HERE / ".scratch"


@dataclass(frozen=True)
class Scenario:
    """One organization, its server, and the contenders that read it, in order, each into its own folder."""

    name: str
    server: tuple[str, ...]
    contenders: tuple[str, ...]
    rounds: int = 1
    """The number of rounds. In each round, all contenders run one after the other. Slow contenders run once."""


@dataclass(frozen=True)
class Measured:
    """The time and memory of one process, or the medians of several."""

    scenario: str
    entries: int
    contender: str
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    requests: int
    reading_seconds: float
    """Seconds from the first request to the last."""
    wall_rounds: tuple[float, ...] = ()
    """The wall seconds of each round: contenders are compared round by round."""


def organization(people: int, entries: int) -> tuple[str, ...]:
    """Return the arguments of a server with that number of people and entries."""
    return ("--people", str(people), "--years", "3", "--entries", str(entries))


MINUTES = 60.0
"""Contenders that take longer, in seconds, are measured once."""

FIRST, AGAIN, CHANGED = "auto", "auto, nothing changed", "auto, 1 % changed"
BARE = ("bare httpx, org-wide", "bare httpx, per user")
OTHERS = {
    "dlt": ("dlt_stock.py", "dlt[duckdb]", "pyarrow"),
    "dlt, tuned": ("dlt_tuned.py", "dlt[duckdb]", "pyarrow"),
    "PyAirbyte": ("airbyte_declarative.py", "airbyte"),
}
"""The script of each other program, then its requirements from the package index."""
THOUSAND, TEN_THOUSAND = organization(1000, 10_438), organization(10_000, 201_427)
SCENARIOS = (
    Scenario("one_entry", organization(2, 1), (*BARE, FIRST), rounds=5),
    Scenario("1000_users", THOUSAND, (*BARE, *OTHERS, FIRST, AGAIN, CHANGED, "per-user"), rounds=5),
    Scenario("1000_users_50_ms", (*THOUSAND, "--latency", "0.05"), (*BARE, *OTHERS, FIRST, "per-user")),
    Scenario("10000_users", TEN_THOUSAND, (*BARE, *OTHERS, FIRST, AGAIN, CHANGED, "per-user"), rounds=5),
    Scenario("million", organization(36_000, 1_000_000), (BARE[0], FIRST, AGAIN, CHANGED)),
    Scenario(
        "limited",
        (*THOUSAND, "--limit", str(LIMIT_PER_MINUTE), "--speed", str(SPEED)),
        ("per-user, fast clock",),
    ),
)


def main() -> None:
    """Measure the chosen scenarios, store the results, and write the report over all stored results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=[scenario.name for scenario in SCENARIOS])
    parser.add_argument("--without-others", action="store_true")
    chosen = parser.parse_args()
    results_path = HERE / "results.json"
    results = json.loads(results_path.read_text()) if results_path.exists() else {}
    for scenario in SCENARIOS:
        if chosen.only and scenario.name not in chosen.only:
            continue
        contenders = [name for name in scenario.contenders if not (chosen.without_others and name in OTHERS)]
        measured = [asdict(figures) for figures in run_scenario(scenario, contenders)]
        results[scenario.name] = {"measured": describe_machine(), "contenders": measured}
        results_path.write_text(json.dumps(results, indent=2) + "\n")
    write_report(results, HERE.parent / "docs")


def run_scenario(scenario: Scenario, contenders: list[str]) -> list[Measured]:
    """Return the figures of every contender; print each measurement when it is made."""
    measurements: dict[str, list[Measured]] = {contender: [] for contender in contenders}
    with serving(scenario) as (url, entries):
        for _ in range(scenario.rounds):
            with tempfile.TemporaryDirectory() as folder:
                for contender, earlier in measurements.items():
                    if not earlier or earlier[0].wall_seconds < MINUTES:
                        earlier.append(run_contender(scenario, contender, url, Path(folder), entries))
    return [median(measured) for measured in measurements.values()]


def run_contender(scenario: Scenario, contender: str, url: str, folder: Path, entries: int) -> Measured:
    """Measure one contender in its own folder; its second run finds the files of the first."""
    if contender == CHANGED:
        fetch(f"{url}/change?share=0.01")
    own = folder / (FIRST if contender.startswith(FIRST) else contender)
    own.mkdir(exist_ok=True)
    fetch(f"{url}/requests")
    wall, cpu, peak = measure(command_of(contender, own), url, own)
    traffic = json.loads(fetch(f"{url}/requests"))
    figures = Measured(
        scenario.name, entries, contender, wall, cpu, peak, traffic["requests"], traffic["seconds"]
    )
    print(
        f"{scenario.name:<18}{contender:<24}wall {wall:7.2f} s  cpu {cpu:7.2f} s  peak {peak:6.0f} MB"
        f"  {figures.requests:,} requests",
        flush=True,
    )
    return figures


def median(measured: list[Measured]) -> Measured:
    """Return the median of each figure, with the wall seconds of every round."""
    figures = ("wall_seconds", "cpu_seconds", "peak_mb", "reading_seconds")
    medians = {name: statistics.median(getattr(run, name) for run in measured) for name in figures}
    return replace(measured[0], **medians, wall_rounds=tuple(run.wall_seconds for run in measured))


@contextlib.contextmanager
def serving(scenario: Scenario) -> Iterator[tuple[str, int]]:
    """Run a server of the scenario's organization in its own process; yield its URL and number of entries."""
    command = [sys.executable, str(HERE / "server.py"), *scenario.server]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            facts = json.loads(server.stdout.readline())
            yield f"http://127.0.0.1:{facts['port']}", facts["entries"]
        finally:
            server.terminate()


def command_of(contender: str, folder: Path) -> list[str]:
    """Return the command that starts the contender."""
    scripts = HERE / "contenders"
    match contender:
        case "bare httpx, org-wide":
            return [str(installed_ooo() / "python"), str(scripts / "bare_org_wide.py"), str(folder)]
        case "bare httpx, per user":
            return [str(installed_ooo() / "python"), str(scripts / "bare_per_user.py"), str(folder)]
        case other if other in OTHERS:
            script, *requirements = OTHERS[other]
            environment = installed(requirements[0].partition("[")[0], *requirements)
            return [str(environment / "python"), str(scripts / script), str(folder)]
        case "per-user, fast clock":
            return [str(installed_ooo() / "python"), str(scripts / "ooo_fast_clock.py"), str(SPEED)]
    return [str(installed_ooo() / "ooo"), "sync", "--quiet", "--strategy", contender.partition(",")[0]]


@cache
def installed_ooo() -> Path:
    """Install this checkout with the locked versions of its dependencies; return the folder of its commands."""
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
    """Install the requirements, and nothing else, into an environment; return the folder of its commands."""
    commands = SCRATCH / name / "bin"
    if not (commands / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(SCRATCH / name)], check=True)
        subprocess.run(
            [str(commands / "python"), "-m", "pip", "install", "--quiet", *requirements], check=True
        )
        (commands / ".installed").touch()
    return commands


def measure(command: list[str], url: str, folder: Path) -> tuple[float, float, float]:
    """Run one process and return its wall seconds, CPU seconds and peak megabytes; raise if it fails."""
    environment = os.environ | {
        "CALCOM_API_URL": url,
        "CALCOM_API_KEY": "cal_benchmark",
        "OOO_DATA_DIR": str(folder / "data"),
        "OOO_TEAMS": "false",  # the other programs read no teams
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users' installations store bytecode
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{' '.join(command)} ended with exit code {process.returncode}, expected 0"
        raise RuntimeError(message)
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def fetch(url: str) -> str:
    """Return the response of one of the server's own routes, which are not counted as requests."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - loopback
        body: bytes = answer.read()
    return body.decode()


if __name__ == "__main__":
    main()
