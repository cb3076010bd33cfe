"""A snapshot: it changes only rows that it proved, with a version per change, in one transaction."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from flows.run.publication import EXPECTED
from tests.support.naive import Absence, Reading, Reject
from tests.support.warehouse import LAX, TABLES, load, new_warehouse, night, read_all, rows_of
from warehouse.errors import GuardError, WarehouseError
from warehouse.load.audit import audit_marts
from warehouse.load.guards import Guards

A = Absence(1, 1, date(2026, 3, 2), date(2026, 3, 6))
B = Absence(2, 2, date(2026, 3, 4), date(2026, 3, 5), reason="sick", cover=1)
C = Absence(3, 3, date(2026, 3, 9), date(2026, 3, 9))
UNPROVEN = {("users", None): "unproven", ("organization", None): "unproven"}


@pytest.fixture
def connection() -> Any:
    with new_warehouse() as opened:
        yield opened


def live(connection: duckdb.DuckDBPyConnection) -> list[int]:
    rows = rows_of(connection, "FROM core.ooo_entries WHERE deleted_at IS NULL ORDER BY entry_id")
    return [row["entry_id"] for row in rows]


def versions(connection: duckdb.DuckDBPyConnection, entry_id: int) -> list[tuple[Any, ...]]:
    query = "FROM core.ooo_entry_history WHERE entry_id = $entry_id ORDER BY valid_from"
    rows = rows_of(connection, query, entry_id=entry_id)
    return [(row["change"], row["valid_from"], row["valid_to"]) for row in rows]


def person(connection: duckdb.DuckDBPyConnection, user_id: int) -> dict[str, Any]:
    return rows_of(connection, "FROM marts.dim_people WHERE user_id = $user_id", user_id=user_id)[0]


def is_stale(connection: duckdb.DuckDBPyConnection) -> dict[int, bool]:
    rows = rows_of(connection, "FROM marts.fct_ooo_entries WHERE deleted_at IS NULL")
    return {row["entry_id"]: row["is_stale"] for row in rows}


def dump(connection: duckdb.DuckDBPyConnection, *tables: str) -> dict[str, list[Any]]:
    return {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in tables}


CORE = ("core.ooo_entries", "core.ooo_entry_history", "core.people")
DERIVED = ("marts.fct_entry_days", "marts.person_days")


def test_an_entry_appears_changes_vanishes_and_returns_with_half_open_versions(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    moved = replace(A, first=date(2026, 3, 3), last=date(2026, 3, 7))
    for number, read in enumerate([(A, B), (moved, B), (B,), (moved, B)], start=1):
        load(connection, read_all(read, at=night(number)))
    assert versions(connection, 1) == [
        ("appeared", night(1), night(2)),
        ("changed", night(2), night(3)),
        ("vanished", night(3), night(4)),
        ("returned", night(4), None),
    ]
    assert versions(connection, 2) == [("appeared", night(1), None)]
    (entry,) = rows_of(connection, "FROM core.ooo_entries WHERE entry_id = 1")
    assert entry["first_seen_at"] == night(1)
    assert entry["deleted_at"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"first": date(2026, 3, 1)},
        {"last": date(2026, 3, 8)},
        {"first": date(2026, 4, 2), "last": date(2026, 4, 6)},
        {"reason": "sick"},
        {"reason": None},
        {"cover": 3},
        {"notes": "text"},
        {"user_id": 2},
    ],
    ids=lambda change: ",".join(f"{name}={value}" for name, value in change.items()),
)
def test_every_column_of_an_entry_counts_as_a_change(
    connection: duckdb.DuckDBPyConnection, change: dict[str, Any]
) -> None:
    load(connection, read_all((A, B), at=night(1)))
    changes = load(connection, read_all((replace(A, **change), B), at=night(2)))
    assert (changes.updated, changes.unchanged, changes.inserted, changes.deleted) == (1, 1, 0, 0)


def test_a_note_with_another_text_is_counted_apart_and_makes_no_version(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    noted = replace(A, notes="first text")
    load(connection, read_all((noted, B), at=night(1)))
    changes = load(connection, read_all((replace(noted, notes="second text"), B), at=night(2)))
    assert (changes.updated, changes.unchanged, changes.notes_changed) == (0, 2, 1)
    assert len(rows_of(connection, "FROM core.ooo_entry_history")) == 2
    (entry,) = rows_of(connection, "FROM core.ooo_entries WHERE entry_id = 1")
    assert (entry["notes"], entry["last_seen_at"]) == ("second text", night(2))


def test_an_entry_that_moves_to_another_person_leaves_no_day_with_the_former_one(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, read_all((A,), at=night(1)))
    load(connection, read_all((replace(A, user_id=2),), at=night(2)))
    assert {row["user_id"] for row in rows_of(connection, "FROM marts.person_days")} == {2}
    assert {row["user_id"] for row in rows_of(connection, "FROM marts.fct_entry_days")} == {2}


@pytest.mark.parametrize(
    ("users", "verdicts", "deleted"),
    [
        ((1, 2, 3), {("organization", None): "complete"}, [1, 2]),
        ((1, 2, 3), {("user", 1): "complete"}, [1]),
        ((1, 2, 3), {("user", 1): "complete", ("user", 2): "failed"}, [1]),
        ((1, 2, 3), {("users", None): "complete"}, []),
        ((2, 3), {("users", None): "complete"}, [1]),
        ((2, 3), {("users", None): "unproven"}, []),
        ((2, 3), {("users", None): "failed"}, []),
        ((1, 2, 3), {("organization", None): "unproven"}, []),
        ((1, 2, 3), {("organization", None): "failed", ("user", 2): "unproven"}, []),
        ((), {}, []),
    ],
)
def test_only_a_complete_scope_deletes(
    connection: duckdb.DuckDBPyConnection,
    users: tuple[int, ...],
    verdicts: dict[tuple[str, int | None], str],
    deleted: list[int],
) -> None:
    load(connection, read_all((A, B, C), at=night(1)))
    load(connection, read_all((C,), at=night(2), users=users, verdicts=verdicts))
    assert sorted({1, 2, 3} - set(live(connection))) == deleted


def test_the_rows_of_an_unproven_snapshot_are_stored(connection: duckdb.DuckDBPyConnection) -> None:
    load(connection, read_all((A,), at=night(1)))
    changes = load(connection, read_all((B,), at=night(2), verdicts=UNPROVEN))
    assert (changes.inserted, changes.deleted) == (1, 0)
    assert is_stale(connection) == {1: True, 2: False}


def test_a_snapshot_of_one_organization_deletes_no_row_of_another(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, read_all((A, B), at=night(1), organization_id=7))
    load(connection, read_all((A, C), at=night(2), organization_id=8))
    load(connection, read_all((), at=night(3), organization_id=8))
    seven = rows_of(connection, "FROM core.ooo_entries WHERE organization_id = 7")
    assert [row["deleted_at"] for row in seven] == [None, None]
    assert len(rows_of(connection, "FROM marts.person_days")) == 7


def test_a_record_that_fails_validation_keeps_its_last_valid_version_and_is_stale(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, read_all((A, B), at=night(1)))
    changes = load(connection, read_all((B,), at=night(2), rejects=(Reject("entry", 1, 1),)))
    assert (changes.rows_in, changes.quarantined, changes.deleted, changes.unchanged) == (2, 1, 0, 1)
    assert is_stale(connection) == {1: True, 2: False}
    assert versions(connection, 1) == [("appeared", night(1), None)]
    (kept,) = rows_of(connection, "FROM ops.quarantine")
    assert (kept["record_id"], kept["problem"], kept["run_id"]) == (1, "start_invalid", "20260102T050000-7")


def test_a_record_that_is_valid_on_one_page_is_not_rejected(connection: duckdb.DuckDBPyConnection) -> None:
    changes = load(connection, read_all((A,), at=night(1), rejects=(Reject("entry", 1, 1, page=2),)))
    assert (changes.rows_in, changes.inserted, changes.quarantined) == (1, 1, 0)
    assert rows_of(connection, "FROM ops.quarantine") == []


def test_a_rejected_record_on_several_pages_counts_once(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    twice = (Reject("entry", 9, 1, page=1), Reject("entry", 9, 1, page=2), Reject("entry", None, None))
    changes = load(connection, read_all((A,), at=night(1), rejects=twice))
    assert (changes.rows_in, changes.quarantined) == (3, 2)


def test_the_later_of_overlapping_pages_is_stored(connection: duckdb.DuckDBPyConnection) -> None:
    pages = (replace(A, page=2, reason="sick"), replace(A, page=1), B, replace(B, page=3))
    changes = load(connection, read_all(pages, at=night(1)))
    assert (changes.rows_in, changes.inserted) == (2, 2)
    (entry,) = rows_of(connection, "FROM core.ooo_entries WHERE entry_id = 1")
    assert entry["reason"] == "sick"


def test_an_entry_that_is_repeated_on_a_page_is_stored_once(connection: duckdb.DuckDBPyConnection) -> None:
    changes = load(connection, read_all((A, A, replace(A, reason="sick")), at=night(1)))
    assert (changes.rows_in, changes.inserted) == (1, 1)
    assert [row["reason"] for row in rows_of(connection, "FROM core.ooo_entries")] == ["sick"]


def test_a_person_who_leaves_gets_left_at_and_tombstones_and_loses_both_on_return(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, read_all((A, B), at=night(1)))
    load(connection, read_all((B,), at=night(2), users=(2, 3)))
    assert person(connection, 1)["left_at"] == night(2)
    assert live(connection) == [2]
    load(connection, read_all((B,), at=night(3), users=(2, 3)))
    assert person(connection, 1)["left_at"] == night(2)
    load(connection, read_all((A, B), at=night(4)))
    assert person(connection, 1)["left_at"] is None
    assert person(connection, 1)["first_seen_at"] == night(1)
    assert versions(connection, 1)[-1] == ("returned", night(4), None)


def test_an_unproven_users_list_marks_no_person_as_left(connection: duckdb.DuckDBPyConnection) -> None:
    load(connection, read_all((A,), at=night(1)))
    load(connection, read_all((), at=night(2), users=(2, 3), verdicts=UNPROVEN))
    assert person(connection, 1)["left_at"] is None
    assert person(connection, 1)["is_stale"]


def test_a_person_whose_record_fails_validation_has_not_left(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, read_all((A,), at=night(1)))
    verdicts: dict[tuple[str, int | None], str] = {("users", None): "complete"}
    reject = (Reject("user", 1, 1),)
    load(connection, read_all((), at=night(2), users=(2,), rejects=reject, verdicts=verdicts))
    assert person(connection, 1)["left_at"] is None
    assert live(connection) == [1]


@pytest.mark.parametrize("rejects", [(Reject("entry", 9, 1),), (Reject("entry", None, 1),)])
def test_a_person_who_is_named_only_by_an_entry_that_fails_validation_has_not_left(
    rejects: tuple[Reject, ...], connection: duckdb.DuckDBPyConnection
) -> None:
    load(connection, read_all((A, C), at=night(1)))
    load(connection, read_all((), at=night(2), users=(2,), rejects=rejects))
    assert person(connection, 1)["left_at"] is None
    assert person(connection, 3)["left_at"] == night(2)


def test_a_person_who_joined_after_the_users_list_was_read_is_stored_with_every_entry(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    later = Absence(8, 4, date(2026, 5, 1), date(2026, 5, 1))
    load(connection, read_all((A, later), at=night(1)))
    newcomer = person(connection, 4)
    assert (newcomer["email"], newcomer["left_at"], newcomer["is_stale"]) == (None, None, False)
    another = replace(later, entry_id=9)
    half = {("users", None): "complete", ("organization", None): "unproven"}
    load(connection, read_all((A, another), at=night(2), verdicts=half))
    assert live(connection) == [1, 8, 9]


def test_a_person_who_rejoined_after_the_users_list_was_read_has_not_left(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, read_all((A, B), at=night(1)))
    load(connection, read_all((B,), at=night(2), users=(2, 3)))
    load(connection, read_all((A, B), at=night(3), users=(2, 3)))
    assert person(connection, 1)["left_at"] is None


def test_a_snapshot_of_an_emptied_organization_is_refused_before_any_change(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    many = tuple(replace(A, entry_id=number) for number in range(1, 101))
    load(connection, read_all(many, at=night(1)))
    before = dump(connection, *CORE, *DERIVED, "ops.runs", "ops.scopes")
    with pytest.raises(GuardError, match=r"100 of 100 live entries \(100%.*--allow-mass-delete"):
        load(connection, read_all((), at=night(2)), Guards())
    assert dump(connection, *CORE, *DERIVED, "ops.runs", "ops.scopes") == before
    changes = load(connection, read_all((), at=night(2)), Guards(allows_mass_delete=True))
    assert changes.deleted == 100
    assert rows_of(connection, "FROM marts.person_days") == []


@pytest.mark.parametrize(("kept", "is_stopped"), [(100, False), (49, True), (50, False), (160, False)])
def test_a_mass_delete_is_more_than_a_fifth_and_more_than_fifty(
    connection: duckdb.DuckDBPyConnection, kept: int, *, is_stopped: bool
) -> None:
    total = {100: 150, 49: 100, 50: 100, 160: 200}[kept]
    many = tuple(replace(A, entry_id=number) for number in range(1, total + 1))
    load(connection, read_all(many, at=night(1)))
    reading = read_all(many[:kept], at=night(2))
    if is_stopped:
        with pytest.raises(GuardError):
            load(connection, reading, Guards())
    else:
        assert load(connection, reading, Guards()).deleted == total - kept


def test_a_snapshot_with_many_invalid_records_is_refused_before_any_change(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, read_all((A,), at=night(1)))
    before = dump(connection, *CORE, "ops.quarantine")
    rejects = tuple(Reject("entry", number, 1) for number in range(100, 151))
    with pytest.raises(
        GuardError, match=r"51 of 52 entries failed validation, most often with start_invalid \(98%"
    ):
        load(connection, read_all((A,), at=night(2), rejects=rejects), Guards())
    assert dump(connection, *CORE, "ops.quarantine") == before


def test_reading_the_same_rows_again_changes_no_entry_and_adds_no_version(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, read_all((A, B, C), at=night(1)))
    before = dump(connection, "core.ooo_entry_history", *DERIVED)
    changes = load(connection, read_all((C, A, B), at=night(2)))
    assert (changes.inserted, changes.updated, changes.deleted, changes.unchanged) == (0, 0, 0, 3)
    assert dump(connection, "core.ooo_entry_history", *DERIVED) == before
    assert {row["last_seen_at"] for row in rows_of(connection, "FROM core.ooo_entries")} == {night(2)}


def test_scopes_have_their_rows_and_a_checksum_that_ignores_the_order(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    verdicts = {
        ("users", None): "complete",
        ("organization", None): "complete",
        ("user", 1): "complete",
        ("user", 3): "complete",
    }
    for number, read in enumerate([(A, B), (replace(B, page=4), A, replace(A, page=2))], start=1):
        rejects = (Reject("entry", 9, 1), Reject("entry", None, None))
        load(connection, read_all(read, at=night(number), verdicts=verdicts, rejects=rejects))
    rows = rows_of(connection, "FROM ops.scopes ORDER BY run_id, scope_kind, user_id")
    assert [(row["scope_kind"], row["user_id"], row["rows"]) for row in rows[:4]] == [
        ("organization", None, 4),
        ("user", 1, 2),
        ("user", 3, 0),
        ("users", None, 3),
    ]
    sums = [row["id_checksum"] for row in rows]
    assert sums[:4] == sums[4:]
    assert len(set(sums[:4])) == 4
    assert sums[2] is None


def test_an_error_in_the_transaction_changes_no_row_and_leaves_the_connection_usable(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, read_all((A, B), at=night(1)))
    before = dump(connection, *CORE, *DERIVED)
    connection.execute("ALTER TABLE marts.person_days RENAME TO hidden").fetchall()
    with pytest.raises((WarehouseError, duckdb.Error)):
        load(connection, read_all((C,), at=night(2)))
    connection.execute("ALTER TABLE marts.hidden RENAME TO person_days").fetchall()
    assert dump(connection, *CORE, *DERIVED) == before
    load(connection, read_all((C,), at=night(2)))
    assert live(connection) == [3]


def test_a_snapshot_without_rows_and_scopes_changes_no_row(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    load(connection, Reading(7, night(1)))
    load(connection, read_all((A,), at=night(2)))
    changes = load(connection, Reading(7, night(3)), LAX)
    assert changes.rows_in == changes.deleted == 0
    assert live(connection) == [1]


def test_tables_pass_their_audits_after_every_kind_of_change(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    reversed_span = replace(C, last=C.first - timedelta(days=3))
    for number, read in enumerate([(A, B), (B, reversed_span), ()], start=1):
        load(connection, read_all(read, at=night(number), rejects=(Reject("entry", None, None),)))
        audits = audit_marts(
            connection, TABLES, run_id=f"run-{number}", checked_at=night(number), expected=EXPECTED
        )
        assert audits
        assert not [audit for audit in audits if audit.is_failed]
