"""The summary of a run: the records read, the changes and the publication, as data and as text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from calcom.errors import ExitCode
from calcom.list_checks import TOO_MANY_TEAMS
from calcom.scopes import ScopeResult, Verdict, find_skipped, without_skipped
from calcom.strategy import Strategy
from calcom.wording import count_of
from flows.report.page import report_path
from flows.report.status import audits_text, describe_audits
from flows.run.context import RunContext
from flows.settings.data_folder import warehouse_path
from warehouse.load.runs import Difference

MAX_SHOWN = 20
"""The number of scopes and of differences that the text of a summary names; the JSON names all."""


@dataclass(frozen=True)
class RunSummary:
    """One finished run.

    `quarantine` counts the records that failed validation, by `record_kind` and `problem`. `problems` names the
    scopes that are not complete, with the cause. `teams_skipped` is the reason why the teams of the last run were
    kept, or None. `differences` are the entries that the two strategies of `both` returned differently. `audits`
    counts the audits and names those that do not hold.
    """

    run_id: str
    organization_id: int
    outcome: str
    exit_code: int
    strategy: str
    is_resumed: bool
    started_at: datetime
    finished_at: datetime
    requests: int
    retries: int
    throttled: int
    waited_seconds: float
    rows: dict[str, int]
    scopes: dict[str, int]
    quarantine: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    teams_skipped: str | None
    differences: list[Difference]
    audits: dict[str, Any]
    published: dict[str, int]
    generation: str
    warehouse: Path
    database: Path
    parquet_folder: Path
    report: Path

    @property
    def headline(self) -> str:
        """Return the outcome in a few words."""
        return (
            f"{self.outcome}: {count_of(self.rows['in'], 'entry', 'entries')} read,"
            f" {count_of(self.scopes['failed'], 'scope')} failed"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON types: instants as ISO 8601 in UTC, paths as text."""

        def plain(value: Any) -> Any:
            if isinstance(value, datetime):
                return f"{value.isoformat(timespec='milliseconds')}Z"
            return str(value) if isinstance(value, Path) else value

        return {key: plain(value) for key, value in asdict(self).items()}

    def as_text(self) -> str:
        """Return the summary as text for a terminal."""
        rows, scopes = self.rows, self.scopes
        changes = rows["inserted"] + rows["updated"] + rows["deleted"]
        seconds = (self.finished_at - self.started_at).total_seconds()
        lines = [
            f"{self.outcome.upper()}  organization {self.organization_id}, {self.strategy},"
            f" run {self.run_id}" + (", resumed" if self.is_resumed else ""),
            f"  read       {count_of(rows['in'], 'entry', 'entries')} in {count_of(self.requests, 'request')},"
            f" {seconds:.1f} s (waited {self.waited_seconds:.0f} s for the rate limit,"
            f" {count_of(self.retries, 'retry', 'retries')}, {count_of(self.throttled, 'HTTP 429 response')})",
            f"  proved     {count_of(scopes['complete'], 'scope')} complete, {scopes['unproven']:,} unproven,"
            f" {scopes['failed']:,} failed",
            f"  changes    {changes:,}: {rows['inserted']:,} inserted, {rows['updated']:,} updated,"
            f" {rows['deleted']:,} deleted ({rows['unchanged']:,} unchanged,"
            f" {rows['quarantined']:,} quarantined)",
        ]
        lines += [f"  {line}" for line in (*quarantine_text(self.quarantine), *problems_text(self.problems))]
        if self.teams_skipped:
            lines.append(f"  teams      not read, kept as they were: {self.teams_skipped}")
        lines += self._differences_text()
        lines += [
            *audits_text(self.audits, "  audits     "),
            f"  published  {count_of(sum(self.published.values()), 'row')} in {count_of(len(self.published), 'table')},"
            f" generation {self.generation}",
            f"  DuckDB     {self.database}",
            f"  Parquet    {self.parquet_folder / '*.parquet'}",
            f"  Page       {self.report}",
        ]
        return "\n".join(lines)

    def _differences_text(self) -> list[str]:
        if self.strategy != Strategy.BOTH:
            return []
        users = len({difference.user_id for difference in self.differences})
        lines = [
            f"  compared   {count_of(len(self.differences), 'difference')} between the strategies,"
            f" {count_of(users, 'user')}"
        ]
        for difference in self.differences[:MAX_SHOWN]:
            kind = f"{difference.difference} {difference.columns or ''}".rstrip()
            lines.append(f"             user {difference.user_id}, entry {difference.entry_id}: {kind}")
        if len(self.differences) > MAX_SHOWN:
            lines.append(f"             … and {len(self.differences) - MAX_SHOWN:,} more, see --json")
        return lines


