"""Audits: each catches what it is there for."""

from datetime import date

import pytest

from tests.support.naive import Absence
from tests.support.warehouse import TABLES, load, new_warehouse, night, read_all
from warehouse.audit import audit_tables
from warehouse.errors import AuditError

ABSENCE = Absence(1, 1, date(2026, 3, 2), date(2026, 3, 6))


@pytest.mark.parametrize(
    ("damage", "failure"),
    [
        ("INSERT INTO core.ooo_entries FROM core.ooo_entries", "fct_ooo_entries has one row a"),
        ("INSERT INTO core.people FROM core.people LIMIT 1", "dim_people has one row a"),
        ("INSERT INTO marts.dim_dates FROM marts.dim_dates LIMIT 1", "dim_dates has one row a date_on"),
        ("DELETE FROM core.people WHERE user_id = 1", "every fct_ooo_entries has its dim_people"),
        ("UPDATE core.ooo_entries SET reason = 'made up'", "every fct_ooo_entries has its dim_reasons"),
        (
            "DELETE FROM marts.dim_dates WHERE date_on = '2026-03-04'",
            "every fct_entry_days has its dim_dates",
        ),
        ("UPDATE marts.fct_entry_days SET entry_id = 9", "every fct_entry_days has its fct_ooo_entries"),
        ("UPDATE marts.person_days SET reason = 'made up'", "every fct_absence_days has its dim_reasons"),
        ("UPDATE ops.runs SET rows_in = rows_in + 1", "every row read is inserted"),
        ("UPDATE core.ooo_entry_history SET valid_to = now()", "one open version"),
        ("DELETE FROM core.ooo_entry_history", "one open version"),
        ("DELETE FROM marts.person_days WHERE date_on = '2026-03-04'", "fct_entry_days and fct_absence_days"),
    ],
)
def test_damage_is_found_and_named(damage: str, failure: str) -> None:
    with new_warehouse() as connection:
        load(connection, read_all((ABSENCE,), at=night(1)))
        audit_tables(connection, TABLES)
        connection.execute(damage).fetchall()
        with pytest.raises(AuditError, match=failure):
            audit_tables(connection, TABLES)
