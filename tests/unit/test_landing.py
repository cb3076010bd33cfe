"""A landing survives a kill, stores no more than the settings allow, and is resumed only by a run of the same facts."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from calcom.records import ENTRY_PARSER, MEMBERSHIP_PARSER, TEAM_PARSER, USER_PARSER, RecordParser, Records
from calcom.scopes import ALL_IDS, ORGANIZATION, TEAMS, USERS, Page, Scope, ScopeResult, Verdict
from landing.errors import LandingError
from landing.files import temporary_path
from landing.folder import SEGMENT_ROWS, Landing, create_landing, open_landing, resume_or_create
from landing.retention import prune_landings, remove_landing
from landing.run_facts import ExtractionStats, RunFacts

ANN = Scope("user", 7)
STARTED_AT = datetime(2026, 3, 1, 6)  # noqa: DTZ001 - UTC without a zone, as in the landing
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


def parse(*records: object, parser: RecordParser = ENTRY_PARSER) -> Records:
    body = json.dumps({"status": "success", "data": records}).encode()
    return parser.parse(body, path="/", request_id=None)


def page_of(records: Records, skip: int = 0, take: int = 250) -> Page:
    return Page.of_ids(skip=skip, take=take, ids=records.ids)


def add(landing: Landing, scope: Scope, *records: object, skip: int = 0) -> Page:
    """Land one page of entries, and return its facts."""
    parsed = parse(*records)
    page = page_of(parsed, skip)
    landing.add_page(scope, page, parsed)
    return page


def create(root: Path, **changes: Any) -> Landing:
    return create_landing(root, replace(FACTS, **changes), clock=lambda: 0.0)


def reopen(landing: Landing) -> Landing:
    return Landing(landing.folder, landing.facts, clock=lambda: 0.0)


def rows(landing: Landing, kind: str = "entries") -> list[dict[str, Any]]:
    return [row for path in landing.segments(kind) for row in pq.read_table(path).to_pylist()]


def test_pages_rows_and_verdicts_are_the_same_after_reopening(tmp_path: Path) -> None:
    landing = create(tmp_path)
    users = [{"id": 9, "email": "z@acme.example"}, {"id": 7, "email": "a@acme.example"}, {"id": 8}]
    parsed = parse(*users, parser=USER_PARSER)
    landing.add_page(USERS, page_of(parsed), parsed)
    landing.end_scope(ScopeResult(USERS, Verdict.UNPROVEN, 1, 1, 0, (), "ids_not_ascending"))
    landing.flush()
    add(landing, ORGANIZATION, entry(1), entry(2))
    add(landing, ORGANIZATION, entry(2), skip=1)
    landing.end_scope(
        ScopeResult(ORGANIZATION, Verdict.FAILED, 2, 3, 1, ((0, 7), (12, 2**63 - 1)), "status 500")
    )
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


def test_a_page_is_on_disk_after_the_flush_and_not_before(tmp_path: Path) -> None:
    landing = create(tmp_path)
    add(landing, ORGANIZATION, entry(1))
    assert reopen(landing).pages == {}
    landing.flush()
    landing.flush()
    assert len(reopen(landing).pages[ORGANIZATION]) == 1
    assert len(landing.segments()) == 1


def test_a_segment_is_written_once_a_second_has_passed(tmp_path: Path) -> None:
    now = [0.0]
    landing = create_landing(tmp_path, FACTS, clock=lambda: now[0])
    add(landing, ORGANIZATION, entry(1))
    assert landing.segments() == []
    now[0] = 1.0
    add(landing, ORGANIZATION, entry(2))
    assert len(landing.segments()) == 1


def test_a_kill_before_a_segment_is_renamed_loses_that_segment_only(tmp_path: Path) -> None:
    landing = create(tmp_path)
    add(landing, ORGANIZATION, entry(1))
    landing.flush()
    temporary_path(landing.folder / "entries-000002.parquet").write_bytes(b"PAR1 half a segm")
    temporary_path(landing.folder / "run.json").write_text("{")
    resumed = resume_or_create(tmp_path, FACTS, max_age=MAX_AGE)
    assert len(resumed.pages[ORGANIZATION]) == 1
    add(resumed, ORGANIZATION, entry(2))
    resumed.flush()
    assert [row["id"] for row in rows(reopen(resumed))] == [1, 2]


def test_a_rejected_record_is_stored_with_its_text_its_problem_and_the_user_of_its_scope(
    tmp_path: Path,
) -> None:
    landing = create(tmp_path)
    add(landing, ANN, entry(1), entry(2, start=None, userId="7"))
    landing.flush()
    rejected = rows(landing)[1]
    assert (rejected["id"], rejected["user_id"]) == (2, 7)
    assert rejected["problem"] == "userId_wrong_type"
    assert json.loads(rejected["raw"])["notes"] == NOTE
    assert rejected["has_notes"] is None


@pytest.mark.parametrize(
    "unusual",
    [
        '"id": 5, "id": 3',
        '"x": {"y": 1, "y": 2}, "id": 3',
        '"x": NaN, "id": 3',
        '"x": 1e999, "id": 3',
        f'"x": {"9" * 400}, "id": 3',
    ],
)
def test_unusual_json_in_a_page_does_not_change_its_landed_rows(tmp_path: Path, unusual: str) -> None:
    landing = create(tmp_path)
    text = json.dumps({"status": "success", "data": [entry(1), entry(2)]})
    parsed = ENTRY_PARSER.parse(text.replace('"id": 2', unusual).encode(), path="/ooo", request_id=None)
    landing.add_page(ORGANIZATION, page_of(parsed), parsed)
    landing.flush()
    assert parsed.ids == [row["id"] for row in rows(landing)] == [1, 3]
    assert [row["notes"] for row in rows(landing)] == [NOTE, NOTE]


@pytest.mark.parametrize(("notes", "has_notes"), [(NOTE, True), ("", False), (None, False)])
@pytest.mark.parametrize("keeps_notes", [True, False])
def test_has_notes_is_stored_even_if_notes_are_not(
    tmp_path: Path, notes: str | None, *, has_notes: bool, keeps_notes: bool
) -> None:
    landing = create(tmp_path, keeps_notes=keeps_notes)
    add(landing, ORGANIZATION, entry(1, notes=notes))
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
def test_no_byte_of_a_note_is_in_the_folder_if_notes_are_not_kept(tmp_path: Path, record: object) -> None:
    landing = create(tmp_path, keeps_notes=False)
    add(landing, ORGANIZATION, record)
    landing.flush()
    assert len(rows(landing)) == 1
    for path in landing.folder.iterdir():
        assert NOTE.encode() not in path.read_bytes()
    assert NOTE not in str(rows(landing))


def test_rows_are_written_once_a_segment_is_full_and_only_once(tmp_path: Path) -> None:
    landing = create(tmp_path)
    record = parse(entry(1)).accepted[0]
    records = Records(accepted=[record] * 250, ids=list(range(1, 251)))
    page, pages_per_segment = page_of(records), SEGMENT_ROWS // 250
    for number in range(1, 2 * pages_per_segment + 4):
        landing.add_page(ORGANIZATION, page, records)
        assert len(landing.segments()) == number // pages_per_segment
    landing.flush()
    sizes = [pq.read_metadata(segment).num_rows for segment in landing.segments()]
    assert sizes == [SEGMENT_ROWS, SEGMENT_ROWS, 3 * 250]
    assert [row["page"] for row in rows(landing)[::250]] == list(range(2 * pages_per_segment + 3))


def test_a_disk_error_names_the_path_and_the_next_write_has_the_pages_that_were_refused(
    tmp_path: Path,
) -> None:
    landing = create(tmp_path)
    add(landing, ORGANIZATION, entry(1))
    obstacle = landing.folder / "entries-000001.parquet"
    obstacle.mkdir()
    with pytest.raises(LandingError, match=r"entries-000001\.parquet.*run again"):
        landing.flush()
    obstacle.rmdir()
    add(landing, ORGANIZATION, entry(2))
    landing.end_scope(ScopeResult(ORGANIZATION, Verdict.COMPLETE, 2, 2, 0, ALL_IDS))
    landing.flush()
    assert [row["id"] for row in rows(landing)] == [1, 2]
    assert reopen(landing).pages == landing.pages
    assert reopen(landing).results == landing.results
    (tmp_path / "file").write_text("")
    with pytest.raises(LandingError, match="file"):
        create(tmp_path / "file")


@pytest.mark.parametrize("content", [b"", b"no parquet"])
def test_a_damaged_segment_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    landing = create(tmp_path)
    (landing.folder / "entries-000001.parquet").write_bytes(content)
    with pytest.raises(LandingError, match="entries-000001"):
        reopen(landing)


def test_a_landing_that_lost_a_segment_is_refused_and_not_resumed(tmp_path: Path) -> None:
    landing = create(tmp_path)
    for number in range(3):
        add(landing, ORGANIZATION, entry(number + 1))
        landing.flush()
    landing.segments()[1].unlink()
    with pytest.raises(LandingError, match="segments are missing"):
        reopen(landing)
    assert resumable(tmp_path) is None


# Resuming


def resumable(root: Path, snapshot_at: datetime | None = None, **changes: Any) -> str | None:
    """Return the id of the run that a later run resumes, or None if it gets a landing of its own."""
    later = {"run_id": "20260301T070000Z-cccccc", "started_at": STARTED_AT + timedelta(hours=1)}
    facts = replace(FACTS, **(later | changes))
    opened = resume_or_create(root, facts, max_age=MAX_AGE, snapshot_at=snapshot_at)
    if opened.facts.run_id != facts.run_id:
        return opened.facts.run_id
    remove_landing(opened.folder)
    return None


def test_the_newest_unfinished_landing_of_the_same_facts_is_resumed(tmp_path: Path) -> None:
    assert resumable(tmp_path) is None
    create(tmp_path)
    newer = create(tmp_path, run_id="20260301T063000Z-bbbbbb")
    assert resumable(tmp_path) == newer.facts.run_id
    newer.mark_finished()
    assert resumable(tmp_path) == FACTS.run_id


def test_a_landing_that_is_older_than_the_latest_snapshot_is_not_resumed(tmp_path: Path) -> None:
    create(tmp_path)
    assert resumable(tmp_path, snapshot_at=STARTED_AT) == FACTS.run_id
    assert resumable(tmp_path, snapshot_at=STARTED_AT + timedelta(microseconds=1)) is None


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
def test_a_landing_of_other_facts_or_too_old_is_not_resumed(tmp_path: Path, changes: dict[str, Any]) -> None:
    create(tmp_path)
    assert resumable(tmp_path, **changes) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "7", "{}", '{"format": 99}', '{"format": 1}'])
def test_a_landing_with_a_damaged_run_file_is_skipped(tmp_path: Path, content: str) -> None:
    landing = create(tmp_path)
    (landing.folder / "run.json").write_text(content)
    assert resumable(tmp_path) is None


def test_a_renamed_copy_of_a_landing_is_not_resumed(tmp_path: Path) -> None:
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


def test_a_landing_is_complete_only_once_its_stats_are_written(tmp_path: Path) -> None:
    landing = create(tmp_path)
    add(landing, ORGANIZATION, entry(1))
    with pytest.raises(LandingError, match=r"read\.json"):
        _ = landing.stats
    stats = ExtractionStats(
        strategy="org-wide", is_resumed=False, requests=3, retries=1, throttled=0, waited_seconds=0.5
    )
    landing.mark_complete(stats)
    again = open_landing(landing.folder)
    assert again.stats == stats
    assert (again.page_count, again.facts) == (1, landing.facts)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"strategy": "fast"}'])
def test_a_damaged_read_file_does_not_count_as_complete(tmp_path: Path, content: str) -> None:
    landing = create(tmp_path)
    (landing.folder / "read.json").write_text(content)
    with pytest.raises(LandingError, match="was not read to its end"):
        _ = landing.stats


def test_the_differences_of_two_strategies_are_stored_beside_the_segments(tmp_path: Path) -> None:
    landing = create(tmp_path)
    assert landing.load_differences() == []
    differences = [{"user_id": 7, "entry_id": 1, "difference": "differs", "columns": "notes"}]
    landing.save_differences(differences)
    assert reopen(landing).load_differences() == differences


def test_a_removed_landing_leaves_no_folder_and_no_longer_opens(tmp_path: Path) -> None:
    landing = create(tmp_path)
    add(landing, ORGANIZATION, entry(1))
    landing.flush()
    remove_landing(landing.folder)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LandingError, match="is not a landing of this version"):
        open_landing(landing.folder)


def test_teams_and_memberships_are_landed_without_profiles(tmp_path: Path) -> None:
    landing = create(tmp_path)
    member = {"id": 9, "userId": 7, "teamId": 5, "accepted": True, "role": "OWNER"}
    profile = {"user": {"email": "ann@acme.example", "bio": NOTE}}
    for scope, parser, records in (
        (TEAMS, TEAM_PARSER, [{"id": 5, "name": "Sales"}, {"id": 6, "name": 7, "bio": NOTE}]),
        (Scope("team", team_id=5), MEMBERSHIP_PARSER, [member | profile, member | profile | {"role": None}]),
    ):
        parsed = parse(*records, parser=parser)
        landing.add_page(scope, page_of(parsed), parsed)
        landing.end_scope(ScopeResult(scope, Verdict.COMPLETE, 1, 1, 0, ()))
    landing.flush()
    again = reopen(landing)
    assert again.team_ids() == [5, 6]
    assert again.results.keys() == again.pages.keys() == {TEAMS, Scope("team", team_id=5)}
    assert [row["team_id"] for row in rows(again, "memberships")] == [5, 5]
    assert rows(again) == []
    kept = [row["raw"] for kind in ("teams", "memberships") for row in rows(again, kind)]
    assert len([raw for raw in kept if raw]) == 2
    assert not any("ann@acme" in str(raw) or NOTE in str(raw) for raw in kept)
