"""`ooo sync`."""

import click

from calcom.strategy import Strategy
from flows.cli.options import ALLOW_MASS_DELETE, QUIET, json_option
from flows.cli.terminal import write_summary
from flows.run import stages as pipeline
from flows.run.progress import show_progress
from flows.settings import load_settings

_STRATEGIES = click.Choice([strategy.value for strategy in Strategy])


@click.command()
@click.option("--strategy", type=_STRATEGIES, default="auto", show_default=True, help="How entries are read.")
@ALLOW_MASS_DELETE
@json_option("object, the run summary")
@QUIET
@click.pass_context
def sync(
    context: click.Context, *, strategy: str, allow_mass_delete: bool, as_json: bool, quiet: bool
) -> None:
    """Read the organization, load what is proved, publish it.

    \b
      CALCOM_API_KEY=cal_… ooo sync
      ooo sync --strategy per-user --json | jq .rows
    """
    settings = load_settings()
    with show_progress(is_quiet=quiet) as listener:
        summary = pipeline.sync(
            settings,
            strategy=Strategy(strategy),
            listener=listener,
            allows_mass_delete=allow_mass_delete,
        )
    write_summary(summary, as_json=as_json)
    context.exit(summary.exit_code)
