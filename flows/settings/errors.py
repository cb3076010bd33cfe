"""Errors of the run itself, and the exit code that each error of any package ends with."""

import contextlib
from collections.abc import Iterator

from calcom.errors import (
    ApiError,
    CalcomError,
    CredentialError,
    ErrorKind,
    LandingError,
    ProtocolError,
    TransportError,
)
from transforms.errors import TransformError
from warehouse.errors import AuditError, GuardError, WarehouseError

DONE = 0
PARTIAL = 17


class ConfigurationError(Exception):
    """A setting is missing or wrong: the message names it, the expected, the found and the way out."""


class QueryError(Exception):
    """A query that DuckDB refuses; the message is DuckDB's own."""


class UnknownPersonError(Exception):
    """Someone whom the warehouse has never met, or in more organizations than one."""


class StaleError(Exception):
    """What is published is older than it may be."""


class AccessRefusedError(Exception):
    """The credential may not read the organization."""

    def __init__(self, organization_id: int, error: ApiError) -> None:
        """Name the organization and the role that reading it needs."""
        self.organization_id = organization_id
        super().__init__(
            f"organization {organization_id} is refused to this credential: {error.detail or 'status 403'}"
            f" (request id {error.request_id or 'not sent'}). Reading it needs the role ORG_ADMIN or owner"
            " in that organization, and its admin API switched on; check CALCOM_ORG_ID and the credential"
        )


def exit_code_of(error: BaseException) -> int:
    """The exit code of `error`, as the README lists them; 1 for what no one foresaw."""
    if isinstance(error, ApiError):
        refused = (ErrorKind.CREDENTIALS, ErrorKind.FORBIDDEN)
        unavailable = (ErrorKind.SERVER, ErrorKind.THROTTLED)
        return 11 if error.kind in refused else 12 if error.kind in unavailable else 13
    codes: tuple[tuple[type[BaseException], int], ...] = (
        (UnknownPersonError, 2),
        (ConfigurationError, 10),
        (CredentialError, 10),
        (AccessRefusedError, 11),
        (TransportError, 12),
        (ProtocolError, 13),
        (LandingError, 15),
        (CalcomError, 13),
        (TransformError, 14),
        (GuardError, 16),
        (StaleError, 16),
        (AuditError, 16),
        (WarehouseError, 15),
        (QueryError, 15),
    )
    return next((code for kind, code in codes if isinstance(error, kind)), 1)


@contextlib.contextmanager
def naming_organization(organization_id: int) -> Iterator[None]:
    """A 403 to the organization's own endpoints names the organization and the role it needs."""
    try:
        yield
    except ApiError as error:
        if error.kind is ErrorKind.FORBIDDEN:
            raise AccessRefusedError(organization_id, error) from error
        raise
