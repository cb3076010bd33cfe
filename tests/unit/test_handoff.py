"""The hand-off store holds complete landings and the errors of failed extractions, per organization."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from calcom.records import Records
from calcom.scopes import USERS, Page
from landing.errors import LandingError
from landing.folder import Landing, create_landing, resume_or_create
from landing.handoff import HandOffStore
from landing.run_facts import UNKNOWN_ORGANIZATION, ExtractionStats, RunFacts
from tests.support.landed import facts

STATS = ExtractionStats(
    strategy="org-wide", is_resumed=False, requests=2, retries=0, throttled=0, waited_seconds=0.0
)
MAX_AGE = timedelta(hours=12)


@pytest.fixture
def store(tmp_path: Path) -> HandOffStore:
    return HandOffStore((tmp_path / "store").as_uri())


def land(root: Path, *, is_complete: bool = True, **changes: Any) -> Landing:
    """Return a new landing with one page of one user."""
    landing = create_landing(root, replace(facts(), **changes), clock=lambda: 0.0)
    record = {"id": 7, "email": "a@b.c"}
    landing.add_page(USERS, Page.of_ids(skip=0, take=250, ids=[7]), Records(accepted=[record], ids=[7]))
    landing.flush()
    if is_complete:
        landing.mark_complete(STATS)
    return landing


def test_a_fetched_landing_has_the_facts_pages_and_stats_of_the_stored_one(
    store: HandOffStore, tmp_path: Path
) -> None:
    landing = land(tmp_path / "here")
    store.put("acme", landing)
    assert store.list_runs("acme") == [landing.facts.run_id]
    fetched = store.fetch("acme", landing.facts.run_id, tmp_path / "there")
    assert (fetched.facts, fetched.pages, fetched.stats) == (landing.facts, landing.pages, STATS)
    assert fetched.user_ids() == [7]
    assert store.list_runs("acme") == [landing.facts.run_id], "the store keeps it until it is loaded"
    store.remove("acme")
    assert store.list_runs("acme") == []


def test_a_partly_copied_landing_is_fetched_again(store: HandOffStore, tmp_path: Path) -> None:
    landing = land(tmp_path / "here")
    store.put("acme", landing)
    partial = tmp_path / "there" / landing.facts.run_id
    partial.mkdir(parents=True)
    (partial / "entries-000001.parquet").write_bytes(b"half a segm")
    fetched = store.fetch("acme", landing.facts.run_id, tmp_path / "there")
    assert fetched.pages == landing.pages


def test_a_landing_without_its_last_file_is_not_listed(store: HandOffStore, tmp_path: Path) -> None:
    landing = land(tmp_path / "here")
    store.put("acme", landing)
    (tmp_path / "store" / "acme" / landing.facts.run_id / "read.json").unlink()
    assert store.list_runs("acme") == []
    with pytest.raises(LandingError, match=r"read\.json"):
        store.fetch("acme", landing.facts.run_id, tmp_path / "there")


def test_the_newest_landing_that_may_be_reused_is_found(store: HandOffStore, tmp_path: Path) -> None:
    assert store.find_reusable("acme", facts(), max_age=MAX_AGE) is None
    for number in range(3):
        started_at = facts().started_at + timedelta(hours=number)
        store.put("acme", land(tmp_path / "here", run_id=f"run-{number}", started_at=started_at))
    later = replace(facts(), started_at=facts().started_at + timedelta(hours=3))
    assert store.find_reusable("acme", later, max_age=MAX_AGE) == "run-2"
    assert store.find_reusable("globex", later, max_age=MAX_AGE) is None
    (tmp_path / "store" / "acme" / "run-2" / "run.json").write_text("{")
    assert store.find_reusable("acme", later, max_age=MAX_AGE) == "run-1"


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({}, True),
        ({"run_id": "another", "started_at": facts().started_at + MAX_AGE}, True),
        ({"organization_id": UNKNOWN_ORGANIZATION}, True),
        ({"organization_id": 2}, False),
        ({"api_url": "https://api.cal.eu"}, False),
        ({"strategy": "per-user"}, False),
        ({"page_size": 100}, False),
        ({"keeps_notes": False}, False),
        ({"started_at": facts().started_at + MAX_AGE + timedelta(seconds=1)}, False),
    ],
)
def test_a_stored_landing_is_reused_by_the_same_rule_as_a_killed_run_is_resumed(
    changes: dict[str, Any], store: HandOffStore, tmp_path: Path, *, is_same: bool
) -> None:
    landing = land(tmp_path / "here")
    store.put("acme", landing)
    later: RunFacts = replace(facts(), **changes)
    reusable = store.find_reusable("acme", later, max_age=MAX_AGE)
    opened = resume_or_create(
        tmp_path / "here", replace(later, run_id="20270101T000000Z-bbbbbb"), max_age=MAX_AGE
    )
    is_resumed = opened.facts.run_id == landing.facts.run_id
    assert (reusable is not None, is_resumed) == (is_same, is_same)


def test_the_exit_code_and_the_error_of_a_failed_extraction_are_taken_once(store: HandOffStore) -> None:
    assert store.take_failure("acme") is None
    store.put_failure("acme", 11, "the credential of acme is refused")
    store.put_failure("acme", 12, "Cal.com is unavailable")
    assert store.take_failure("globex") is None
    assert store.take_failure("acme") == (12, "Cal.com is unavailable")
    assert store.take_failure("acme") is None


def test_a_stored_failure_is_no_landing_and_a_later_landing_replaces_it(
    store: HandOffStore, tmp_path: Path
) -> None:
    store.put_failure("acme", 11, "refused")
    assert store.list_runs("acme") == []
    landing = land(tmp_path / "here")
    store.put("acme", landing)
    assert store.list_runs("acme") == [landing.facts.run_id]
    assert store.take_failure("acme") is None
