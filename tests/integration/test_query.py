"""`ooo query`: every measure by its name, and the messages for measures that cannot be queried."""

import json
from datetime import date
from pathlib import Path

import click.testing
import duckdb
import pytest

from calcom.errors import ExitCode
from flows.cli.main import cli
from flows.run.publication import published_measures
from tests.support.naive import Absence
from tests.support.warehouse import MEASURES, audit_and_publish, load, new_warehouse, night, read_all

TRIP = Absence(
    entry_id=1, user_id=1, first=date(2026, 4, 6), last=date(2026, 4, 10), reason="travel", cover=2
)
LONGER = Absence(entry_id=1, user_id=1, first=date(2026, 4, 6), last=date(2026, 4, 17), reason="travel")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with new_warehouse() as connection:
        load(connection, read_all((TRIP,), at=night(1)))
        load(connection, read_all((LONGER,), at=night(3)))
        audit_and_publish(connection, folder)
    return folder


def run_query(data_dir: Path, *arguments: str) -> click.testing.Result:
    environment = {"OOO_DATA_DIR": str(data_dir)}
    return click.testing.CliRunner().invoke(cli, ["query", *arguments], env=environment)


@pytest.mark.parametrize("name", [measure.name for measure in MEASURES])
def test_every_measure_can_be_queried_by_its_name(data_dir: Path, name: str) -> None:
    result = run_query(data_dir, name, "--from", "2026-04-01", "--to", "2026-04-30", "--output", "csv")
    if name.endswith("_by_team"):  # no team is loaded
        assert result.exit_code == ExitCode.USAGE
        assert "set OOO_TEAMS=true" in result.stderr
        return
    assert result.exit_code == 0, result.output
    assert result.output.startswith("organization_id,")
    assert name in run_query(data_dir, "list").output.splitlines()


@pytest.mark.parametrize(
    ("as_of", "ends"),
    [
        ("2025-12-31", []),
        ("2026-01-01T04:59:59", []),
        ("2026-01-01T05:00:00", ["2026-04-10"]),
        ("2026-01-03", ["2026-04-10"]),
        ("2026-01-03 05:00:00", ["2026-04-17"]),
        (None, ["2026-04-17"]),
    ],
)
def test_as_of_shows_the_entries_as_they_were_stored_at_the_instant(
    data_dir: Path, as_of: str | None, ends: list[str]
) -> None:
    option = ["--as-of", as_of] if as_of else []
    result = run_query(
        data_dir, "as_of", *option, "--from", "2026-04-01", "--to", "2026-04-30", "--output", "json"
    )
    assert [row["ends_on"] for row in json.loads(result.output)] == ends


def test_an_instant_is_refused_for_a_query_without_one(data_dir: Path) -> None:
    refused = run_query(data_dir, "who_is_out", "--as-of", "2026-01-01")
    assert refused.exit_code == 2
    assert "--as-of is for as_of" in refused.output


def test_the_bradford_factor_is_published_only_if_its_setting_is_on(tmp_path: Path) -> None:
    assert [measure.name for measure in MEASURES if measure.switch] == [
        "bradford_factor",
        "rolling_bradford_factor",
    ]
    with new_warehouse() as connection:
        load(connection, read_all((TRIP,), at=night(1)))
        audit_and_publish(connection, tmp_path, measures=published_measures(publishes_bradford=False))
    for name in ("bradford_factor", "rolling_bradford_factor"):
        refused = run_query(tmp_path, name)
        assert refused.exit_code == 2
        assert "`ooo sync` with OOO_BRADFORD=true" in refused.output
    with duckdb.connect(tmp_path / "ooo.duckdb", read_only=True) as connection:
        count = "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE '%bradford_factor'"
        assert connection.execute(count).fetchall() == [(0,)]


def test_a_query_that_the_publication_lacks_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all((TRIP,), at=night(1)))
        audit_and_publish(connection, tmp_path, measures=MEASURES[:1])
    refused = run_query(tmp_path, "who_is_out")
    assert refused.exit_code == 2
    for part in ("ooo.duckdb", "without who_is_out", "ooo sync"):
        assert part in refused.output
