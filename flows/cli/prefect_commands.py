"""The commands for Prefect: init-prefect and setup-prefect."""

from pathlib import Path

import click

from flows.cli.terminal import json_option, write_summary, write_text


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


@click.command("init-prefect")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--force", is_flag=True, help="Replace the files if they exist.")
def init_prefect(*, folder: Path, force: bool) -> None:
    """Write prefect.yaml and automations.yaml.

    The files are those of the installed program. FOLDER is the current folder by default. The deployments run the
    installed program, so no checkout is needed. Then run `ooo setup-prefect` and `prefect deploy --all` in the folder.
    Run all three again after each upgrade.

    \b
      ooo init-prefect /etc/ooo
    """
    from flows.orchestration.project_files import write_project_files

    for path in write_project_files(folder, replaces=force):
        write_text(str(path))
