"""The run summary: what was read, changed and published, as data and as text."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from calcom.errors import ExitCode
from calcom.paging import Verdict
from calcom.scopes import ScopeResult
from calcom.strategy import Strategy
from warehouse.load.findings import Audit
from warehouse.load.runs import Difference, RunRow
from warehouse.publish.publication import Publication

MAX_SHOWN = 20
"""Scopes, and differences, named in a summary's text; its JSON names all."""


@dataclass(frozen=True)
class RunSummary:
    """One finished run.

    `problems` names the scopes that are not complete, and why; `differences` what the two strategies of
    `both` did not read alike; `audits` how many audits held, and the warnings.
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
    problems: list[dict[str, Any]]
    differences: list[Difference]
    audits: dict[str, Any]
    published: dict[str, int]
    generation: str
    warehouse: Path
    database: Path
    parquet_folder: Path
    report: Path

    @classmethod
    def of(  # noqa: PLR0913 - one summary's parts
        cls,
        row: RunRow,
        publication: Publication,
        *,
        results: Sequence[ScopeResult],
        differences: Sequence[Difference],
        audits: Sequence[Audit],
        throttled: int,
        is_resumed: bool,
        warehouse: Path,
        report: Path,
    ) -> Self:
        """The summary of a run that was loaded as `row` and published as `publication`."""
        problems = [
            {
                "scope": result.scope.kind,
                "user_id": result.scope.user_id,
                "team_id": result.scope.team_id,
                "verdict": result.verdict.value,
                "problem": result.problem,
            }
            for result in results
            if result.verdict is not Verdict.COMPLETE
        ]
        return cls(
            run_id=row.run_id,
            organization_id=row.organization_id,
            outcome=row.outcome,
            exit_code=ExitCode.DONE if row.outcome == "complete" else ExitCode.PARTIAL,
            strategy=row.strategy,
            is_resumed=is_resumed,
            started_at=row.started_at,
            finished_at=row.finished_at,
            requests=row.requests,
            retries=row.retries,
            throttled=throttled,
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
            problems=problems,
            differences=list(differences),
            audits=describe_audits(audits),
            published=publication.rows,
            generation=publication.generation,
            warehouse=warehouse,
            database=publication.database,
            parquet_folder=publication.parquet_folder,
            report=report,
        )

    @property
    def headline(self) -> str:
        """The outcome in a few words."""
        return f"{self.outcome}: {self.rows['in']:,} entries read, {self.scopes['failed']:,} scopes failed"

    def as_json(self) -> dict[str, Any]:
        """The summary as JSON types: instants as ISO 8601 UTC, paths as text."""

        def plain(value: Any) -> Any:
            if isinstance(value, datetime):
                return f"{value.isoformat(timespec='milliseconds')}Z"
            return str(value) if isinstance(value, Path) else value

        return {key: plain(value) for key, value in asdict(self).items()}

    def as_text(self) -> str:
        """The summary for a person: what happened, what changed, where it is."""
        rows, scopes = self.rows, self.scopes
        changes = rows["inserted"] + rows["updated"] + rows["deleted"]
        seconds = (self.finished_at - self.started_at).total_seconds()
        lines = [
            f"{self.outcome.upper()}  organization {self.organization_id}, {self.strategy},"
            f" run {self.run_id}" + (", resumed" if self.is_resumed else ""),
            f"  read       {rows['in']:,} entries in {self.requests:,} requests, {seconds:.1f} s"
            f" (waited {self.waited_seconds:.0f} s for the rate limit, {self.retries} retries,"
            f" {self.throttled} answers of 429)",
            f"  proved     {scopes['complete']:,} scopes complete, {scopes['unproven']:,} unproven,"
            f" {scopes['failed']:,} failed",
            f"  changes    {changes:,}: {rows['inserted']:,} inserted, {rows['updated']:,} updated,"
            f" {rows['deleted']:,} deleted ({rows['unchanged']:,} unchanged,"
            f" {rows['quarantined']:,} quarantined)",
        ]
        lines += [
            f"  {one['verdict']:<10} {one['scope']} {one['user_id'] or one['team_id'] or ''}:"
            f" {one['problem']}"
            for one in self.problems[:MAX_SHOWN]
        ]
        if len(self.problems) > MAX_SHOWN:
            lines.append(f"             … and {len(self.problems) - MAX_SHOWN:,} more, see --json")
        lines += self._differences_text()
        lines += [
            *audits_text(self.audits, "  audits     "),
            f"  published  {sum(self.published.values()):,} rows in {len(self.published)} tables,"
            f" generation {self.generation}",
            f"  DuckDB     {self.database}",
            f"  Parquet    {self.parquet_folder / '*.parquet'}",
            f"  Page       {self.report}",
        ]
        return "\n".join(lines)

    def _differences_text(self) -> list[str]:
        if self.strategy != Strategy.BOTH:
            return []
        users = len({one.user_id for one in self.differences})
        lines = [
            f"  compared   {len(self.differences):,} differences between the strategies, {users:,} users"
        ]
        for one in self.differences[:MAX_SHOWN]:
            what = f"{one.difference} {one.columns or ''}".rstrip()
            lines.append(f"             user {one.user_id}, entry {one.entry_id}: {what}")
        if len(self.differences) > MAX_SHOWN:
            lines.append(f"             … and {len(self.differences) - MAX_SHOWN:,} more, see --json")
        return lines


def describe_audits(audits: Sequence[Audit]) -> dict[str, Any]:
    """How many audits were made, which failed, and which are warnings."""

    def found(names: str) -> list[dict[str, Any]]:
        chosen = [one for one in audits if getattr(one, names)]
        return [
            {"audit": one.name, "promise": one.promise, "offending_rows": one.offending_rows}
            for one in chosen
        ]

    return {"made": len(audits), "failed": found("is_failed"), "warnings": found("is_warning")}


def audits_text(audits: dict[str, Any], label: str) -> list[str]:
    """One line that counts the audits, and one for each promise that did not hold."""
    kinds = (("failed", "failed"), ("warnings", "warning"))
    counts = ", ".join(f"{len(audits[key]):,} {key}" for key, _ in kinds)
    return [
        f"{label}{audits['made']:,} made, {counts}",
        *(
            f"{'':<{len(label)}}{word}: {one['offending_rows']:,} against: {one['promise']}"
            for key, word in kinds
            for one in audits[key]
        ),
    ]
