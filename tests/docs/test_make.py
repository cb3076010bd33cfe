"""The documents name targets of the Makefile that exist, and the lock files fit each other."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _locked_versions(name: str) -> set[tuple[str, str]]:
    """Return the packages of a lock file with their versions."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ;]+)", text, flags=re.MULTILINE))


def _names(requirements: list[str | dict[str, str]]) -> set[str]:
    return {re.split(r"[<>=\[]", entry)[0] for entry in requirements if isinstance(entry, str)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_in_the_documents_exists(document: Path) -> None:
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", document.read_text(encoding="utf-8")))
    assert named <= TARGETS


def test_the_runtime_lock_is_a_part_of_the_development_lock() -> None:
    runtime, development = _locked_versions("requirements.lock"), _locked_versions("requirements-dev.lock")
    assert len(runtime) > 50
    assert runtime < development


def test_each_lock_has_the_packages_that_the_project_declares_for_it() -> None:
    runtime = {package for package, _ in _locked_versions("requirements.lock")}
    development = {package for package, _ in _locked_versions("requirements-dev.lock")}
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    extras = [entry for extra in project["optional-dependencies"].values() for entry in extra]
    assert _names(project["dependencies"]) | _names(groups["build"]) <= runtime
    assert _names(groups["dev"]) | _names(extras) <= development
    assert not runtime & {"dask", "deltalake", "hypothesis", "moto", "mypy", "pandas", "playwright", "pytest"}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_has_hashes_and_names_no_package_index(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    for entry in re.split(r"\n(?=[a-z0-9])", text.strip()):
        assert "--hash=sha256:" in entry, entry.split("\n")[0]
