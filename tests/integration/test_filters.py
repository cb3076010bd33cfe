"""`--reason`, `--team` and `--person`: an answer is that of a warehouse with these rows alone."""

import json
import shutil
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import click.testing
import duckdb
import polars as pl
import pytest

from calcom.errors import ExitCode
from flows.cli.main import cli
from flows.cli.options import REASONS
from flows.report.filters import Filters
from flows.report.queries import NAMED, Dates, run_named
from flows.settings.errors import QueryError
from tests.support.naive import Absence
from tests.support.readings import Membership, Team, TeamReading
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all
from transforms.reasons import PRECEDENCE

YEAR = Dates(date(2026, 1, 1), date(2026, 12, 31))
INSTANT = datetime(2026, 6, 1)  # noqa: DTZ001 - UTC, as the warehouse stores instants
TEAM, OTHERS = (1, 2, 3), (4, 5, 6)
TEAMS = (Team(11, "Platform"), Team(12, "Sales Europe"))
MEMBERSHIPS = tuple(
    Membership(100 + user_id, 11 if user_id in TEAM else 12, user_id) for user_id in (*TEAM, *OTHERS)
)
ABSENCES = (
    Absence(1, 1, date(2026, 2, 2), date(2026, 2, 13), reason="vacation", cover=2),
    Absence(2, 1, date(2026, 3, 2), date(2026, 3, 3), reason="sick"),
    Absence(3, 2, date(2026, 2, 9), date(2026, 2, 11), reason="sick", cover=3),
    Absence(4, 3, date(2026, 5, 4), date(2026, 5, 8), reason="travel"),
    Absence(5, 4, date(2026, 2, 9), date(2026, 2, 20), reason="vacation", cover=5),
    Absence(6, 5, date(2026, 3, 2), date(2026, 3, 2), reason="sick"),
    Absence(7, 6, date(2026, 5, 6), date(2026, 5, 6), reason="sick", cover=1),
)

CANCELLED = (
    Absence(8, 1, date(2026, 11, 2), date(2026, 11, 6), reason="vacation"),
    Absence(9, 4, date(2026, 11, 2), date(2026, 11, 4), reason="sick"),
)


def publish(folder: Path, absences: tuple[Absence, ...], users: tuple[int, ...]) -> Path:
    """Publish the absences of the users, which were first planned a day longer, and return the database."""
    reasons = {absence.reason for absence in absences}
    planned = tuple(
        replace(absence, last=absence.last.replace(day=absence.last.day + 1)) for absence in absences
    )
    cancelled = tuple(
        absence for absence in CANCELLED if absence.user_id in users and absence.reason in reasons
    )
    members = tuple(membership for membership in MEMBERSHIPS if membership.user_id in users)
    teams = TeamReading(TEAMS, members, list_verdict="complete", verdicts={11: "complete", 12: "complete"})
    with new_warehouse() as connection:
        for number, read in ((1, ()), (2, (*planned, *cancelled)), (300, absences)):
            load(connection, read_all(read, at=night(number), users=users, teams=teams))
        audit_and_publish(connection, folder)
    return folder / "ooo.duckdb"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("all"), ABSENCES, TEAM + OTHERS)


@pytest.fixture(scope="module")
def database_of_the_team(tmp_path_factory: pytest.TempPathFactory) -> Path:
    absences = tuple(absence for absence in ABSENCES if absence.user_id in TEAM)
    return publish(tmp_path_factory.mktemp("team"), absences, TEAM)


@pytest.fixture(scope="module")
def database_of_sick_leave(tmp_path_factory: pytest.TempPathFactory) -> Path:
    absences = tuple(absence for absence in ABSENCES if absence.reason == "sick")
    return publish(tmp_path_factory.mktemp("sick"), absences, TEAM + OTHERS)


def run(database: Path, *arguments: str, **environment: str) -> click.testing.Result:
    settings = {"OOO_DATA_DIR": str(database.parent)} | environment
    return click.testing.CliRunner().invoke(cli, arguments, env=settings)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("filters", [Filters(people=("1", "2", "3")), Filters(teams=("platform",))])
