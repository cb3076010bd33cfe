"""The record of a run: the one declaration of the columns of the table `runs`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Self

from transforms.table import Personal, Table


@dataclass
class RunRecord:
    """One row of `runs`, which the stages of a run fill in. Instants are UTC without a zone."""

    run_id: Annotated[str, "The sortable id of the run: the UTC time of its start, and a random part."]
    organization_id: Annotated[
        int | None, "The id of the Cal.com organization; null if the run failed before the id was known."
    ]
    started_at: Annotated[datetime, "The start of the snapshot, UTC."]
    finished_at: Annotated[datetime, "The end of the load, UTC."]
    strategy: Annotated[str, "The strategy of reading: per-user, org-wide or both."]
    outcome: Annotated[str, "The outcome: complete, partial or failed."]
    requests: Annotated[int, "The number of requests sent, retries included."] = 0
    retries: Annotated[int, "The number of requests that repeated an earlier one."] = 0
    waited_seconds: Annotated[float, "The seconds of waiting for the rate limit."] = 0.0
    rows_in: Annotated[int, "The number of entries read: inserted, updated, unchanged and quarantined."] = 0
    rows_inserted: Annotated[int, "The number of entries seen for the first time."] = 0
    rows_updated: Annotated[int, "The number of entries that changed or returned."] = 0
    rows_unchanged: Annotated[int, "The number of entries without a change."] = 0
    rows_quarantined: Annotated[int, "The number of entries that failed validation."] = 0
    rows_deleted: Annotated[int, "The number of entries proved to be gone, for any cause."] = 0
    notes_changed: Annotated[int, "The number of unchanged entries whose note has another text."] = 0
    scopes_complete: Annotated[int, "The number of scopes with the verdict complete."] = 0
    scopes_unproven: Annotated[int, "The number of scopes that were read without a proof."] = 0
    scopes_failed: Annotated[int, "The number of scopes that could not be read."] = 0
    error: Annotated[str | None, "The cause of a failure.", Personal.TEXT] = None
    fleet_name: Annotated[str | None, "The name of the organization in the fleet file."] = None

    def as_row(self) -> dict[str, Any]:
        """Return the values by column."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return the record of a row of `runs`."""
        return cls(**row)


RUNS = Table.from_record("runs", "one run of the pipeline", ("run_id",), RunRecord)