def describe_problems(results: Iterable[ScopeResult]) -> list[dict[str, Any]]:
    """Return the scopes that are not complete, with the cause."""
    return [
        {
            "scope": result.scope.kind,
            "user_id": result.scope.user_id,
            "team_id": result.scope.team_id,
            "verdict": result.verdict.value,
            "problem": result.problem,
        }
        for result in without_skipped(results)
        if result.verdict is not Verdict.COMPLETE
    ]


def describe_skipped(results: Iterable[ScopeResult]) -> str | None:
    """Return the reason why teams were skipped, or None if they were not."""
    result = find_skipped(results)
    if result is None:
        return None
    if result.problem == TOO_MANY_TEAMS:
        return f"{TOO_MANY_TEAMS}; set OOO_TEAMS=true to read them"
    return f"{result.scope.label}: {result.problem}"


def quarantine_text(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one line per kind of record and reason code, with the number of quarantined records."""
    return [
        f"{'quarantine':<10} {group['records']:,} {group['record_kind']} {group['problem']}"
        for group in groups
    ]


def problems_text(problems: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one line per problem, for at most `MAX_SHOWN` of them."""
    lines = [
        f"{problem['verdict']:<10} {problem['scope']}"
        + (f" {member_id}" if (member_id := problem["user_id"] or problem["team_id"]) else "")
        + f": {problem['problem']}"
        for problem in problems[:MAX_SHOWN]
    ]
    rest = len(problems) - MAX_SHOWN
    return [*lines, f"           … and {rest:,} more, see --json"] if rest > 0 else lines


def summarize(run: RunContext) -> RunSummary:
    """Return the summary of a run that was loaded and published."""
    row, publication = run.record, run.publication
    if publication is None:
        message = "a run is summarized after its publication"
        raise RuntimeError(message)
    return RunSummary(
        run_id=row.run_id,
        organization_id=run.landing.facts.organization_id,
        outcome=row.outcome,
        exit_code=ExitCode.DONE if row.outcome == "complete" else ExitCode.PARTIAL,
        strategy=row.strategy,
        is_resumed=run.stats.is_resumed,
        started_at=row.started_at,
        finished_at=row.finished_at,
        requests=row.requests,
        retries=row.retries,
        throttled=run.stats.throttled,
        waited_seconds=round(row.waited_seconds, 3),
        rows={
            "in": row.rows_in,
            "inserted": row.rows_inserted,
            "updated": row.rows_updated,
            "unchanged": row.rows_unchanged,
            "deleted": row.rows_deleted,
            "quarantined": row.rows_quarantined,
        },
        scopes={
            "complete": row.scopes_complete,
            "unproven": row.scopes_unproven,
            "failed": row.scopes_failed,
        },
        quarantine=run.quarantine,
        problems=describe_problems(run.landing.results.values()),
        teams_skipped=describe_skipped(run.landing.results.values()),
        differences=run.differences,
        audits=describe_audits(run.audits),
        published=publication.rows,
        generation=publication.generation,
        warehouse=warehouse_path(run.settings),
        database=publication.database,
        parquet_folder=publication.parquet_folder,
        report=report_path(run.settings),
    )
