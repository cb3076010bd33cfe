"""How fresh and how whole the warehouse is, from what is published and what is kept aside."""

import json
from pathlib import Path
from typing import Any

from flows.query import run_query
from flows.run import holding, warehouse_path
from flows.settings import Settings
from warehouse.connection import open_warehouse
from warehouse.errors import WarehouseError

_LAST_RUNS = """
SELECT run_id, finished_at, strategy, outcome, rows_in, rows_inserted, rows_updated, rows_deleted,
       rows_quarantined, scopes_unproven + scopes_failed AS scopes_not_complete
FROM runs ORDER BY started_at DESC LIMIT 5
"""
_FRESHNESS = """
SELECT
    (SELECT max(started_at) FROM runs WHERE outcome <> 'failed') AS snapshot_at,
    (SELECT count(*) FROM dim_people WHERE left_at IS NULL) AS people,
    (SELECT count(*) FROM dim_people WHERE is_stale) AS people_stale,
    (SELECT count(*) FROM fct_ooo_entries WHERE deleted_at IS NULL) AS entries,
    (SELECT count(*) FROM fct_ooo_entries WHERE is_stale) AS entries_stale
"""
_QUARANTINE = """
SELECT record_kind, problem, count(*) AS records FROM ops.quarantine
WHERE run_id = (SELECT run_id FROM ops.runs WHERE outcome <> 'failed' ORDER BY started_at DESC LIMIT 1)
GROUP BY ALL ORDER BY records DESC, problem
"""


def read_status(settings: Settings) -> dict[str, Any]:
    """Freshness, staleness, quarantine and the last runs; `ConfigurationError` if nothing is published."""
    database = settings.data_dir / "ooo.duckdb"
    current = settings.data_dir / "exports" / "current.json"
    freshness = run_query(database, _FRESHNESS).to_dicts()[0]
    return {
        "generation": json.loads(current.read_text())["generation"] if current.exists() else None,
        **freshness,
        "quarantine": _read_quarantine(warehouse_path(settings)),
        "runs": run_query(database, _LAST_RUNS).to_dicts(),
    }


def _read_quarantine(path: Path) -> list[dict[str, Any]] | str:
    try:
        with holding(path.parent), open_warehouse(path, is_read_only=True) as connection:
            rows = connection.execute(_QUARANTINE).fetchall()
    except WarehouseError:
        return "not readable just now: a run is writing"
    return [{"record_kind": kind, "problem": problem, "records": count} for kind, problem, count in rows]


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
    lines.append("last runs")
    lines += [
        f"  {run['finished_at']:%Y-%m-%d %H:%M:%S}  {run['outcome']:<9} {run['strategy']:<9}"
        f" in {run['rows_in']:,}  +{run['rows_inserted']:,} ~{run['rows_updated']:,}"
        f" -{run['rows_deleted']:,}  quarantined {run['rows_quarantined']:,},"
        f" scopes not complete {run['scopes_not_complete']:,}"
        for run in status["runs"]
    ]
    return "\n".join(lines)
