"""Report the freshness and the completeness of the published tables, the quarantine and the audits."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flows.settings import Settings
from flows.settings.clock import utc_now
from flows.settings.data_folder import database_path, lock_data_folder, require_publication, warehouse_path
from flows.settings.errors import StaleError
from warehouse.connection import open_warehouse
from warehouse.errors import WarehouseError
from warehouse.load.audit import Audit
from warehouse.read.facts import read_audits, read_freshness, read_last_runs, read_quarantine

CLOCK_TOLERANCE = timedelta(minutes=10)
"""A snapshot that is further in the future was dated by a wrong clock, and is never fresh."""

BUSY = "not readable at the moment: a run is writing"


def read_status(settings: Settings) -> dict[str, Any]:
    """Return the freshness, the stale rows, the quarantine, the audits and the last runs.

    Raises `ConfigurationError` if nothing is published yet.
    """
    database = database_path(settings)
    current = settings.data_dir / "exports" / "current.json"
    require_publication(database)
    with open_warehouse(database, is_read_only=True) as published:
        freshness, runs = read_freshness(published), read_last_runs(published)
    return {
        "generation": _read_generation(current),
        **freshness,
        **_read_warehouse(warehouse_path(settings)),
        "runs": runs,
    }


def _read_generation(pointer: Path) -> str | None:
    """Return the published generation, or None without a pointer. Raise `WarehouseError` if it is damaged."""
    try:
        return str(json.loads(pointer.read_text(encoding="utf-8"))["generation"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = (
            f"can't read {pointer}: {type(error).__name__}: {error}; expected a JSON object with the generation."
            " Run `ooo sync`, which publishes again"
        )
        raise WarehouseError(message) from error


def raise_if_older(status: dict[str, Any], max_age: timedelta) -> None:
    """Raise `StaleError` if a published snapshot is older than `max_age`, or lies in the future."""
    snapshot_at = status["snapshot_at"]
    now = utc_now()
    if snapshot_at is None or not now - max_age <= snapshot_at <= now + CLOCK_TOLERANCE:
        message = (
            f"the published snapshot is of {snapshot_at} UTC, expected one of the last"
            f" {max_age.total_seconds() / 3600:g} hours; check the last runs, then run `ooo sync`"
        )
        raise StaleError(message)


def _read_warehouse(path: Path) -> dict[str, Any]:
    """Return the facts that only the warehouse has; `BUSY` in their place while a run is writing."""
    try:
        with lock_data_folder(path.parent), open_warehouse(path, is_read_only=True) as warehouse:
            return {
                "quarantine": read_quarantine(warehouse),
                "audits": describe_audits(read_audits(warehouse)),
            }
    except WarehouseError:
        return {"quarantine": BUSY, "audits": BUSY}


def status_text(status: dict[str, Any]) -> str:
    """Return the status as text for a terminal."""
    lines = [
        f"snapshot     {_instant_text(status['snapshot_at'])}, generation {status['generation']}",
        f"people       {status['people']:,} ({status['people_stale']:,} stale)",
        f"entries      {status['entries']:,} live ({status['entries_stale']:,} stale)",
    ]
    quarantine = status["quarantine"]
    if isinstance(quarantine, str):
        lines.append(f"quarantine   {quarantine}")
    else:
        lines += [
            f"quarantine   {group['records']:,} {group['record_kind']} {group['problem']}"
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
    kinds = (("failed", "failed"), ("warnings", "warning"))
    counts = ", ".join(f"{len(audits[key]):,} {key}" for key, _ in kinds)
    return [
        f"{label}{audits['made']:,} made, {counts}",
        *(
            f"{'':<{len(label)}}{word}: {audit['offending_rows']:,} rows break the promise: {audit['promise']}"
            for key, word in kinds
            for audit in audits[key]
        ),
    ]
