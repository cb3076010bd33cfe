"""The error answers of Cal.com's API v2, shaped by its exception filters.

The envelope is `{"status": "error", "timestamp", "path", "error": {"code", "message", "details"}}`;
`code` is the name of an exception class, and `details` has three shapes or is missing. An exception
that no filter knows gives the bare body of Nest instead: `{"statusCode", "message"}`.
"""

from collections.abc import Sequence
from typing import Any

BARE_SERVER_ERROR = {"statusCode": 500, "message": "Internal server error"}


class RefusalError(Exception):
    """A request that the API answers with an error body."""

    def __init__(self, status: int, code: str, message: str, details: object = None) -> None:
        """Keep what the exception filter needs; details None leaves the key out."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def body(self, *, timestamp: str, path: str) -> dict[str, Any]:
        """The error envelope; `path` is the url with its query."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return {"status": "error", "timestamp": timestamp, "path": path, "error": error}


def _nest_error(status: int, name: str, message: str) -> RefusalError:
    """An exception of Nest, whose own body is repeated as the details."""
    details = {"message": message, "error": name, "statusCode": status}
    return RefusalError(status, f"{name.replace(' ', '')}Exception", message, details)


def bad_request(message: str) -> RefusalError:
    """400 thrown by a service or a transform."""
    return _nest_error(400, "Bad Request", message)


def unauthorized(message: str) -> RefusalError:
    """401 of the authentication strategy or of the throttler."""
    return _nest_error(401, "Unauthorized", message)


def forbidden(message: str) -> RefusalError:
    """403 of a guard, whose name starts the message."""
    return _nest_error(403, "Forbidden", message)


def not_found(message: str) -> RefusalError:
    """404 of the router or of a guard."""
    return _nest_error(404, "Not Found", message)


def conflict(message: str) -> RefusalError:
    """409 of a service."""
    return _nest_error(409, "Conflict", message)


def invalid_input(errors: Sequence[dict[str, Any]]) -> RefusalError:
    """400 of the validation pipe, with class-validator's errors."""
    return RefusalError(400, "BadRequestException", "Bad Request Exception", {"errors": list(errors)})


def token_expired() -> RefusalError:
    """498 of an expired managed-user token; the details are the text once more."""
    text = "ACCESS_TOKEN_IS_EXPIRED"
    return RefusalError(498, "TokenExpiredException", text, text)


def too_many_requests() -> RefusalError:
    """429 of the throttler; the details are the text once more."""
    text = "CustomThrottlerGuard - Too many requests. Please try again later."
    return RefusalError(429, "ThrottlerException", text, text)


def database_error() -> RefusalError:
    """500 of the filter for Prisma's exceptions; it has no details."""
    return RefusalError(500, "INTERNAL_SERVER_ERROR", "There was an error, please try again later.")
