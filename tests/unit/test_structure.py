"""The structure of the packages: the entry points of Prefect, one root error each, and one way to write a file."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOWS = ROOT / "flows"
PACKAGES = {"calcom", "landing", "transforms", "warehouse", "flows"}
TOP_LEVEL = sorted(
    path for path in FLOWS.iterdir() if path.name not in {"__init__.py", "__main__.py", "__pycache__"}
)
ENTRY_POINTS = re.findall(r"entrypoint: (\S+):(\S+)", (ROOT / "prefect.yaml").read_text(encoding="utf-8"))
VARIANTS = {"flows/sync_fleet_on_dask.py"}
"""Entry points that no deployment names, because they need an extra."""


@pytest.mark.parametrize("path", TOP_LEVEL, ids=lambda path: path.name)
def test_no_name_in_flows_hides_a_module_of_python_or_of_an_installed_package(path: Path) -> None:
    # A worker loads flows/sync.py as a script, so that flows/ comes first on sys.path.
    assert path.stem not in sys.stdlib_module_names
    assert path.stem not in set(packages_distributions()) - PACKAGES


def test_the_modules_at_the_top_of_flows_are_the_entry_points_of_the_deployments() -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in TOP_LEVEL if path.suffix == ".py"}
    assert modules == {module for module, _ in ENTRY_POINTS} | VARIANTS


@pytest.mark.parametrize(("module", "name"), sorted(set(ENTRY_POINTS)))
def test_each_entry_point_of_a_deployment_is_a_prefect_flow(module: str, name: str) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    decorators = [ast.unparse(decorator) for function in functions for decorator in function.decorator_list]
    assert [decorator.split("(")[0] for decorator in decorators] == ["flow"]


ROOT_ERRORS = {
    "calcom": "CalcomError",
    "landing": "LandingError",
    "transforms": "TransformError",
    "warehouse": "WarehouseError",
    "flows": "FlowsError",
}
INTERNAL = {"BodyTooLargeError", "HeadersTooLargeError", "UnknownEncodingError", "RefusalError"}
"""Errors of the transport that the requester translates, and the refusals of the simulator."""


def modules(package: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_every_error_of_a_package_has_the_root_of_the_package_and_the_common_root(package: str) -> None:
    bases = {
        node.name: ast.unparse(node.bases[0])
        for _, tree in modules(package)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and not node.name.startswith("_")
    }
    errors = bases.keys() - INTERNAL - {"OooError"}
    roots = {error for error in errors if bases[error] not in errors}
    assert roots == {ROOT_ERRORS[package]}
    assert bases[ROOT_ERRORS[package]] == "OooError"


PROBES = {"flows/cli/doctor.py"}
"""Modules that rename a file to find out whether the folder allows it."""


def test_only_the_functions_for_atomic_files_rename_files() -> None:
    renaming = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path, tree in modules(package)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and (
            ast.unparse(call.func) in {"os.rename", "os.replace", "os.link", "shutil.move"}
            or (call.func.attr == "hardlink_to")
            # Path.replace has one argument, and str.replace has two.
            or (call.func.attr == "replace" and len(call.args) == 1 and "pl." not in ast.unparse(call))
        )
    }
    assert renaming == {"landing/files.py", *PROBES}
