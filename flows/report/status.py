"""Report the freshness and the completeness of the published tables, the quarantine and the audits."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from calcom.wording import count_of
from flows.settings import Settings
from flows.settings.clock import utc_now
from flows.settings.data_folder import (
    database_path,
    has_file,
    lock_data_folder,
    require_publication,
    warehouse_path,
)
from flows.settings.errors import StaleError
from warehouse.connection import open_publication, open_warehouse
from warehouse.errors import WarehouseError
from warehouse.load.audit import Audit
from warehouse.read.facts import (
    OrganizationFreshness,
    read_audits,
    read_freshness,
    read_last_runs,
    read_organizations,
    read_quarantine,
)

CLOCK_TOLERANCE = timedelta(minutes=10)
"""A snapshot that is further in the future was dated by a wrong clock, and is never fresh."""

MAX_SHOWN = 20
"""The text of the status names all organizations up to this number; of more, it names the stale ones."""

BUSY = "not readable at the moment: a run is writing"


def read_status(settings: Settings) -> dict[str, Any]:
    """Return the freshness per organization, the stale rows, the quarantine, the audits and the last runs.

    Snapshots are those of the publication. An attempt that failed after it counts as well, if the warehouse can be
    read at the moment. Raises `ConfigurationError` if nothing is published yet.
    """
    database = database_path(settings)
    current = settings.data_dir / "exports" / "current.json"
    require_publication(database)
    with open_publication(database) as published:
        freshness, runs = read_freshness(published), read_last_runs(published)
        organizations = read_organizations(published)
    facts = _read_warehouse(warehouse_path(settings))
    organizations = _add_later_attempts(organizations, facts.pop("organizations"))
    snapshots = [each.snapshot_at for each in organizations if each.snapshot_at is not None]
    return {
        "generation": _read_generation(current),
        "snapshot_at": min(snapshots, default=None),
        "organizations": [asdict(each) for each in organizations],
        **freshness,
        **facts,
        "runs": runs,
    }


def read_organization_states(settings: Settings, names: Sequence[str] = ()) -> list[OrganizationFreshness]:
    """Return the freshness of every organization, published or attempted, and of each of `names` without an attempt."""
    organizations: list[OrganizationFreshness] = []
    if has_file(database_path(settings)):
        with open_publication(database_path(settings)) as published:
            organizations = read_organizations(published)
    if has_file(warehouse_path(settings)):
        stored = _read_warehouse(warehouse_path(settings))["organizations"]
        organizations = _add_later_attempts(organizations, stored)
    known = {each.name for each in organizations}
    return organizations + [
        OrganizationFreshness(
            None, name, None, is_stale=True, left_fleet_at=None, last_attempt_at=None, error=None
        )
        for name in names
        if name not in known
    ]


def _add_later_attempts(
    published: Sequence[OrganizationFreshness], stored: Sequence[OrganizationFreshness]
) -> list[OrganizationFreshness]:
    """Return the published organizations, with the attempts that failed since, and those only attempted since."""
    later = {(each.organization_id, each.organization_id is None and each.name): each for each in stored}
    merged = []
    for each in published:
        now = later.pop((each.organization_id, each.organization_id is None and each.name), each)
        merged.append(replace(now, snapshot_at=each.snapshot_at, is_stale=each.is_stale or now.is_stale))
    return merged + [replace(each, snapshot_at=None, is_stale=True) for each in later.values()]


def _read_generation(pointer: Path) -> str | None:
    """Return the published generation, or None without a pointer. Raise `WarehouseError` if it is damaged."""
    try:
        facts = json.loads(pointer.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise WarehouseError(_describe_pointer(pointer, f"{type(error).__name__}: {error}")) from error
    generation = facts.get("generation") if isinstance(facts, dict) else None
    if not isinstance(generation, str):
        raise WarehouseError(_describe_pointer(pointer, "it has no generation"))
    return generation


def _describe_pointer(pointer: Path, problem: str) -> str:
    way_out = "Run `ooo sync`, which publishes again; if it is a folder, remove it first"
    return f"can't read {pointer}: {problem}; expected a JSON object with the generation. {way_out}"


def raise_if_older(status: dict[str, Any], max_age: timedelta) -> None:
    """Raise `StaleError` if the snapshot of an organization is older than `max_age`, lies in the future or lacks."""
    now = utc_now()

    def is_fresh(snapshot_at: datetime | None) -> bool:
        return snapshot_at is not None and now - max_age <= snapshot_at <= now + CLOCK_TOLERANCE

    old = [
        each
        for each in (OrganizationFreshness(**facts) for facts in status.get("organizations", ()))
        if not is_fresh(each.snapshot_at)
    ]
    if old or not is_fresh(status["snapshot_at"]):
        snapshots = [f"{each.label}: {_instant_text(each.snapshot_at)}" for each in old]
        message = (
            f"published snapshots are older than {max_age.total_seconds() / 3600:g} hours or lie in the future:"
            f" {'; '.join(snapshots) or _instant_text(status['snapshot_at'])}; check the last runs, then run"
            " `ooo sync`, or `ooo fleet sync` for a fleet. `ooo fleet remove NAME` removes an organization that is"
            " no longer read"
        )
        raise StaleError(message)


def _read_warehouse(path: Path) -> dict[str, Any]:
    """Return the facts that only the warehouse has; `BUSY` in their place while a run is writing."""
    try:
        with lock_data_folder(path.parent), open_warehouse(path, is_read_only=True) as warehouse:
            return {
                "quarantine": read_quarantine(warehouse),
                "audits": describe_audits(read_audits(warehouse)),
                "organizations": _read_stored_organizations(warehouse),
            }
    except WarehouseError:
        return {"quarantine": BUSY, "audits": BUSY, "organizations": []}


def _read_stored_organizations(warehouse: duckdb.DuckDBPyConnection) -> list[OrganizationFreshness]:
    """Return the freshness in the warehouse; none if a version without these tables has written it."""
    try:
        warehouse.execute("USE marts")
        return read_organizations(warehouse)
    except duckdb.Error:
        return []


def status_text(status: dict[str, Any]) -> str:
    """Return the status as text for a terminal."""
    lines = [
        f"snapshot     {_instant_text(status['snapshot_at'])}, generation {status['generation']}",
        *_organizations_text([OrganizationFreshness(**facts) for facts in status["organizations"]]),
        f"people       {status['people']:,} ({status['people_stale']:,} stale)",
        f"entries      {status['entries']:,} live ({status['entries_stale']:,} stale)",
    ]
    quarantine = status["quarantine"]
    if isinstance(quarantine, str):
        lines.append(f"quarantine   {quarantine}")
    else:
        lines += [
            f"quarantine   organization {group['organization_id']}: {group['records']:,} {group['record_kind']}"
            f" {group['problem']}"
            for group in quarantine
        ] or ["quarantine   empty"]
    audits = status["audits"]
    lines += [f"audits       {audits}"] if isinstance(audits, str) else audits_text(audits, "audits       ")
    lines.append("last runs")
    lines += [
        f"  {run['finished_at']:%Y-%m-%d %H:%M:%S}  {run['outcome']:<9} {run['strategy']:<9}"
        f" in {run['rows_in']:,}  +{run['rows_inserted']:,} ~{run['rows_updated']:,}"
        f" -{run['rows_deleted']:,}  quarantined {run['rows_quarantined']:,},"
        f" scopes not complete {run['scopes_not_complete']:,}"
        for run in status["runs"]
    ]
    return "\n".join(lines)


def _organizations_text(organizations: Sequence[OrganizationFreshness]) -> list[str]:
    """Return a line that counts the organizations, and a line for each; only the stale ones if there are many."""
    stale = [each for each in organizations if each.is_stale]
    lines = [f"organizations {len(organizations):,} ({len(stale):,} stale)"]
    shown = organizations if len(organizations) <= MAX_SHOWN else stale
    return lines + [f"  {describe_organization(each)}" for each in shown]


def describe_organization(organization: OrganizationFreshness) -> str:
    """Return one line about the organization: its snapshot, and the cause if it is stale."""
    line = f"{organization.label}: snapshot {_instant_text(organization.snapshot_at)}"
    if not organization.is_stale:
        return line
    if organization.left_fleet_at is not None:
        return f"{line}; stale: not in the fleet file since {_instant_text(organization.left_fleet_at)}"
    if organization.error:
        attempt = f"the attempt of {_instant_text(organization.last_attempt_at)} failed"
        return f"{line}; stale: {attempt}: {organization.error}"
    return f"{line}; stale: {'not read yet' if organization.last_attempt_at is None else 'not read lately'}"


def _instant_text(instant: datetime | None) -> str:
    return "none is complete yet" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def describe_audits(audits: Sequence[Audit]) -> dict[str, Any]:
    """Return the number of audits, the failed audits and the warnings."""

    def describe(audit: Audit) -> dict[str, Any]:
        return {"audit": audit.name, "promise": audit.promise, "offending_rows": audit.offending_rows}

    return {
        "made": len(audits),
        "failed": [describe(audit) for audit in audits if audit.is_failed],
        "warnings": [describe(audit) for audit in audits if audit.is_warning],
    }


def audits_text(audits: dict[str, Any], label: str) -> list[str]:
    """Return one line that counts the audits, and one line per audit with offending rows."""
    counts = f"{len(audits['failed']):,} failed, {count_of(len(audits['warnings']), 'warning')}"
    lines = [f"{label}{audits['made']:,} made, {counts}"]
    for key, word in (("failed", "failed"), ("warnings", "warning")):
        for audit in audits[key]:
            rows = count_of(audit["offending_rows"], "row breaks", "rows break")
            lines.append(f"{'':<{len(label)}}{word}: {rows} the promise: {audit['promise']}")
    return lines
