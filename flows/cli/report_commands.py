"""The commands that describe the publication, and the shell completion: status, report, completion.

The body of each command imports the function that it calls, so that the help and each command load only the
libraries that they use.
"""

import json
from datetime import timedelta
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from flows.cli.options import refuse_own_file
from flows.cli.terminal import json_option, write_text


@click.command()
@json_option("object")
@click.option(
    "--max-age-hours",
    type=click.FloatRange(min=0),
    help="Exit with code 16 if the newest snapshot of an organization is older.",
)
def status(*, as_json: bool, max_age_hours: float | None) -> None:
    """Show how fresh and complete the published tables are.

    \b
      ooo status
      ooo status --max-age-hours 26 || mail -s "out-of-office tables are stale" data@example.com
    """
    from flows.report.status import raise_if_older, read_status, status_text
    from flows.settings import load_settings

    facts = read_status(load_settings())
    write_text(json.dumps(facts, default=str, indent=2) if as_json else status_text(facts))
    if max_age_hours is not None:
        raise_if_older(facts, timedelta(hours=max_age_hours))


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write. [default: both pages, in reports/ under OOO_DATA_DIR]",
)
@click.option(
    "--with-reasons",
    is_flag=True,
    help="With --output, write the page with reasons and measures by person.",
)
def report(*, output: Path | None, with_reasons: bool) -> None:
    """Write the report pages about the published tables.

    out-of-office.html lists the absent people, and absence-report.html adds reasons and measures. Each page is one HTML
    file that needs no network.

    \b
      ooo report
      ooo report --output friday.html
    """
    from flows.report.export import open_output
    from flows.report.page import read_pages, save_pages
    from flows.settings import load_settings
    from flows.settings.data_folder import created_with, database_path
    from flows.settings.values import FilePermissions

    if with_reasons and output is None:
        raise click.UsageError(
            "--with-reasons needs --output, expected the file to write; without both, both pages are written."
        )
    settings = load_settings()
    refuse_own_file(output, settings)
    with created_with(FilePermissions.OWNER if with_reasons else settings.file_permissions):
        pages = read_pages(database_path(settings))
        if output is None:
            write_text("\n".join(str(path) for path in save_pages(pages, settings)))
            return
        with open_output(output) as content:
            content.write((pages.report if with_reasons else pages.away).encode())
    write_text(str(output))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print the script that completes `ooo` in a shell.

    \b
      ooo completion bash >> ~/.bashrc
    """
    complete = get_completion_class(shell)
    if complete is not None:
        click.echo(complete(context.find_root().command, {}, "ooo", "_OOO_COMPLETE").source())
