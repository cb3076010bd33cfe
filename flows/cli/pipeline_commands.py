"""The commands that read, load and maintain: sync, plan, fleet, maintain, erase-user, doctor.

The body of each command imports the function that it calls, so that the help and each command load only the
libraries that they use.
"""

import contextlib
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from flows.cli.terminal import (
    QUIET,
    json_option,
    log_options,
    open_listener,
    request_writer,
    verbose_option,
    write_data,
    write_summary,
    write_text,
)

STRATEGIES = ("auto", "per-user", "org-wide", "both")
"""The values of `calcom.strategy.Strategy`, whose module loads an HTTP client; a test compares the two."""

_ALLOW_MASS_DELETE = click.option(
    "--allow-mass-delete", is_flag=True, help="Load even if the run would delete most entries."
)
_MOST_DIGITS = 18
"""The digits of an id that a BIGINT always holds."""


@click.command()
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default="auto",
    show_default=True,
    help="The way in which entries are read; auto reads org-wide, or per user if that is refused.",
)
@_ALLOW_MASS_DELETE
@json_option("object, the run summary")
@QUIET
@log_options
@click.pass_context
def sync(
    context: click.Context, /, *, strategy: str, allow_mass_delete: bool, as_json: bool, **log: Any
) -> None:
    """Read, load and publish the entries of the organization.

    A row is deleted only if the run proved that its record is gone.

    \b
      CALCOM_API_KEY=cal_… ooo sync
      ooo sync --strategy per-user --json | jq .rows
    """
    from calcom.strategy import Strategy
    from flows.run import stages
    from flows.settings import load_settings

    settings = load_settings()
    _warn_of_exposed_env_file()
    with open_listener(settings, **log) as listener:
        summary = stages.sync(
            settings,
            strategy=Strategy(strategy),
            listener=listener,
            allows_mass_delete=allow_mass_delete,
        )
    write_summary(summary, as_json=as_json)
    context.exit(summary.exit_code)


def _warn_of_exposed_env_file() -> None:
    from flows.settings.environment import find_exposed_env_file

    if warning := find_exposed_env_file():
        click.echo(f"warning: {warning}", err=True)


@click.command()
@verbose_option
def plan(*, verbose: bool) -> None:
    """Show the cost of a sync, in requests and minutes.

    The cost is shown for each strategy.

    \b
      ooo plan
    """
    from flows.run.plan import forecast
    from flows.settings import load_settings

    write_text(forecast(load_settings(), on_request=request_writer(verbose=verbose)).as_text())


@click.group()
def fleet() -> None:
    """Sync many organizations into one warehouse.

    Each organization has a credential of its own.

    \b
      ooo fleet sync orgs.toml
    """


@fleet.command("sync")
@click.argument("organizations", type=click.Path(dir_okay=False, path_type=Path))
@_ALLOW_MASS_DELETE
@json_option("object, the fleet's summary")
@QUIET
@log_options
@click.pass_context
def sync_organizations(
    context: click.Context, /, *, organizations: Path, allow_mass_delete: bool, as_json: bool, **log: Any
) -> None:
    """Read, load and publish every organization of a TOML file.

    Several organizations are read at the same time. They are loaded one by one and published once.

    \b
      ooo fleet sync orgs.toml --json | jq .organizations
    """
    from flows.fleet.organizations import read_organizations, variables_of
    from flows.fleet.sync import sync_fleet
    from flows.settings import load_settings
    from flows.settings.environment import accept_variables

    def read_block(name: str) -> object:
        from flows.orchestration import blocks  # Prefect takes seconds to load; only a Secret block needs it

        return blocks.read_block(name)

    fleet_organizations = read_organizations(organizations)
    accept_variables(variables_of(fleet_organizations))
    _warn_of_exposed_env_file()
    settings = load_settings()
    with contextlib.ExitStack() as stack:
        summary = sync_fleet(
            settings,
            fleet_organizations,
            read_block=read_block,
            listener_for=lambda name: stack.enter_context(open_listener(settings, name=name, **log)),
            allows_mass_delete=allow_mass_delete,
        )
    write_summary(summary, as_json=as_json)
    context.exit(summary.exit_code)


@fleet.command("list")
@click.argument("organizations", type=click.Path(dir_okay=False, path_type=Path), required=False)
@json_option("array")
def list_organizations(*, organizations: Path | None, as_json: bool) -> None:
    """Show the state of each organization.

    The state is the time of the snapshot, and the cause if it is stale. ORGANIZATIONS is the TOML file of the fleet.
    With it, names that were never read are listed as well.

    \b
      ooo fleet list orgs.toml
    """
    from flows.fleet.organizations import read_organizations, variables_of
    from flows.report.status import describe_organization, read_organization_states
    from flows.settings import NO_CREDENTIAL, load_settings
    from flows.settings.environment import accept_variables

    names: tuple[str, ...] = ()
    if organizations is not None:
        fleet_organizations = read_organizations(organizations)
        accept_variables(variables_of(fleet_organizations))
        names = tuple(organization.name for organization in fleet_organizations)
    states = read_organization_states(load_settings(**NO_CREDENTIAL), names)
    if as_json:
        write_data(json.dumps([asdict(state) for state in states], default=str, indent=2))
    else:
        write_text(
            "\n".join(describe_organization(state) for state in states) or "no organization was read yet"
        )


