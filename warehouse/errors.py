"""Errors of the warehouse, grouped by what the caller should do.

WarehouseError
├── GuardError      a snapshot was refused before the commit; check it, then allow it or correct the source
├── AuditError      the tables contradict each other; the last publication stands
└── MigrationError  the warehouse file is of a newer version, or was migrated differently
"""

from collections.abc import Mapping

from calcom.errors import ExitCode, OooError


class WarehouseError(OooError):
    """The warehouse file or the publication could not be read or written; no change was applied in part."""

    exit_code = ExitCode.WAREHOUSE


class LockedError(WarehouseError):
    """Another run holds the lock of the data folder."""


class GuardError(WarehouseError):
    """A snapshot would delete or quarantine more than the guards allow; nothing was committed."""

    exit_code = ExitCode.GUARD


class AuditError(WarehouseError):
    """At least one audit failed, so nothing was published. The last publication stands."""

    exit_code = ExitCode.GUARD

    def __init__(self, failures: Mapping[str, int]) -> None:
        """Take the number of offending rows for each promise that is broken."""
        self.failures = dict(failures)
        broken = [f"{promise}: {rows} offender(s)" for promise, rows in self.failures.items()]
        super().__init__(
            f"{len(broken)} audit(s) failed, so nothing was published: {'; '.join(broken)};"
            " the last publication stands. The statements in warehouse/load/audits count the offenders;"
            " restore the warehouse from a back-up, or correct its rows, and run again"
        )


class MigrationError(WarehouseError):
    """The warehouse file does not fit this version of the program."""
