"""Run the tests against mutants of the pure core and of the SQL, and list the mutants that no test detects.

Usage: python -m tests.mutation.run [--only TEXT]

The mutants of paging, strategies, lists, days and entries are tested in a copy of the repository. The mutants of the
measures are compared with the naive engine, and the survivors with the specifications. `--only` tests the files whose
path contains the text, and also files whose tests take seconds per mutant. The exit code is 1 if a mutant survives
that docs/mutations.md does not explain.
"""

import argparse
import ast
import importlib
import itertools
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mutation.mutants import Mutant, make_mutants

ROOT = Path(__file__).parents[2]
EXPLAINED = ROOT / "docs" / "mutations.md"
PACKAGES = ("calcom", "landing", "transforms", "warehouse", "flows")
LIBRARIES = ("duckdb", "holidays", "httpx", "hypothesis.strategies", "polars", "pyarrow.parquet", "pydantic")
"""Imported once, because each fork that runs tests would otherwise import them again."""
SECONDS_PER_MUTANT = 300
"""The time after which a mutant counts as killed, because it does not end."""

_FORK = multiprocessing.get_context("fork")
_STAMPS = itertools.count(1_000_000_000)


@dataclass(frozen=True)
class Target:
    """Files, and the tests that have to detect every fault in them."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


CORE = (
    Target(
        ("calcom/paging.py", "calcom/scopes.py"),
        ("tests/unit/test_paging.py", "tests/unit/test_scopes.py", "tests/properties/test_scan.py"),
    ),
    Target(("calcom/strategy.py",), ("tests/unit/test_strategy.py",)),
    Target(("calcom/list_checks.py",), ("tests/unit/test_list_checks.py",)),
    Target(
        ("transforms/days.py", "transforms/entries.py"),
        (
            *("tests/unit/test_days.py", "tests/unit/test_entries.py", "tests/spec/test_entries.py"),
            *("tests/spec/test_absence_days.py", "tests/properties/test_days.py"),
        ),
    ),
)
OTHERS = (
    Target(
        (
            *("warehouse/load/snapshot.py", "warehouse/load/guards.py"),
            "warehouse/load/sql/create_absent_people.sql",
        ),
        ("tests/integration/test_snapshot.py", "tests/integration/test_guards.py"),
    ),
    Target(
        (
            *("warehouse/load/sql/create_entry_changes.sql", "warehouse/load/sql/create_proven_spans.sql"),
            *("warehouse/load/sql/update_scope_rows.sql", "warehouse/load/sql/create_changed_people.sql"),
        ),
        ("tests/integration/test_snapshot.py", "tests/properties/test_snapshot.py"),
    ),
    Target(("warehouse/publish/macros/*_by_team.sql",), ("tests/properties/test_teams.py",)),
    Target(("warehouse/load/audits/*.sql",), ("tests/integration/test_audit.py",)),
)
"""Files that are tested on demand, because their tests take seconds per mutant."""

SPECIFICATIONS = (
    "tests/spec/test_measures.py",
    "tests/spec/test_measure_bounds.py",
    "tests/spec/test_person_time_measures.py",
)
"""The tests of the mutants of measures that equal the naive engine."""


def main() -> int:
    """Run the mutants, print the survivors, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="a part of the path of the files")
    only = parser.parse_args().only
    for library in LIBRARIES:
        importlib.import_module(library)
    with tempfile.TemporaryDirectory() as temporary:
        copy = copy_repository(Path(temporary))
        survivors = run_targets(copy, only)
        with ProcessPoolExecutor(1, _FORK) as process:  # this process may not start the threads of DuckDB
            measures = process.submit(_find_surviving_measures, only).result()
        survivors += [mutant for mutant in measures if survives(copy, mutant, specifications_of(mutant))]
    return report(survivors)


def _find_surviving_measures(only: str) -> list[Mutant]:
    from tests.mutation.measures import find_surviving_measures  # noqa: PLC0415 - loads what mutants change

    return find_surviving_measures(only)


def run_targets(copy: Path, only: str) -> list[Mutant]:
    """Test the mutants of the targets, and return the survivors."""
    survivors = []
    for target in (*CORE, *OTHERS) if only else CORE:
        paths = sorted({path.relative_to(ROOT) for name in target.files for path in ROOT.glob(name)})
        chosen = [path for path in paths if only in str(path)]
        if chosen and not passes(copy, target):
            sys.exit(f"the tests fail without a mutant: {' '.join(target.tests)}")
        for path in chosen:
            mutants = make_mutants(str(path), (ROOT / path).read_text(encoding="utf-8"))
            before = len(survivors)
            for mutant in mutants:
                if survives(copy, mutant, target):
                    survivors.append(mutant)
                    print(f"survived: {mutant.change}", flush=True)
            print(f"{path}: {len(survivors) - before} of {len(mutants)} mutants survive", flush=True)
    return survivors


def specifications_of(mutant: Mutant) -> Target:
    """Return the specifications that name the measure of the mutant."""
    measure = Path(mutant.path).stem.removeprefix("create_")
    tests = []
    for file in SPECIFICATIONS:
        text = (ROOT / file).read_text(encoding="utf-8")
        for function in ast.walk(ast.parse(text)):
            if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
                decorators = [ast.get_source_segment(text, node) or "" for node in function.decorator_list]
                if measure in "".join([ast.get_source_segment(text, function) or "", *decorators]):
                    tests.append(f"{file}::{function.name}")
    return Target((), tuple(tests))


def copy_repository(folder: Path) -> Path:
    """Copy the files that git lists to `folder`, and return their root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def survives(copy: Path, mutant: Mutant, target: Target) -> bool:
    """Return True if the tests pass with the mutant in the copy of the repository, also if there are none."""
    if not target.tests:
        return True
    path = copy / mutant.path
    original = path.read_text(encoding="utf-8")
    _write(path, mutant.text)
    try:
        return passes(copy, target)
    finally:
        _write(path, original)


def _write(path: Path, text: str) -> None:
    """Write the file with a time of its own, because bytecode is reused if time and size of its file are equal."""
    path.write_text(text, encoding="utf-8")
    stamp = next(_STAMPS)
    os.utime(path, (stamp, stamp))


def passes(copy: Path, target: Target) -> bool:
    """Return True if the tests of the target pass in the copy of the repository, within the time.

    The tests run in a fork of this process, which has imported their libraries, and no module of the repository
    that a mutant can change.
    """
    process = _FORK.Process(target=_run_tests, args=(copy, target.tests))
    process.start()
    process.join(SECONDS_PER_MUTANT)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode == 0


def _run_tests(copy: Path, tests: tuple[str, ...]) -> None:
    """Run the tests without output, stop at the first failure, and end this process with their exit code."""
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    os.environ["OOO_HYPOTHESIS_PROFILE"] = "mutants"
    for name in [name for name in sys.modules if name.split(".")[0] in {"tests", *PACKAGES}]:
        del sys.modules[name]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    options = ("-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
    sys.exit(pytest.main([*options, *tests]))


def report(survivors: list[Mutant]) -> int:
    """Print the survivors without an explanation, and return 1 if there are any."""
    explained = set(
        re.findall(r"^- (`\S+`: `.+` → `.*`)\.?$", EXPLAINED.read_text(encoding="utf-8"), re.MULTILINE)
    )
    unexplained = [mutant for mutant in survivors if mutant.change not in explained]
    for mutant in unexplained:
        print(f"not explained: line {mutant.line}: - {mutant.change}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
