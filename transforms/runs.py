"""The record of a run: the one declaration of the columns of the table `runs`."""

# ruff: noqa: RUF009 - `_column` returns a dataclass field

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from transforms.table import Column, Personal, Table, column_type


def _column(meaning: str, *, default: Any = None, is_nullable: bool = False, **facts: Any) -> Any:
    metadata = {"meaning": meaning, "is_nullable": is_nullable, **facts}
    if default is None and not is_nullable:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class RunRecord:
    """One row of `runs`, which the stages of a run fill in. Instants are UTC without a zone."""

    run_id: str = _column("The sortable id of the run: the UTC time of its start, and a random part.")
    organization_id: int = _column("The Cal.com organization.")
    started_at: datetime = _column("The start of the snapshot, UTC.")
    finished_at: datetime = _column("The end of the load, UTC.")
    strategy: str = _column("The strategy of reading: per-user, org-wide or both.")
    outcome: str = _column("The outcome: complete, partial or failed.")
    requests: int = _column("The requests sent, retries included.", default=0)
    retries: int = _column("The requests that repeated an earlier one.", default=0)
    waited_seconds: float = _column("The seconds of waiting for the rate limit.", default=0.0)
    rows_in: int = _column("The entries read: inserted, updated, unchanged and quarantined.", default=0)
    rows_inserted: int = _column("The entries seen for the first time.", default=0)
    rows_updated: int = _column("The entries that changed or returned.", default=0)
    rows_unchanged: int = _column("The entries without a change.", default=0)
    rows_quarantined: int = _column("The entries that failed validation.", default=0)
    rows_deleted: int = _column("The entries proved to be deleted.", default=0)
    scopes_complete: int = _column("The scopes with the verdict complete.", default=0)
    scopes_unproven: int = _column("The scopes that were read without a proof.", default=0)
    scopes_failed: int = _column("The scopes that could not be read.", default=0)
    error: str | None = _column("The cause of a failure.", is_nullable=True, personal=Personal.TEXT)

    def as_row(self) -> dict[str, Any]:
        """Return the values by column."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return the record of a row of `runs`."""
        return cls(**row)


RUNS = Table.of(
    "runs",
    "one run of the pipeline",
    ("run_id",),
    *(Column(column.name, column_type(column.type), **column.metadata) for column in fields(RunRecord)),
)