def test_an_answer_for_people_is_that_of_a_warehouse_with_these_people_alone(
    database: Path, database_of_the_team: Path, name: str, filters: Filters
) -> None:
    alone = run_named(database_of_the_team, name, YEAR, INSTANT)
    if filters.teams and "team_id" in alone.columns:
        alone = alone.filter(pl.col("team_id") == 11)
    assert not run_named(database, name, YEAR, INSTANT).is_empty() or name == "bridge_days"
    assert run_named(database, name, YEAR, INSTANT, filters=filters).equals(alone)


WITHOUT_REASON = (
    *("bradford_factor", "cover_chains", "headcount_by_day", "person_time", "rolling_sickness_rate"),
    *("rolling_bradford_factor", "sickness_absence_rate"),
)


@pytest.mark.parametrize("name", NAMED)
def test_an_answer_for_a_reason_is_that_of_a_warehouse_with_this_reason_alone(
    database: Path, database_of_sick_leave: Path, name: str
) -> None:
    filters = Filters(reasons=("sick",))
    if name in WITHOUT_REASON:
        with pytest.raises(QueryError, match=r"the queries that take --reason are .*who_is_out"):
            run_named(database, name, YEAR, INSTANT, filters=filters)
        return
    if name == "coverage_conflicts":  # the cover's own absence has another reason
        rows = run_named(database, name, YEAR, INSTANT)
        assert run_named(database, name, YEAR, INSTANT, filters=filters).equals(
            rows.filter(pl.col("reason") == "sick")
        )
        return
    alone = run_named(database_of_sick_leave, name, YEAR, INSTANT)
    if "reason" in alone.columns:
        alone = alone.filter(pl.col("reason") == "sick")
    assert run_named(database, name, YEAR, INSTANT, filters=filters).equals(alone)


def test_several_values_are_alternatives_and_several_options_are_conditions(database: Path) -> None:
    filters = Filters(reasons=("sick", "travel", "sick"), teams=("Platform",), people=("1", "3", "4"))
    rows = run_named(database, "who_is_out", YEAR, filters=filters)
    assert rows["entry_id"].sort().to_list() == [2, 4]


def test_a_cover_outside_the_team_keeps_its_name_and_is_counted(tmp_path: Path) -> None:
    absences = (Absence(1, 1, date(2026, 2, 2), date(2026, 2, 6), reason="vacation", cover=4),)
    database = publish(tmp_path, absences, TEAM + OTHERS)
    filters = Filters(teams=("Platform",))
    assert run_named(database, "who_is_out", YEAR, filters=filters)["covering_name"].to_list() == ["Person 1"]
    rate = run_named(database, "coverage_rate", YEAR, filters=filters)
    assert rate.select("named_days", "present_days").row(0) == (5, 5)


@pytest.mark.parametrize("command", ["query", "export"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            ("--person", "Maria Missing"),
            "no person matches 'Maria Missing'. Give the name, the e-mail address, the user name or the id",
        ),
        (("--person", "person 9"), "Did you mean 'Person"),
        (
            ("--person", "Person 0"),
            "2 names match 'Person 0': Person 0 (3), Person 0 (6); give the id of one",
        ),
        (("--person", "person"), "6 names match 'person'"),
        (("--team", "platfor m"), "Did you mean 'Platform'?"),
        (("--team", "Rocket"), "no team matches 'Rocket'. The teams are Platform"),
        (("--team", "Rocket"), "Give the name, the slug or the id of a row of dim_teams"),
        (("--reason", "vacatoin"), "did you mean vacation?"),
        (("--reason", "Vacation"), "did you mean vacation?"),
        (("--reason", "Sick leave"), "did you mean sick?"),
        (("--reason", "holiday"), "did you mean public_holiday?"),
    ],
)
def test_an_unknown_or_ambiguous_value_is_refused_with_the_candidates(
    database: Path, command: str, options: tuple[str, ...], expected: str
) -> None:
    name = "who_is_out" if command == "query" else "fct_ooo_entries"
    refused = run(database, command, name, *options)
    assert refused.exit_code == ExitCode.USAGE, refused.output
    assert expected in refused.stderr
    assert "Usage:" not in refused.stderr


