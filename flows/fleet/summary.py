"""The summary of a fleet sync: the outcome of each organization, and the publication."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from calcom.errors import ExitCode
from calcom.wording import count_of
from flows.run.summary import problems_text, quarantine_text
from transforms.runs import RunRecord
from warehouse.load.runs import LeftOrganization
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
    quarantined: int = 0
    """The number of entries that failed validation."""
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    """All records that failed validation, by kind of record and reason code."""
    problems: list[dict[str, Any]] = field(default_factory=list)
    """The scopes that are not complete, with the cause."""

    @classmethod
    def of(cls, name: str, record: RunRecord, problems: list[dict[str, Any]]) -> Self:
        """Return the outcome of a run that was loaded."""
        missing = f"{count_of(record.scopes_failed, 'scope')} failed, {record.scopes_unproven:,} unproven"
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
            quarantined=record.rows_quarantined,
            problems=problems,
        )

    @classmethod
    def failure(cls, name: str, exit_code: int, error: str) -> Self:
        """Return the outcome of an organization that could not be read or loaded."""
        return cls(name, "failed", exit_code, error)

    def as_lines(self) -> list[str]:
        """Return the outcome as lines of text: the counts, the quarantined records and the incomplete scopes."""
        counts = (
            f"{count_of(self.entries, 'entry', 'entries')}, {count_of(self.changes, 'change')},"
            f" {count_of(self.requests, 'request')},"
            f" {self.quarantined:,} quarantined"
        )
        facts = counts if self.outcome == "complete" else f"exit code {self.exit_code}: {self.error}"
        if self.outcome == "partial":
            facts = f"{counts}; {facts}"
        details = [*quarantine_text(self.quarantine), *problems_text(self.problems)]
        return [f"{self.outcome:<10} {self.organization}: {facts}", *(f"  {line}" for line in details)]


@dataclass(frozen=True)
class FleetSummary:
    """One fleet sync. Nothing is published if all organizations failed."""

    outcome: str
    exit_code: int
    organizations: list[Outcome]
    """The organizations in the order of the fleet file."""
    left: list[LeftOrganization]
    """The organizations of the warehouse that the fleet file lacks; their rows are stale."""
    published: dict[str, int]
    generation: str | None
    database: Path | None
    parquet_folder: Path | None

    @classmethod
    def of(
        cls, outcomes: Sequence[Outcome], left: Sequence[LeftOrganization], publication: Publication | None
    ) -> Self:
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
            left=list(left),
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
    def run_ids(self) -> dict[int, str]:
        """Return the run of each organization whose snapshot was published."""
        return {
            outcome.organization_id: outcome.run_id
            for outcome in self.organizations
            if self.published and outcome.organization_id is not None and outcome.run_id is not None
        }

    @property
    def headline(self) -> str:
        """Return the outcome in a few words."""
        left = f", {len(self.left):,} not in the file" if self.left else ""
        organizations = count_of(len(self.organizations), "organization")
        return f"{self.outcome}: {organizations}, {len(self.problems):,} incomplete{left}"

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON types."""

        def plain(value: Any) -> Any:
            if isinstance(value, datetime):
                return f"{value.isoformat(timespec='milliseconds')}Z"
            return str(value) if isinstance(value, Path) else value

        facts = {key: plain(value) for key, value in asdict(self).items()}
        facts["left"] = [{key: plain(value) for key, value in each.items()} for each in facts["left"]]
        return facts

    def as_text(self) -> str:
        """Return the summary as text for a terminal."""
        counts = [
            sum(outcome.outcome == kind for outcome in self.organizations) for kind in ("complete", "partial")
        ]
        lines = [
            f"{self.outcome.upper()}  {count_of(len(self.organizations), 'organization')}: {counts[0]:,} complete,"
            f" {counts[1]:,} partial, {len(self.organizations) - sum(counts):,} failed"
        ]
        lines += [f"  {line}" for outcome in self.organizations for line in outcome.as_lines()]
        lines += [
            f"  left       {each.fleet_name or 'an organization without a name'} (organization"
            f" {each.organization_id}) is not in the fleet file; its rows of {each.last_snapshot_at:%Y-%m-%d %H:%M}"
            f" UTC are stale. {self._advice_on_left(each)}"
            for each in self.left
        ]
        tables = ", ".join(f"{name} {count:,}" for name, count in self.published.items())
        lines.append(f"  published  {tables or 'nothing; the last publication stands'}")
        if self.database:
            lines.append(f"  DuckDB     {self.database}")
            lines.append(f"  Parquet    {self.parquet_folder}/*.parquet")
        return "\n".join(lines)

    def _advice_on_left(self, left: LeftOrganization) -> str:
        """Return the next step for an organization that left the file, which may have a new name in it."""
        removal = f"ooo fleet remove {left.fleet_name or left.organization_id}"
        unidentified = [each.organization for each in self.organizations if each.organization_id is None]
        if unidentified:
            return (
                f"It may have a new name: the id of {', '.join(unidentified)} is not known. Correct the errors first;"
                f" if it has really left, remove its rows: {removal}"
            )
        return f"To remove them: {removal}"
