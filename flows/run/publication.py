"""The publication as the settings want it: which tables, for whom, and how much stays."""

from dataclasses import replace
from functools import partial

import duckdb

from flows.report.page import report_path, write_page
from flows.run.clock import utc_now
from flows.run.tables import EXPECTED, published_measures, published_tables
from flows.settings import Notes, Settings
from flows.settings.permissions import created_with
from transforms.pseudonyms import assign_pseudonyms
from warehouse.errors import AuditError
from warehouse.load.audit import audit_marts, record_audits
from warehouse.load.findings import Audit
from warehouse.publish.database import using
from warehouse.publish.pseudonyms import create_pseudonyms
from warehouse.publish.publication import Publication, publish


def publish_tables(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    run_id: str,
    keep_generations: int | None = None,
) -> tuple[Publication, list[Audit]]:
    """Readers see the warehouse as it is now, after it has passed the audits that are returned.

    `keep_generations` stands in for the setting; with it, nothing of the last publication is used again.
    """
    key = settings.pseudonym_key.get_secret_value() if settings.pseudonym_key else ""
    tables = published_tables(
        publishes_notes=settings.notes is Notes.PUBLISH, pseudonymises=settings.pseudonymises
    )
    checked_at, policy = utc_now(), settings.publication()
    with created_with(settings.file_permissions):
        audits = audit_marts(connection, tables, run_id=run_id, checked_at=checked_at, expected=EXPECTED)
        if settings.pseudonymises:
            create_pseudonyms(connection, tables, partial(assign_pseudonyms, key=key.encode()))
        try:
            publication = publish(
                connection,
                settings.data_dir,
                tables,
                published_measures(publishes_bradford=settings.publishes_bradford),
                run_id=run_id,
                published_at=checked_at,
                policy=replace(
                    policy,
                    keep_generations=keep_generations or policy.keep_generations,
                    reuses=keep_generations is None,
                ),
            )
        except AuditError as error:
            record_audits(connection, error.audits, run_id=run_id, checked_at=checked_at)
            raise
        record_audits(connection, publication.audits, run_id=run_id, checked_at=checked_at)
        with using(connection, publication.database):
            write_page(connection, publication.database, report_path(settings))
    return publication, [*audits, *publication.audits]
