"""Errors of the application, each with the exit code that `ooo` ends with.

FlowsError                  the root of this package's errors
├── ConfigurationError      a setting, a file or the command line describes something that cannot work
├── QueryError              the publication does not have the rows, or the restrictions do not permit the query
│   ├── SqlError            DuckDB cannot run the SQL
│   └── QueryLimitError     a query needs more time or memory than it may use
├── OutputError             standard output cannot be written
├── UnknownPersonError      the warehouse has no such person, or has several
├── StaleError              the published snapshot is older than the caller allows
├── ClockError              this machine's clock disagrees with Cal.com's or with the newest snapshot
└── AccessRefusedError      the credential may not read the organization
"""

import contextlib
from collections.abc import Iterator

from calcom.errors import ApiError, ErrorKind, ExitCode, OooError


class FlowsError(OooError):
    """The root of the errors of this package."""

    exit_code = ExitCode.CONFIGURATION


class ConfigurationError(FlowsError):
    """A setting is missing or wrong: the message names it, the expected, the found and the way out."""


class QueryError(FlowsError):
    """A query for rows that the publication does not have, or that the restrictions of `ooo query` do not permit."""

    exit_code = ExitCode.USAGE


class SqlError(QueryError):
    """SQL that DuckDB cannot run; the message is DuckDB's own."""

    exit_code = ExitCode.TRANSFORM


class QueryLimitError(QueryError):
    """A query that needs more time or memory than it may use, or more room than a file format has."""

    exit_code = ExitCode.WAREHOUSE


class OutputError(FlowsError):
    """Standard output cannot be written: the disk behind a redirect is full, or the device failed."""

    exit_code = ExitCode.WAREHOUSE


class UnknownPersonError(FlowsError):
    """The warehouse has no person with this id or e-mail address, or has more than one."""

    exit_code = ExitCode.USAGE


class StaleError(FlowsError):
    """The published snapshot is older than the caller allows."""

    exit_code = ExitCode.GUARD


class ClockError(FlowsError):
    """The clock of this machine disagrees with Cal.com's clock or with the newest snapshot."""

    exit_code = ExitCode.GUARD


class AccessRefusedError(FlowsError):
    """The credential may not read the organization."""

    exit_code = ExitCode.CREDENTIALS

    def __init__(self, organization_id: int, error: ApiError) -> None:
        """Name the organization and the role that reading it needs, and the likely sender of the refusal."""
        self.organization_id = organization_id
        sender = f"; {error.advice}" if error.is_from_edge else ""
        super().__init__(
            f"organization {organization_id} is refused to this credential: {error.detail or 'status 403'}"
            f" (request id {error.request_id or 'not sent'}){sender}. Reading it needs the role ORG_ADMIN or owner"
            " in that organization, and its admin API switched on; check CALCOM_ORG_ID and the credential"
        )


@contextlib.contextmanager
def naming_organization(organization_id: int) -> Iterator[None]:
    """Turn a 403 to the organization's own endpoints into an error that names the organization and the role."""
    try:
        yield
    except ApiError as error:
        if error.kind is ErrorKind.FORBIDDEN:
            raise AccessRefusedError(organization_id, error) from error
        raise
