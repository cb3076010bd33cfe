"""Run the tests against mutants of the pure core and of the SQL, and list the mutants that no test detects.

Usage: python -m tests.mutation.run [--minutes MINUTES] [--seed SEED] [--only TEXT]

All mutants of the measures are compared with the naive engine, and the survivors with the specifications. Of the
other files, as many mutants are tested as the time allows, in a random order. Each of them is tested in a copy of the
repository. The exit code is 1 if a mutant survives that docs/mutations.md does not explain.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.measures import find_surviving_measures
from tests.mutation.mutants import Mutant, make_mutants

ROOT = Path(__file__).parents[2]
EXPLAINED = ROOT / "docs" / "mutations.md"
SECONDS_PER_MUTANT = 300
"""The time after which a mutant counts as killed, because it does not end."""


@dataclass(frozen=True)
class Target:
    """Files, and the tests that have to detect every fault in them."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS = (
    Target(
        ("calcom/paging.py",),
        ("tests/unit/test_paging.py", "tests/properties/test_scan.py"),
    ),
    Target(("calcom/strategy.py",), ("tests/unit/test_strategy.py",)),
    Target(("calcom/list_checks.py",), ("tests/integration/test_list_ends.py",)),
    Target(
        ("transforms/days.py", "transforms/entries.py"),
        (
            *("tests/unit/test_days.py", "tests/unit/test_entries.py", "tests/spec/test_entries.py"),
            *("tests/spec/test_absence_days.py", "tests/properties/test_days.py"),
        ),
    ),
    Target(
        ("warehouse/load/snapshot.py", "warehouse/load/sql/create_absent_people.sql"),
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

SPECIFICATIONS = Target((), ("tests/spec/test_measures.py", "tests/spec/test_person_time_measures.py"))
"""The tests of the mutants of measures that equal the naive engine."""


def main() -> int:
    """Run the mutants, print the survivors, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=float, default=15.0, help="time for the files other than the measures"
    )
    parser.add_argument("--seed", type=int, default=1, help="the order of the mutants")
    parser.add_argument("--only", default="", help="a part of the path of the files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        copy = copy_repository(Path(temporary))
        measures = find_surviving_measures(arguments.only)
        survivors = [mutant for mutant in measures if survives(copy, mutant, SPECIFICATIONS)]
        survivors += run_targets(copy, arguments.minutes * 60, arguments.seed, arguments.only)
    return report(survivors)


def run_targets(copy: Path, seconds: float, seed: int, only: str) -> list[Mutant]:
    """Test mutants of the targets in a random order until the time is over, and return the survivors."""
    mutants = [
        (mutant, target)
        for target in TARGETS
        for pattern in target.files
        for path in sorted(ROOT.glob(pattern))
        if only in str(path.relative_to(ROOT))
        for mutant in make_mutants(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    ]
    random.Random(seed).shuffle(mutants)
    tested: Counter[str] = Counter()
    survivors = []
    end = time.monotonic() + seconds
    for target in {target for _, target in mutants}:
        if not passes(copy, target):
            sys.exit(f"the tests fail without a mutant: {' '.join(target.tests)}")
    for mutant, target in mutants:
        if time.monotonic() > end:
            break
        tested[mutant.path] += 1
        if survives(copy, mutant, target):
            survivors.append(mutant)
            print(f"survived: {mutant.change}", flush=True)
    for path, count in sorted(Counter(mutant.path for mutant, _ in mutants).items()):
        print(f"{path}: {tested[path]} of {count} mutants tested")
    print(f"{tested.total()} of {len(mutants)} mutants tested, {len(survivors)} survived", flush=True)
    return survivors


def copy_repository(folder: Path) -> Path:
    """Copy the files that git lists to `folder`, and return their root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def survives(copy: Path, mutant: Mutant, target: Target) -> bool:
    """Return True if the tests pass with the mutant in the copy of the repository."""
    path = copy / mutant.path
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.text, encoding="utf-8")
    try:
        return passes(copy, target)
    except subprocess.TimeoutExpired:
        return False
    finally:
        path.write_text(original, encoding="utf-8")


def passes(copy: Path, target: Target) -> bool:
    """Return True if the tests of the target pass in the copy of the repository."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *target.tests]
    environment = os.environ | {"OOO_HYPOTHESIS_PROFILE": "mutants", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, check=False, timeout=SECONDS_PER_MUTANT
    )
    return done.returncode == 0


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
