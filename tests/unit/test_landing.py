"""What was landed survives a kill whole, holds no more than it may, and only its own run finds it."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from calcom.models import ENTRY_PARSER, MEMBERSHIP_PARSER, TEAM_PARSER, USER_PARSER, Records
from calcom.paging import ALL_IDS, Page, Verdict
from calcom.scopes import RunFacts, Scope, ScopeResult
from landing.catalog import create_landing, find_resumable, prune_landings
from landing.errors import LandingError
from landing.folder import SEGMENT_ROWS, Landing

USERS, ALL, ANN = Scope("users"), Scope("organization"), Scope("user", 7)
STARTED_AT = datetime(2026, 3, 1, 6)  # noqa: DTZ001 - UTC without a zone, as runs say it
FACTS = RunFacts(
    run_id="20260301T060000Z-aaaaaa",
    started_at=STARTED_AT,
    api_url="https://api.cal.com",
    organization_id=1,
    strategy="auto",
    page_size=250,
    keeps_notes=True,
)
NOTE = "a private note about nothing"
MAX_AGE = timedelta(hours=12)


def entry(entry_id: object, **changes: object) -> dict[str, Any]:
    return {
        "userId": 7,
        "toUserId": None,
        "id": entry_id,
        "uuid": f"uuid-{entry_id}",
        "start": "2026-03-01T00:00:00.000Z",
        "end": "2026-03-02T23:59:59.999Z",
        "notes": NOTE,
        "reason": "sick",
    } | changes


def read(*records: object) -> Records:
    body = json.dumps({"status": "success", "data": records}).encode()
    return ENTRY_PARSER.parse(body, path="/ooo", request_id=None)


def page_of(records: Records, skip: int = 0, take: int = 250) -> Page:
    return Page.of_ids(skip=skip, take=take, ids=records.ids)


def add(landing: Landing, scope: Scope, *records: object, skip: int = 0) -> Page:
    """Land one page of entries."""
    found = read(*records)
    page = page_of(found, skip)
    landing.add_page(scope, page, found)
    return page


def create(root: Path, **changes: Any) -> Landing:
    return create_landing(root, replace(FACTS, **changes), clock=lambda: 0.0)


def reopen(landing: Landing) -> Landing:
    return Landing(landing.folder, landing.facts, clock=lambda: 0.0)


def rows(landing: Landing, kind: str = "entries") -> list[dict[str, Any]]:
    return [row for path in landing.segments(kind) for row in pq.read_table(path).to_pylist()]


def test_pages_rows_and_verdicts_come_back_as_they_were(tmp_path: Path) -> None:
    landing = create(tmp_path)
    users = [{"id": 9, "email": "z@acme.example"}, {"id": 7, "email": "a@acme.example"}, {"id": 8}]
    body = json.dumps({"status": "success", "data": users}).encode()
    found = USER_PARSER.parse(body, path="/users", request_id=None)
    landing.add_page(USERS, page_of(found), found)
    landing.end_scope(ScopeResult(USERS, Verdict.UNPROVEN, 1, 1, 0, (), "ids_not_ascending"))
    landing.flush()
    add(landing, ALL, entry(1), entry(2))
    add(landing, ALL, entry(2), skip=1)
    landing.end_scope(ScopeResult(ALL, Verdict.FAILED, 2, 3, 1, ((0, 7), (12, 2**63 - 1)), "status 500"))
    landing.flush()
    again = reopen(landing)
    assert again.pages == landing.pages
    assert again.results == landing.results
    assert (again.page_count, again.user_ids()) == (3, [7, 8, 9])
    assert [(row["page"], row["id"], row["notes"]) for row in rows(again)] == [
        (1, 1, NOTE),
        (1, 2, NOTE),
        (2, 2, NOTE),
    ]
    add(again, ANN, entry(3))
    again.flush()
    assert [path.name for path in again.segments()] == [
        "users-000001.parquet",
        "entries-000002.parquet",
        "entries-000003.parquet",
    ]
    assert rows(again)[-1]["page"] == 3


def test_a_page_is_there_after_the_flush_and_not_before(tmp_path: Path) -> None:
    landing = create(tmp_path)
    add(landing, ALL, entry(1))
    assert reopen(landing).pages == {}
    landing.flush()
    landing.flush()
    assert len(reopen(landing).pages[ALL]) == 1
    assert len(landing.segments()) == 1


def test_segments_are_written_by_the_clock(tmp_path: Path) -> None:
    now = [0.0]
    landing = create_landing(tmp_path, FACTS, clock=lambda: now[0])
    add(landing, ALL, entry(1))
    assert landing.segments() == []
    now[0] = 1.0
    add(landing, ALL, entry(2))
    assert len(landing.segments()) == 1


def test_a_kill_between_write_and_rename_loses_that_segment_only(tmp_path: Path) -> None:
    landing = create(tmp_path)
    add(landing, ALL, entry(1))
    landing.flush()
    (landing.folder / "entries-000002.tmp").write_bytes(b"PAR1 half a segm")
    (landing.folder / "run.tmp").write_text("{")
    found = find_resumable(tmp_path, FACTS, max_age=MAX_AGE)
    assert found is not None
    assert len(found.pages[ALL]) == 1
    add(found, ALL, entry(2))
    found.flush()
    assert [row["id"] for row in rows(reopen(found))] == [1, 2]


def test_a_rejected_record_is_kept_whole_with_its_problem_and_its_scopes_user(tmp_path: Path) -> None:
    landing = create(tmp_path)
    add(landing, ANN, entry(1), entry(2, start=None, userId="7"))
    landing.flush()
    rejected = rows(landing)[1]
    assert (rejected["id"], rejected["user_id"]) == (2, 7)
    assert rejected["problem"] == "userId_wrong_type"
    assert json.loads(rejected["raw"])["notes"] == NOTE
    assert rejected["has_notes"] is None


@pytest.mark.parametrize(
    "odd",
    [
        '"id": 5, "id": 3',
        '"x": {"y": 1, "y": 2}, "id": 3',
        '"x": NaN, "id": 3',
        '"x": 1e999, "id": 3',
        f'"x": {"9" * 400}, "id": 3',
    ],
)
def test_what_is_odd_in_a_page_does_not_change_what_is_landed_of_it(tmp_path: Path, odd: str) -> None:
    landing = create(tmp_path)
    text = json.dumps({"status": "success", "data": [entry(1), entry(2)]})
    found = ENTRY_PARSER.parse(text.replace('"id": 2', odd).encode(), path="/ooo", request_id=None)
    landing.add_page(ALL, page_of(found), found)
    landing.flush()
    assert found.ids == [row["id"] for row in rows(landing)] == [1, 3]
    assert [row["notes"] for row in rows(landing)] == [NOTE, NOTE]


@pytest.mark.parametrize(("notes", "has_notes"), [(NOTE, True), ("", False), (None, False)])
@pytest.mark.parametrize("keeps_notes", [True, False])
def test_whether_there_is_a_note_is_known_even_where_it_is_not_kept(
    tmp_path: Path, notes: str | None, *, has_notes: bool, keeps_notes: bool
) -> None:
    landing = create(tmp_path, keeps_notes=keeps_notes)
    add(landing, ALL, entry(1, notes=notes))
    landing.flush()
    (row,) = rows(landing)
    assert row["has_notes"] is has_notes
    assert row["notes"] == (notes if keeps_notes else None)


@pytest.mark.parametrize(
    "record",
    [
        entry(1),
        entry(1, start=None),
        entry(None, notes={"text": NOTE}),
        entry(1, end=5, comment=NOTE),
        entry("x", Notes=[NOTE]),
        NOTE,
        [NOTE],
    ],
)
def test_without_notes_no_byte_of_one_is_in_the_folder(tmp_path: Path, record: object) -> None:
    landing = create(tmp_path, keeps_notes=False)
    add(landing, ALL, record)
    landing.flush()
    assert len(rows(landing)) == 1
    for path in landing.folder.iterdir():
        assert NOTE.encode() not in path.read_bytes()
    assert NOTE not in str(rows(landing))


def test_a_full_segment_is_written_and_none_of_its_rows_stays_in_memory(tmp_path: Path) -> None:
    landing = create(tmp_path)
    record = read(entry(1)).accepted[0]
    records = Records(accepted=[record] * 250, ids=list(range(1, 251)))
    page = page_of(records)
    for number in range(1, SEGMENT_ROWS // 250 + 1):
        assert landing.segments() == []
        landing.add_page(ALL, page, records)
        kept = sum(len(buffer.rows) for buffer in landing._buffers.values())
        assert kept == 250 * number % SEGMENT_ROWS
    (segment,) = landing.segments()
    assert pq.read_metadata(segment).num_rows == SEGMENT_ROWS


def test_a_disk_that_refuses_is_an_error_that_names_the_path(tmp_path: Path) -> None:
    landing = create(tmp_path)
    add(landing, ALL, entry(1))
    (landing.folder / "entries-000001.tmp").mkdir()
    with pytest.raises(LandingError, match=r"entries-000001\.parquet.*run again"):
        landing.flush()
    (landing.folder / "entries-000001.tmp").rmdir()
    add(landing, ALL, entry(2))
    landing.end_scope(ScopeResult(ALL, Verdict.COMPLETE, 2, 2, 0, ALL_IDS))
    with pytest.raises(LandingError, match=r"entries-000001\.parquet"):
        landing.flush()
    assert not list(landing.folder.glob("*.parquet"))
    (tmp_path / "file").write_text("")
    with pytest.raises(LandingError, match="file"):
        create(tmp_path / "file")


@pytest.mark.parametrize("content", [b"", b"no parquet"])
def test_a_segment_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    landing = create(tmp_path)
    (landing.folder / "entries-000001.parquet").write_bytes(content)
    with pytest.raises(LandingError, match="entries-000001"):
        reopen(landing)


def test_a_landing_that_lost_a_segment_is_never_taken_for_whole(tmp_path: Path) -> None:
    landing = create(tmp_path)
    for number in range(3):
        add(landing, ALL, entry(number + 1))
        landing.flush()
    landing.segments()[1].unlink()
    with pytest.raises(LandingError, match="segments are missing"):
        reopen(landing)
    assert find_resumable(tmp_path, FACTS, max_age=MAX_AGE) is None


# Which landing a run takes up


def resumable(root: Path, **changes: Any) -> str | None:
    later = {"run_id": "20260301T070000Z-cccccc", "started_at": STARTED_AT + timedelta(hours=1)}
    facts = replace(FACTS, **(later | changes))
    found = find_resumable(root, facts, max_age=MAX_AGE)
    return found.facts.run_id if found else None


def test_the_newest_unfinished_landing_of_the_same_facts_is_taken_up(tmp_path: Path) -> None:
    assert resumable(tmp_path) is None
    create(tmp_path)
    newer = create(tmp_path, run_id="20260301T063000Z-bbbbbb")
    assert resumable(tmp_path) == newer.facts.run_id
    newer.mark_finished()
    assert resumable(tmp_path) == FACTS.run_id


@pytest.mark.parametrize(
    "changes",
    [
        {"api_url": "https://api.cal.eu"},
        {"organization_id": 2},
        {"strategy": "per-user"},
        {"page_size": 100},
        {"keeps_notes": False},
        {"started_at": STARTED_AT + timedelta(hours=13)},
    ],
)
def test_a_landing_of_other_facts_or_too_old_is_left(tmp_path: Path, changes: dict[str, Any]) -> None:
    create(tmp_path)
    assert resumable(tmp_path, **changes) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "7", "{}", '{"format": 99}', '{"format": 1}'])
def test_a_run_file_that_cannot_be_read_is_passed_over(tmp_path: Path, content: str) -> None:
    landing = create(tmp_path)
    (landing.folder / "run.json").write_text(content)
    assert resumable(tmp_path) is None


def test_a_copied_folder_is_not_taken_for_the_run_it_was_copied_from(tmp_path: Path) -> None:
    create(tmp_path).folder.rename(tmp_path / "copy")
    assert resumable(tmp_path) is None


def test_only_the_newest_landings_are_kept(tmp_path: Path) -> None:
    names = [f"2026030{day}T060000Z-aaaaaa" for day in range(1, 6)]
    for name in names:
        create(tmp_path, run_id=name)
    (tmp_path / "a file").write_text("")
    assert prune_landings(tmp_path, keep=2) == names[:3]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == names[3:]
    assert prune_landings(tmp_path, keep=2) == []
    assert prune_landings(tmp_path / "none", keep=2) == []


def test_a_landing_without_a_page_leaves_no_folder(tmp_path: Path) -> None:
    landing = create(tmp_path)
    landing.discard_if_empty()
    assert list(tmp_path.iterdir()) == []
    landing = create(tmp_path)
    add(landing, ALL, entry(1))
    landing.discard_if_empty()
    assert landing.folder.exists()


def test_teams_and_memberships_land_beside_the_entries_and_keep_no_profile(tmp_path: Path) -> None:
    landing = create(tmp_path)
    member = {"id": 9, "userId": 7, "teamId": 5, "accepted": True, "role": "OWNER"}
    profile = {"user": {"email": "ann@acme.example", "bio": NOTE}}
    for scope, parser, records in (
        (Scope("teams"), TEAM_PARSER, [{"id": 5, "name": "Sales"}, {"id": 6, "name": 7, "bio": NOTE}]),
        (Scope("team", team_id=5), MEMBERSHIP_PARSER, [member | profile, member | profile | {"role": None}]),
    ):
        body = json.dumps({"status": "success", "data": records}).encode()
        found = parser.parse(body, path="/teams", request_id=None)
        landing.add_page(scope, page_of(found), found)
        landing.end_scope(ScopeResult(scope, Verdict.COMPLETE, 1, 1, 0, ()))
    landing.flush()
    again = reopen(landing)
    assert again.team_ids() == [5, 6]
    assert again.results.keys() == again.pages.keys() == {Scope("teams"), Scope("team", team_id=5)}
    assert [one["team_id"] for one in rows(again, "memberships")] == [5, 5]
    assert rows(again) == []
    kept = [row["raw"] for kind in ("teams", "memberships") for row in rows(again, kind)]
    assert len([raw for raw in kept if raw]) == 2
    assert not any("ann@acme" in str(raw) or NOTE in str(raw) for raw in kept)


def test_a_segment_is_handed_over_once_it_is_whole(tmp_path: Path) -> None:
    landing = create_landing(tmp_path, FACTS, clock=lambda: 0.0)
    seen: list[tuple[str, int]] = []
    landing.on_segment = lambda path: seen.append((path.name, pq.ParquetFile(path).metadata.num_rows))
    add(landing, ANN, entry(1), entry(2))
    assert seen == []
    landing.flush()
    add(landing, ANN, entry(3), skip=1)
    landing.flush()
    landing.flush()
    assert seen == [("entries-000001.parquet", 2), ("entries-000002.parquet", 1)]
    assert [path.name for path in landing.segments()] == [name for name, _ in seen]


def test_what_goes_wrong_with_a_segment_handed_over_ends_the_landing_but_keeps_the_segment(
    tmp_path: Path,
) -> None:
    landing = create_landing(tmp_path, FACTS, clock=lambda: 0.0)

    def refuse(segment: Path) -> None:
        raise LandingError(f"{segment.name} is not wanted")

    landing.on_segment = refuse
    add(landing, ANN, entry(1))
    for _ in range(2):
        with pytest.raises(LandingError, match=r"entries-000001\.parquet is not wanted"):
            landing.flush()
    found = find_resumable(tmp_path, FACTS, max_age=MAX_AGE)
    assert found is not None
    assert found.page_count == 1
