"""The folder flows/ keeps the shape that Prefect workers need: entry points at its top, and names of its own."""

import ast
import re
import sys
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