@fleet.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Remove without a confirmation.")
def remove_organization(*, name: str, yes: bool) -> None:
    """Remove an organization from every table and file for good.

    NAME is the name in the fleet file, or the id of the organization. Delete its entry in the file as well, or the next
    sync reads it again. Copies that analysts and BI tools made elsewhere are not removed.

    \b
      ooo fleet remove acme
    """
    from flows.fleet.removal import remove_from_fleet
    from flows.settings import NO_CREDENTIAL, load_settings

    settings = load_settings(**NO_CREDENTIAL)
    _require_terminal("removal", yes=yes)
    _confirm(
        f"Remove {name}, with its entries and their history, from {settings.data_dir}?", "removal", yes=yes
    )
    removal = remove_from_fleet(settings, name)
    # A traceback can quote a record.
    shutil.rmtree(settings.data_dir / "errors", ignore_errors=True)
    write_text(removal.as_text())


def _require_terminal(action: str, *, yes: bool) -> None:
    """Raise `UsageError` if there is no terminal for a confirmation."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(f"the {action} needs a confirmation; run it on a terminal, or add --yes")


def _confirm(question: str, action: str, *, yes: bool) -> None:
    """Ask for a confirmation on the terminal. Raise `UsageError` without one."""
    if not yes and not click.confirm(question, err=True):
        raise click.UsageError(f"the {action} was not confirmed; no file was changed")


@click.command()
@json_option("object")
@click.option(
    "--repair-clock",
    is_flag=True,
    help="Move instants in the future, which a wrong clock wrote, to just before now.",
)
def maintain(*, as_json: bool, repair_clock: bool) -> None:
    """Remove old landings and compact the warehouse.

    Pending purges of erased people are completed. No row changes, unless the clock is repaired.

    \b
      ooo maintain
    """
    from flows.run import maintenance
    from flows.settings import load_settings

    write_summary(maintenance.maintain(load_settings(), repairs_clock=repair_clock), as_json=as_json)


def _parse_user(_context: click.Context, _parameter: click.Parameter, value: str) -> int | str:
    """Return the id or the e-mail address of a person. Raise `click.BadParameter` for another text."""
    if value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS and int(value) > 0:
        return int(value)
    if "@" in value.strip("@"):
        return value
    raise click.BadParameter("expected the id of a person, a number above 0, or an e-mail address")


@click.command()
@click.argument("user", callback=_parse_user)
@click.option(
    "--organization-id",
    type=click.IntRange(min=1),
    help="The organization, if the warehouse has the person in several.",
)
@click.option("--yes", is_flag=True, help="Erase without a confirmation.")
def erase_user(*, user: int | str, organization_id: int | None, yes: bool) -> None:
    """Remove a person from every table and file for good.

    Later syncs do not read the person again. USER is the id or the e-mail address of the person, as in dim_people.
    Copies that analysts and BI tools made elsewhere are not removed.

    \b
      ooo erase-user 4711
      ooo erase-user ada@example.com
    """
    from flows.privacy import erasure
    from flows.settings import load_settings

    settings = load_settings()
    _require_terminal("erasure", yes=yes)
    person = erasure.find_person(settings, user, organization_id)
    question = f"Erase {person.as_text()}, with their history, from {settings.data_dir}?"
    _confirm(question, "erasure", yes=yes)
    erased = erasure.erase_user(settings, person.user_id, person.organization_id)
    # A traceback can quote a record.
    shutil.rmtree(settings.data_dir / "errors", ignore_errors=True)
    write_text(erased.as_text())


@click.command()
@json_option("array")
@verbose_option
@click.pass_context
def doctor(context: click.Context, /, *, as_json: bool, verbose: bool) -> None:
    """Check whether a sync can work on this machine.

    The checks cover settings, disk, lock, versions, clock, network, credential and role.

    \b
      ooo doctor
    """
    from flows.cli import doctor as checks

    findings = []
    for finding in checks.run_checks(on_request=request_writer(verbose=verbose)):
        findings.append(finding)
        if not as_json:
            write_text(finding.as_text())
    if as_json:
        write_data(json.dumps([finding.as_json() for finding in findings], indent=2))
    context.exit(checks.exit_code_of(findings))
