"""Attempts that fail: each leaves a row in the table `runs`, with its cause."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import duckdb

from flows.settings import Settings
from flows.settings.clock import utc_now
from flows.settings.data_folder import warehouse_path
from landing.run_facts import RunFacts
from transforms.runs import RunRecord
from warehouse.connection import open_warehouse
from warehouse.errors import WarehouseError
from warehouse.load.migrate import migrate
from warehouse.load.runs import find_only_organization, find_run, insert_run


def start_record(facts: RunFacts, organization_id: int | None, *, fleet_name: str | None = None) -> RunRecord:
    """Return the record of a run that has not succeeded yet."""
    return RunRecord(
        run_id=facts.run_id,
        organization_id=organization_id,
        started_at=facts.started_at,
        finished_at=facts.started_at,
        strategy=facts.strategy,
        outcome="failed",
        fleet_name=fleet_name,
    )


def insert_failure(connection: duckdb.DuckDBPyConnection, record: RunRecord, error: str) -> None:
    """Insert the row of a failed run, unless its snapshot is part of the warehouse already."""
    if find_run(connection, record.run_id) is None:
        now = max(utc_now(), record.started_at)
        insert_run(connection, replace(record, finished_at=now, outcome="failed", error=error).as_row())


@contextlib.contextmanager
def recording_failed_start(settings: Settings, record: RunRecord) -> Iterator[None]:
    """Insert `record` as a failed run into an existing warehouse if the block raises, then raise again.

    The id of the organization is unknown if its credential is refused. The run then belongs to the only
    organization of the warehouse; if there are several, its id is null.
    """
    try:
        yield
    except Exception as error:
        # The error that ended the run matters more than the row about it.
        with contextlib.suppress(WarehouseError, OSError):
            if warehouse_path(settings).exists():
                with open_warehouse(warehouse_path(settings)) as connection:
                    migrate(connection)
                    if record.organization_id is None:
                        record.organization_id = find_only_organization(connection)
                    insert_failure(connection, record, str(error))
        raise
