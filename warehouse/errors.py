"""What can go wrong in the warehouse, grouped by what the caller should do.

WarehouseError
├── GuardError      stopped before the commit on purpose; look, then allow it or mend the source
├── AuditError      the tables contradict each other; the last publication stands
├── MigrationError  the file is of a newer version, or was migrated differently
"""

from collections.abc import Sequence

from calcom.errors import ExitCode, OooError
from warehouse.load.findings import Audit


class WarehouseError(OooError):
    """The warehouse file or the publication could not be read or written; nothing is half done."""

    exit_code = ExitCode.WAREHOUSE


class GuardError(WarehouseError):
    """A snapshot asked for more than it may without a person's consent; nothing was committed."""

    exit_code = ExitCode.GUARD


class AuditError(WarehouseError):
    """An audit failed before publication: `audits` are all that were made. The last publication stands."""

    exit_code = ExitCode.GUARD

    def __init__(self, audits: Sequence[Audit]) -> None:
        """Keep the audits, and name those that failed."""
        self.audits = audits
        failures = [f"{one.promise}: {one.offending_rows} offender(s)" for one in audits if one.is_failed]
        super().__init__(
            f"{len(failures)} audit(s) failed, so nothing was published: {'; '.join(failures)};"
            " the last publication stands. The statements under warehouse/audits/ show what they count;"
            " restore the warehouse from a back-up, or mend it and run again"
        )


class MigrationError(WarehouseError):
    """The warehouse file does not fit this version of the program."""
