"""Options that several commands take, each declared once."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any] | click.Command)

ALLOW_MASS_DELETE = click.option(
    "--allow-mass-delete", is_flag=True, help="Load even if most entries would be deleted."
)
QUIET = click.option("--quiet", is_flag=True, help="Show no progress.")


def json_option(what: str) -> Callable[[_Decorated], _Decorated]:
    """`--json`, which prints one JSON `what`."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print one JSON {what}.")
