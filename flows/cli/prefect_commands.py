"""The commands for Prefect: setup-prefect."""

from pathlib import Path

import click

from flows.cli.terminal import json_option, write_summary


@click.command("setup-prefect")
@click.argument(
    "automations", type=click.Path(dir_okay=False, path_type=Path), default=Path("automations.yaml")
)
@json_option("object, the changes")
def setup_prefect(*, automations: Path, as_json: bool) -> None:
    """Set up the Prefect server: work pool, queues and alarms.

    AUTOMATIONS is the file of the alarms, automations.yaml by default. A second run changes nothing, so run it again
    after each upgrade. PREFECT_API_URL names the server.

    \b
      ooo setup-prefect
    """
    from flows.orchestration import setup

    write_summary(setup.set_up_prefect(automations), as_json=as_json)
