"""Write the report pages about invented snapshots."""

from pathlib import Path

import duckdb

from flows.report.page import build_pages
from tests.support.readings import Reading
from tests.support.warehouse import audit_and_publish, load, new_warehouse


def write_pages(
    folder: Path, *readings: Reading, names: dict[int, str] | None = None, left_fleet_id: int = 0
) -> dict[str, str]:
    """Load and publish the readings, write both pages to `folder`, and return their URLs."""
    with new_warehouse() as connection:
        for reading in readings:
            load(connection, reading)
        for organization_id, name in (names or {}).items():
            connection.execute(
                "UPDATE core.organizations SET name = $name WHERE organization_id = $id",
                {"name": name, "id": organization_id},
            )
        connection.execute(
            "UPDATE core.organizations SET left_fleet_at = current_timestamp::TIMESTAMP"
            " WHERE organization_id = $id",
            {"id": left_fleet_id},
        )
        database = audit_and_publish(connection, folder).database
    with duckdb.connect(str(database), read_only=True) as published:
        pages = build_pages(published, database)
    for name, text in (("away", pages.away), ("report", pages.report)):
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in ("away", "report")}
