"""History over random sequences of snapshots: every earlier state can be read again, exactly."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings

from tests.properties.test_marts import NIGHTS
from tests.support.naive import NaiveWarehouse, Reading
from tests.support.warehouse import load, new_warehouse, rows_of

AS_OF = """
FROM core.ooo_entry_history
SELECT * EXCLUDE (organization_id, entry_id, valid_from, valid_to, change), entry_id
WHERE organization_id = $organization_id AND change <> 'vanished'
  AND valid_from <= $at AND (valid_to IS NULL OR $at < valid_to)
ORDER BY entry_id
"""
LIVE = """
FROM core.ooo_entries
SELECT * EXCLUDE (organization_id, entry_id, notes, first_seen_at, last_seen_at, deleted_at), entry_id
WHERE organization_id = $organization_id AND deleted_at IS NULL
ORDER BY entry_id
"""
BROKEN = """
WITH versions AS (
    SELECT *, lead(valid_from) OVER (PARTITION BY organization_id, entry_id ORDER BY valid_from) AS next_from
    FROM core.ooo_entry_history
)
FROM versions WHERE valid_to IS DISTINCT FROM next_from OR valid_to <= valid_from
"""
CHANGES = """
SELECT list(change ORDER BY valid_from) AS changes FROM core.ooo_entry_history
GROUP BY organization_id, entry_id
"""


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(nights=NIGHTS)
def test_an_as_of_query_returns_every_earlier_state(nights: tuple[Reading, ...]) -> None:
    naive = NaiveWarehouse()
    states = []
    with new_warehouse() as connection:
        for reading in nights:
            load(connection, reading)
            naive.read(reading)
            live = rows_of(connection, LIVE, organization_id=reading.organization_id)
            states.append((reading.organization_id, reading.at, live))
        for organization_id, at, live in states:
            assert rows_of(connection, AS_OF, organization_id=organization_id, at=at) == live
            just_before = at - timedelta(microseconds=1)
            expected = naive.as_of(organization_id, just_before)
            rows = rows_of(connection, AS_OF, organization_id=organization_id, at=just_before)
            assert [row["entry_id"] for row in rows] == sorted(expected)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(nights=NIGHTS)
def test_versions_follow_each_other_without_a_gap_or_an_overlap(nights: tuple[Reading, ...]) -> None:
    with new_warehouse() as connection:
        for reading in nights:
            load(connection, reading)
        assert rows_of(connection, BROKEN) == []
        for row in rows_of(connection, CHANGES):
            _check_life(row["changes"])


def _check_life(changes: list[str]) -> None:
    """Check that an entry appears once and first, vanishes only while live, and returns only afterwards."""
    assert changes[0] == "appeared"
    for before, after in pairwise(changes):
        assert after == "returned" if before == "vanished" else after in ("changed", "vanished")
