"""How fresh and how whole the warehouse is, from what is published and what is kept aside."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from flows.run.clock import utc_now
from flows.run.data_folder import database_path, lock_data_folder, require_publication, warehouse_path
from flows.run.summary import audits_text, describe_audits
from flows.settings import Settings
from flows.settings.errors import StaleError
from warehouse.connection import open_warehouse
from warehouse.errors import WarehouseError
from warehouse.read.status import read_audits, read_freshness, read_last_runs, read_quarantine

BUSY = "not readable just now: a run is writing"


def read_status(settings: Settings) -> dict[str, Any]:
    """Freshness, staleness, quarantine, audits and the last runs.

    Raises `ConfigurationError` if nothing is published yet.
    """
    database = database_path(settings)
    current = settings.data_dir / "exports" / "current.json"
    require_publication(database)
    with open_warehouse(database, is_read_only=True) as published:
        freshness, runs = read_freshness(published), read_last_runs(published)
    return {
        "generation": json.loads(current.read_text())["generation"] if current.exists() else None,
        **freshness,
        **_read_own(warehouse_path(settings)),
        "runs": runs,
    }


def raise_if_older(status: dict[str, Any], most: timedelta) -> None:
    """Raise `StaleError` if the newest published snapshot was taken longer ago than `most`."""
    snapshot_at = status["snapshot_at"]
    if snapshot_at is None or utc_now() - snapshot_at > most:
        message = (
            f"the published snapshot is of {snapshot_at} UTC, expected one of the last"
            f" {most.total_seconds() / 3600:g} hours; look at the last runs, then run `ooo sync`"
        )
        raise StaleError(message)


def _read_own(path: Path) -> dict[str, Any]:
    """What the warehouse keeps to itself, unless it is being written."""
    try:
        with lock_data_folder(path.parent), open_warehouse(path, is_read_only=True) as warehouse:
            return {
                "quarantine": read_quarantine(warehouse),
                "audits": describe_audits(read_audits(warehouse)),
            }
    except WarehouseError:
        return {"quarantine": BUSY, "audits": BUSY}


def status_text(status: dict[str, Any]) -> str:
    """The status for a person."""
    lines = [
        f"snapshot     {status['snapshot_at']:%Y-%m-%d %H:%M:%S} UTC, generation {status['generation']}",
        f"people       {status['people']:,} ({status['people_stale']:,} stale)",
        f"entries      {status['entries']:,} live ({status['entries_stale']:,} stale)",
    ]
    quarantine = status["quarantine"]
    if isinstance(quarantine, str):
        lines.append(f"quarantine   {quarantine}")
    else:
        lines += [
            f"quarantine   {one['records']:,} {one['record_kind']} {one['problem']}" for one in quarantine
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
