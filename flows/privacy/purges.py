"""Purges: bytes of what was removed from the tables leave the files too, whatever kill comes between."""

import shutil
from pathlib import Path

from flows.report.page import report_path
from flows.run.publication import publish_tables
from flows.settings import Settings
from landing.catalog import purge_landings
from warehouse.connection import open_warehouse, run_statement
from warehouse.load.compact import ERASURE, compact, pending_purges
from warehouse.load.days import create_mart_views
from warehouse.load.migrate import BACKUPS, migrate

MEMORY_LIMIT = "500MB"


def complete_purges(settings: Settings, *, warehouse: Path, landings: Path) -> None:
    """No file in the data folder holds what was erased, or a note that is not to be kept.

    The caller holds the data folder. After an erasure every landing goes, every report and every
    generation but a new one. The warehouse is compacted last: with that, no purge is pending any more.
    """
    if not settings.keeps_notes:
        purge_landings(landings, may_stay=lambda facts: not facts.keeps_notes)
    if not warehouse.exists():
        return
    memory_limit = settings.memory_limit or MEMORY_LIMIT
    with open_warehouse(warehouse, memory_limit=memory_limit) as connection:
        migrate(connection)
        reasons = pending_purges(connection)
        if ERASURE in reasons:
            purge_landings(landings, may_stay=lambda _: False)
            shutil.rmtree(report_path(settings).parent, ignore_errors=True)
            create_mart_views(connection)
            for (run_id,) in run_statement(connection, "load/sql/select_latest_run"):
                publish_tables(connection, settings, run_id=run_id, keep_generations=1)
    if reasons:
        purge_warehouse(settings, warehouse)


def purge_warehouse(settings: Settings, warehouse: Path) -> None:
    """The warehouse is a fresh file, and no back-up of what it was before an upgrade is left beside it."""
    shutil.rmtree(warehouse.parent / BACKUPS, ignore_errors=True)
    compact(warehouse, memory_limit=settings.memory_limit or MEMORY_LIMIT)
