"""The error responses of Cal.com's API v2, in the shapes of its exception filters.

The envelope is `{"status": "error", "timestamp", "path", "error": {"code", "message", "details"}}`. `code`
is the name of an exception class in most cases; `details` has three shapes or is missing. An exception
without a filter has the body of Nest instead: `{"statusCode", "message"}`.
"""

from collections.abc import Sequence
from typing import Any

BARE_SERVER_ERROR = {"statusCode": 500, "message": "Internal server error"}


class RefusalError(Exception):
    """A request that the API refuses with an error body."""

    def __init__(self, status: int, code: str, message: str, details: object = None) -> None:
        """Store the parts of the error body; without `details`, the body has no such key."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def body(self, *, timestamp: str, path: str) -> dict[str, Any]:
        """Return the error envelope; `path` includes the query."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return {"status": "error", "timestamp": timestamp, "path": path, "error": error}


def _nest_error(status: int, name: str, message: str) -> RefusalError:
    """Return an exception of Nest; its own body is repeated as the details."""
    details = {"message": message, "error": name, "statusCode": status}
    return RefusalError(status, f"{name.replace(' ', '')}Exception", message, details)


def bad_request(message: str) -> RefusalError:
    """Return the 400 of a service or a transform."""
    return _nest_error(400, "Bad Request", message)


def unauthorized(message: str) -> RefusalError:
    """Return the 401 of the authentication strategy or of the throttler."""
    return _nest_error(401, "Unauthorized", message)


def forbidden(message: str) -> RefusalError:
    """Return the 403 of a guard; the message starts with the guard's name."""
    return _nest_error(403, "Forbidden", message)


def not_found(message: str) -> RefusalError:
    """Return the 404 of the router or of a guard."""
    return _nest_error(404, "Not Found", message)


def conflict(message: str) -> RefusalError:
    """Return the 409 of a service."""
    return _nest_error(409, "Conflict", message)


def invalid_input(errors: Sequence[dict[str, Any]]) -> RefusalError:
    """Return the 400 of the validation pipe, with the errors of class-validator."""
    return RefusalError(400, "BadRequestException", "Bad Request Exception", {"errors": list(errors)})


def invalid_output(issues: Sequence[str]) -> RefusalError:
    """Return the 400 of the filter for Zod's exceptions, raised for a record that breaks its own schema.

    The filter puts the last issue first and ends the message with a comma.
    """
    message = "".join(f"{issue}, " for issue in reversed(issues))
    return RefusalError(400, "BAD_REQUEST", message)


def token_expired() -> RefusalError:
    """Return the 498 of a managed user's expired token; the details repeat the message."""
    text = "ACCESS_TOKEN_IS_EXPIRED"
    return RefusalError(498, "TokenExpiredException", text, text)


def too_many_requests() -> RefusalError:
    """Return the 429 of the throttler; the details repeat the message."""
    text = "CustomThrottlerGuard - Too many requests. Please try again later."
    return RefusalError(429, "ThrottlerException", text, text)


def database_error() -> RefusalError:
    """Return the 500 of the filter for Prisma's exceptions; it has no details."""
    return RefusalError(500, "INTERNAL_SERVER_ERROR", "There was an error, please try again later.")
