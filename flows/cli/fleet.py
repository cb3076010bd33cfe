"""`ooo fleet`: many organizations in one warehouse."""

from pathlib import Path
from typing import Any

import click

from flows.cli.options import ALLOW_MASS_DELETE, QUIET, json_option
from flows.cli.terminal import write_summary
from flows.fleet.loader import sync_fleet
from flows.fleet.organizations import read_organizations
from flows.run.progress import SilentListener, named_lines
from flows.settings import load_settings


@click.group()
def fleet() -> None:
    """Many organizations in one warehouse, each with a credential of its own.

    \b
      ooo fleet sync orgs.toml
    """


@fleet.command()
@click.argument("organizations", type=click.Path(dir_okay=False, path_type=Path))
@ALLOW_MASS_DELETE
@json_option("object, the fleet's summary")
@QUIET
@click.pass_context
def sync(
    context: click.Context, *, organizations: Path, allow_mass_delete: bool, as_json: bool, quiet: bool
) -> None:
    """Read every organization of a TOML file, several at once; load one by one, publish once.

    \b
      ooo fleet sync orgs.toml --json | jq .organizations
    """
    summary = sync_fleet(
        load_settings(),
        read_organizations(organizations),
        read_block=_read_block,
        listener_for=lambda name: SilentListener() if quiet else named_lines(name),
        allows_mass_delete=allow_mass_delete,
    )
    write_summary(summary, as_json=as_json)
    context.exit(summary.exit_code)


def _read_block(name: str) -> Any:
    from flows.orchestration.blocks import read_block  # noqa: PLC0415 - Prefect takes seconds, and only a block needs it

    return read_block(name)
