"""The summary of a fleet's run: what became of each organization, and what was published."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from calcom.errors import ExitCode
from flows.run.landed import Landed
from warehouse.publish.publication import Publication


@dataclass(frozen=True)
class Outcome:
    """What became of one organization. `error` says why it failed, or what a partial one lacks."""

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
    def of(cls, name: str, landed: Landed) -> Self:
        """The outcome of a landing that was loaded."""
        row = landed.row
        if row is None:
            message = "an outcome is stated after the load"
            raise RuntimeError(message)
        missing = f"{row.scopes_failed:,} scopes failed, {row.scopes_unproven:,} unproven"
        is_whole = row.outcome == "complete"
        return cls(
            organization=name,
            outcome=row.outcome,
            exit_code=ExitCode.DONE if is_whole else ExitCode.PARTIAL,
            error=None if is_whole else missing,
            organization_id=row.organization_id,
            run_id=row.run_id,
            entries=row.rows_in,
            changes=row.rows_inserted + row.rows_updated + row.rows_deleted,
            requests=row.requests,
        )

    @classmethod
    def failure(cls, name: str, exit_code: int, error: str) -> Self:
        """The outcome of an organization that left nothing to publish."""
        return cls(name, "failed", exit_code, error)


@dataclass(frozen=True)
class FleetSummary:
    """A fleet's run. Nothing is published if every organization failed."""

    outcome: str
    exit_code: int
    organizations: list[Outcome]
    published: dict[str, int]
    generation: str | None
    database: Path | None
    parquet_folder: Path | None

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], publication: Publication | None) -> Self:
        """17 if an organization lacks anything, and the first error's code if all failed."""
        failures = [one for one in outcomes if one.outcome == "failed"]
        if len(failures) == len(outcomes):
            outcome, exit_code = "failed", failures[0].exit_code
        else:
            is_whole = all(one.outcome == "complete" for one in outcomes)
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
        """The organizations that lack anything, and why."""
        return [asdict(one) for one in self.organizations if one.outcome != "complete"]

    @property
    def headline(self) -> str:
        """The outcome in a few words."""
        return f"{self.outcome}: {len(self.organizations):,} organizations, {len(self.problems):,} lacking"

    def as_json(self) -> dict[str, Any]:
        """The summary as JSON types."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}

    def as_text(self) -> str:
        """The summary for a person."""
        counts = [sum(one.outcome == kind for one in self.organizations) for kind in ("complete", "partial")]
        lines = [
            f"{self.outcome.upper()}  {len(self.organizations):,} organizations: {counts[0]:,} complete,"
            f" {counts[1]:,} partial, {len(self.organizations) - sum(counts):,} failed"
        ]
        lines += [
            f"  {one.outcome:<10} {one.organization}: {one.entries:,} entries, {one.changes:,} changes,"
            f" {one.requests:,} requests"
            if one.outcome == "complete"
            else f"  {one.outcome:<10} {one.organization}: exit code {one.exit_code}: {one.error}"
            for one in self.organizations
        ]
        tables = ", ".join(f"{name} {count:,}" for name, count in self.published.items())
        lines.append(f"  published  {tables or 'nothing; the last publication stands'}")
        if self.database:
            lines.append(f"  DuckDB     {self.database}")
            lines.append(f"  Parquet    {self.parquet_folder}/*.parquet")
        return "\n".join(lines)
