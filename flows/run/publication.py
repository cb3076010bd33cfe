"""The publication by the settings: its tables, its measures, its privacy and its retention."""

import shutil
from dataclasses import replace
from functools import partial

import duckdb

from flows.report.page import report_path, write_pages
from flows.settings import Notes, Settings
from flows.settings.clock import utc_now
from flows.settings.data_folder import created_with
from transforms.columns import NOTES
from transforms.days import FIRST_DAY, LAST_DAY
from transforms.privacy import assign_pseudonyms
from transforms.schema import ENTRIES, PUBLISHED
from warehouse.load.audit import Audit, Expectations, audit_marts
from warehouse.load.erasure import ERASURE, pending_purges
from warehouse.publish.database import using
from warehouse.publish.measures import Measure, find_measures
from warehouse.publish.publication import Publication, create_pseudonyms, publish
from warehouse.tables import PublishedTable

EXPECTED = Expectations(horizon_first_on=FIRST_DAY, horizon_last_on=LAST_DAY)
"""The bounds beyond which audits warn."""


def published_tables(*, publishes_notes: bool, pseudonymises: bool = False) -> list[PublishedTable]:
    """Return every published table, in order; `fct_ooo_entries` has the notes only if they are published.

    With `pseudonymises`, pseudonyms stand for user ids, and columns that can name or single out a person are empty.
    """
    return [
        PublishedTable(
            table,
            extra_columns=(NOTES,) if publishes_notes and table is ENTRIES else (),
            is_pseudonymised=pseudonymises,
        )
        for table in PUBLISHED
    ]


def published_measures(*, publishes_bradford: bool) -> list[Measure]:
    """Return the measures that are published, by name; one with a switch only if the switch is on."""
    return [measure for measure in find_measures() if measure.switch is None or publishes_bradford]


def publish_tables(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    run_id: str,
) -> tuple[Publication, list[Audit]]:
    """Audit and publish the warehouse as it is now. Return the publication and the audits.

    While an erasure is pending, every file is written again, and all older generations and reports are removed.
    """
    key = settings.pseudonym_key.get_secret_value() if settings.pseudonym_key else ""
    tables = published_tables(
        publishes_notes=settings.notes is Notes.PUBLISH, pseudonymises=settings.pseudonymises
    )
    checked_at, policy = utc_now(), settings.publication()
    if ERASURE in pending_purges(connection):
        policy = replace(policy, keep_generations=1, reuses=False)
        shutil.rmtree(report_path(settings).parent, ignore_errors=True)
    with created_with(settings.file_permissions):
        audits = audit_marts(connection, tables, run_id=run_id, checked_at=checked_at, expected=EXPECTED)
        if settings.pseudonymises:
            create_pseudonyms(connection, tables, partial(assign_pseudonyms, key=key.encode()))
        publication = publish(
            connection,
            settings.data_dir,
            tables,
            published_measures(publishes_bradford=settings.publishes_bradford),
            run_id=run_id,
            published_at=checked_at,
            policy=policy,
        )
        # After the removal of the last organization, there is nothing to report.
        if publication.rows["dim_organizations"]:
            with using(connection, publication.database):
                write_pages(connection, publication.database, settings)
    return publication, [*audits, *publication.audits]
