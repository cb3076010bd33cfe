"""What keeps a warehouse well, and people's rights in it: `ooo doctor`, `ooo maintain`, `ooo erase-user`."""

import json
import sys
from dataclasses import asdict

import click

from flows.cli import doctor as examination
from flows.cli.options import json_option
from flows.cli.terminal import write_data, write_summary
from flows.privacy import erasure, maintenance
from flows.settings import load_settings


@click.command()
@json_option("array")
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Examine whether a sync can work here: settings, disk, locks, versions, clock, credential, role.

    \b
      ooo doctor
    """
    findings = []
    for finding in examination.examine():
        findings.append(finding)
        if not as_json:
            click.echo(examination.as_text(finding))
    if as_json:
        write_data(json.dumps([asdict(one) for one in findings], indent=2))
    context.exit(examination.exit_code(findings))


@click.command()
@json_option("object")
def maintain(*, as_json: bool) -> None:
    """Clear away old landings and pending purges, and compact warehouse.duckdb; no row changes.

    \b
      ooo maintain
    """
    write_summary(maintenance.maintain(load_settings()), as_json=as_json)


@click.command()
@click.argument("user_id", type=click.IntRange(min=1))
@click.option("--organization-id", type=click.IntRange(min=1), help="If several organizations know them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase_user(*, user_id: int, organization_id: int | None, yes: bool) -> None:
    """Remove a person from every table and file here, and keep them out of every later sync.

    USER_ID is Cal.com's id of the person, as in dim_people. What readers copied elsewhere is theirs to erase.

    \b
      ooo erase-user 4711
    """
    settings = load_settings()
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("erasing asks for consent: run it on a terminal, or give --yes")
        question = f"Erase user {user_id} from {settings.data_dir}, their entries and history, for good?"
        if not click.confirm(question, err=True):
            raise click.UsageError("nothing was erased")
    click.echo(erasure.erase_user(settings, user_id, organization_id).as_text())
