"""Many snapshots in one transaction equal the same snapshots one by one, and each is refused on its own."""

from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from tests.support.readings import Absence, Reading
from tests.support.warehouse import load, load_together, new_warehouse, night, read_all
from warehouse.errors import GuardError
from warehouse.load.guards import Guards
from warehouse.load.snapshot import Changes

STRICT = Guards(max_deleted_rows=1)
TABLES = (
    "core.ooo_entries",
    "core.ooo_entry_history",
    "core.people",
    "core.organizations",
    "ops.scopes",
    "ops.quarantine",
    "marts.fct_entry_days",
    "marts.person_days",
    "marts.dim_organizations",
)


def absences(organization_id: int, count: int, *, reason: str = "vacation") -> tuple[Absence, ...]:
    """Return absences whose ids and people are the same in every organization."""
    first = date(2026, 3, 2) + timedelta(days=organization_id)
    return tuple(
        Absence(number, number % 3 + 1, first, first + timedelta(days=number), reason=reason)
        for number in range(1, count + 1)
    )


def dump(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    columns = "COLUMNS(lambda c: c NOT IN ('requests', 'repairs', 'proven_spans', 'pages'))"
    return {
        name: connection.execute(f"SELECT {columns} FROM {name} ORDER BY ALL").fetchall() for name in TABLES
    }


def nights(*, removed: int) -> list[list[Reading]]:
    """Return two nights of three organizations with equal ids; the second one loses `removed` entries of number 2."""
    first = [read_all(absences(own, 9), at=night(1), organization_id=own) for own in (1, 2, 3)]
    second = [
        read_all(absences(1, 10, reason="sick"), at=night(2), organization_id=1),
        read_all(absences(2, 9 - removed), at=night(2), organization_id=2, users=(1, 2)),
        read_all(absences(3, 9), at=night(2), organization_id=3),
    ]
    return [first, second]


def test_snapshots_of_equal_ids_in_one_transaction_equal_those_one_by_one() -> None:
    with new_warehouse() as together, new_warehouse() as alone:
        for readings in nights(removed=1):
            outcomes = load_together(together, readings, Guards(allows_mass_delete=True))
            expected = {each.organization_id: load(alone, each) for each in readings}
            assert outcomes == expected
        assert dump(together) == dump(alone)


def test_a_guard_refuses_its_snapshot_alone_and_the_others_are_loaded() -> None:
    first, second = nights(removed=7)
    with new_warehouse() as together, new_warehouse() as alone:
        load_together(together, first, STRICT)
        outcomes = load_together(together, second, STRICT)
        for reading in (*first, second[0], second[2]):
            load(alone, reading, STRICT)
        assert isinstance(outcomes[2], GuardError)
        assert isinstance(outcomes[1], Changes)
        assert isinstance(outcomes[3], Changes)
        assert dump(together) == dump(alone)


def test_nothing_is_changed_if_every_snapshot_is_refused() -> None:
    first, second = nights(removed=7)
    with new_warehouse() as connection:
        load_together(connection, first, STRICT)
        before = dump(connection)
        assert isinstance(load_together(connection, [second[1]], STRICT)[2], GuardError)
        assert dump(connection) == before
        with pytest.raises(GuardError):
            load(connection, second[1], STRICT)
        assert dump(connection) == before