@pytest.mark.parametrize("person", ["person-2@example.com", "PERSON-2@EXAMPLE.COM", "2"])
def test_a_person_is_found_by_the_address_or_the_id(database: Path, person: str) -> None:
    shown = run(database, "query", "who_is_out", "--from", "2026", "--person", person, "--format", "json")
    assert [row["entry_id"] for row in json.loads(shown.output)] == [3]


def test_a_team_is_found_by_a_part_of_its_name_without_case_and_accents(database: Path) -> None:
    shown = run(database, "query", "who_is_out", "--from", "2026", "--team", "éurope", "--format", "json")
    assert {row["entry_id"] for row in json.loads(shown.output)} == {5, 6, 7}


def test_a_team_without_teams_names_the_setting(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all(ABSENCES[:1], at=night(1)))
        audit_and_publish(connection, tmp_path)
    refused = run(tmp_path / "ooo.duckdb", "query", "who_is_out", "--team", "Platform")
    assert refused.exit_code == ExitCode.USAGE
    assert "OOO_TEAMS=true" in refused.stderr


@pytest.mark.parametrize(
    ("name", "options", "entries"),
    [
        ("fct_ooo_entries", ("--team", "Platform"), {1, 2, 3, 4}),
        ("fct_ooo_entries", ("--person", "1", "--reason", "sick"), {2}),
        ("fct_entry_days", ("--person", "6"), {7}),
    ],
)
def test_an_export_of_a_table_has_the_chosen_rows(
    database: Path, tmp_path: Path, name: str, options: tuple[str, ...], entries: set[int]
) -> None:
    path = tmp_path / "rows.parquet"
    done = run(database, "export", name, "--from", "2026", *options, "--output", str(path))
    assert done.exit_code == 0, done.output
    assert set(pl.read_parquet(path)["entry_id"]) == entries


def test_a_measure_without_reasons_and_an_unpublished_measure_are_told_apart(
    database: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "ooo.duckdb"
    shutil.copyfile(database, copy)
    with duckdb.connect(str(copy)) as connection:
        for schema in ("main", "attached"):
            connection.execute(f"DROP MACRO TABLE IF EXISTS {schema}.bradford_factor")
    refused = run(copy, "query", "headcount_by_day", "--reason", "sick")
    assert refused.exit_code == ExitCode.USAGE
    assert "headcount_by_day does not depend on a reason" in refused.stderr
    assert "absence_by_month" in refused.stderr
    assert "bradford_factor" not in refused.stderr
    for query in ("bradford_factor", "FROM bradford_factor('2026-01-01', '2026-12-31')"):
        missing = run(copy, "query", query)
        assert missing.exit_code == ExitCode.USAGE
        assert "without bradford_factor; run `ooo sync` with OOO_BRADFORD=true" in missing.stderr


def test_a_table_without_the_column_is_refused_with_the_tables_that_have_it(database: Path) -> None:
    refused = run(database, "export", "dim_people", "--reason", "sick")
    assert refused.exit_code == ExitCode.USAGE
    assert "dim_people has no column reason for --reason; the tables with one are" in refused.stderr
    assert "fct_ooo_entries" in refused.stderr


def test_options_that_choose_rows_are_refused_for_sql(database: Path) -> None:
    refused = run(database, "query", "SELECT 1", "--team", "Platform", "--from", "today")
    assert refused.exit_code == ExitCode.USAGE
    assert "--from and --team choose the rows of a named query" in " ".join(refused.stderr.split())


def test_no_small_group_is_found_by_subtracting_a_chosen_part_from_the_whole(database: Path) -> None:
    for options in (("--team", "Platform"), ("--person", "1"), ("--reason", "sick")):
        refused = run(database, "query", "absence_by_day", "--from", "2026", *options, OOO_MIN_GROUP_SIZE="3")
        assert refused.exit_code == ExitCode.USAGE
        assert "OOO_MIN_GROUP_SIZE" in refused.stderr
    listed = run(
        database, "query", "who_is_out", "--from", "2026", "--team", "Platform", OOO_MIN_GROUP_SIZE="3"
    )
    assert listed.exit_code == ExitCode.USAGE
    assert "who_is_out lists people" in " ".join(listed.stderr.split())


def test_the_completed_reasons_are_the_reasons_of_the_tables() -> None:
    assert list(REASONS) == [reason.code for reason in PRECEDENCE]
