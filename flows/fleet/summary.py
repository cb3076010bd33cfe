"""The summary of a fleet sync: the outcome of each organization, and the publication."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from calcom.errors import ExitCode
from transforms.runs import RunRecord
from warehouse.publish.publication import Publication


@dataclass(frozen=True)
class Outcome:
    """The outcome of one organization. `error` is the cause of a failure, or the missing part of a partial run."""

    organization: str
    outcome: str
    """`complete`, `partial` or `failed`."""
    exit_code: int
    error: str | None = None
    organization_id: int | None = None
    run_id: str | None = None
    entries: int = 0
    changes: int = 0
    requests: int = 0

    @classmethod
    def of(cls, name: str, record: RunRecord) -> Self:
        """Return the outcome of a run that was loaded."""
        missing = f"{record.scopes_failed:,} scopes failed, {record.scopes_unproven:,} unproven"
        is_complete = record.outcome == "complete"
        return cls(
            organization=name,
            outcome=record.outcome,
            exit_code=ExitCode.DONE if is_complete else ExitCode.PARTIAL,
            error=None if is_complete else missing,
            organization_id=record.organization_id,
            run_id=record.run_id,
            entries=record.rows_in,
            changes=record.rows_inserted + record.rows_updated + record.rows_deleted,
            requests=record.requests,
        )

    @classmethod
    def failure(cls, name: str, exit_code: int, error: str) -> Self:
        """Return the outcome of an organization that could not be read or loaded."""
        return cls(name, "failed", exit_code, error)


@dataclass(frozen=True)
class FleetSummary:
    """One fleet sync. Nothing is published if all organizations failed."""

    outcome: str
    exit_code: int
    organizations: list[Outcome]
    published: dict[str, int]
    generation: str | None
    database: Path | None
    parquet_folder: Path | None

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], publication: Publication | None) -> Self:
        """Exit with 17 if an organization is incomplete, and with the first error's code if all failed."""
        failures = [outcome for outcome in outcomes if outcome.outcome == "failed"]
        if len(failures) == len(outcomes):
            outcome, exit_code = "failed", failures[0].exit_code
        else:
            is_whole = all(each.outcome == "complete" for each in outcomes)
            outcome, exit_code = ("complete", ExitCode.DONE) if is_whole else ("partial", ExitCode.PARTIAL)
        return cls(
            outcome=outcome,
            exit_code=exit_code,
            organizations=list(outcomes),
            published=publication.rows if publication else {},
            generation=publication.generation if publication else None,
            database=publication.database if publication else None,
            parquet_folder=publication.parquet_folder if publication else None,
        )

    @property
    def problems(self) -> list[dict[str, Any]]:
        """Return the organizations that are incomplete, with the cause."""
        return [asdict(outcome) for outcome in self.organizations if outcome.outcome != "complete"]

    @property
    def headline(self) -> str:
        """Return the outcome in a few words."""
        return f"{self.outcome}: {len(self.organizations):,} organizations, {len(self.problems):,} incomplete"

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON types."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}

    def as_text(self) -> str:
        """Return the summary as text for a terminal."""
        counts = [
            sum(outcome.outcome == kind for outcome in self.organizations) for kind in ("complete", "partial")
        ]
        lines = [
            f"{self.outcome.upper()}  {len(self.organizations):,} organizations: {counts[0]:,} complete,"
            f" {counts[1]:,} partial, {len(self.organizations) - sum(counts):,} failed"
        ]
        lines += [
            f"  {outcome.outcome:<10} {outcome.organization}: {outcome.entries:,} entries, {outcome.changes:,} changes,"
            f" {outcome.requests:,} requests"
            if outcome.outcome == "complete"
            else f"  {outcome.outcome:<10} {outcome.organization}: exit code {outcome.exit_code}: {outcome.error}"
            for outcome in self.organizations
        ]
        tables = ", ".join(f"{name} {count:,}" for name, count in self.published.items())
        lines.append(f"  published  {tables or 'nothing; the last publication stands'}")
        if self.database:
            lines.append(f"  DuckDB     {self.database}")
            lines.append(f"  Parquet    {self.parquet_folder}/*.parquet")
        return "\n".join(lines)
