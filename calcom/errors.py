"""What can go wrong between here and Cal.com, grouped by what the caller should do.

CalcomError
├── ApiError        Cal.com answered with an error status; `kind` says which sort
├── CredentialError a credential that can't be sent at all
├── TransportError  no answer came: refused, unresolved, reset, timed out
├── ProtocolError   an answer came that is not what the API documents
└── LandingError    an answer came and could not be kept on disk
"""

import json
import re
from enum import StrEnum
from typing import Any

BODY_LIMIT = 500
_EMAIL = re.compile(r"[^\s\"<>,;]*(?:@|%40)[^\s\"'<>&,;]*")
_KEY = re.compile(r"\bcal_[A-Za-z0-9_\-]+")


class ErrorKind(StrEnum):
    """What an error status asks of the caller."""

    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    THROTTLED = "throttled"
    INVALID_REQUEST = "invalid_request"
    NOT_FOUND = "not_found"
    SERVER = "server"


_ADVICE = {
    ErrorKind.CREDENTIALS: "check that the credential is right, not expired, and of this region's host",
    ErrorKind.FORBIDDEN: "use a credential of an admin or owner of that organization",
    ErrorKind.THROTTLED: "wait for the whole reset before the next request; polling extends the block",
    ErrorKind.INVALID_REQUEST: "correct the request; repeating it will not help",
    ErrorKind.NOT_FOUND: "check CALCOM_API_URL: the API lives under /v2 of https://api.cal.com or https://api.cal.eu",
    ErrorKind.SERVER: "try again later; nothing that was read is lost",
}


def redact(text: str) -> str:
    """`text` without e-mail addresses, API keys and what can't be printed, cut at 500 characters."""
    printable = "".join(one if one.isprintable() else " " for one in text[: 4 * BODY_LIMIT])
    return _KEY.sub("cal_…", _EMAIL.sub("<e-mail>", printable))[:BODY_LIMIT]


class CalcomError(Exception):
    """The root of what this package raises."""


class CredentialError(CalcomError):
    """A credential that no request can carry; the message never quotes it."""


class TransportError(CalcomError):
    """No answer came from `host` (refused, unresolved, reset or timed out)."""

    def __init__(self, *, host: str, path: str, cause: str) -> None:
        """Keep the facts; `cause` is the transport's own short text."""
        self.host, self.path, self.cause = host, path, cause
        super().__init__(
            f"no answer from {host} for GET {path}: {redact(cause)}; check CALCOM_API_URL and the network"
        )


class ProtocolError(CalcomError):
    """An answer that the API does not document: `expected` against `found`."""

    def __init__(self, *, path: str, expected: str, found: str, request_id: str | None = None) -> None:
        """Keep the facts; `found` is described, never quoted beyond 500 characters."""
        self.path, self.expected, self.found, self.request_id = path, expected, found, request_id
        super().__init__(
            f"unusable answer to GET {path}: expected {expected}, found {redact(found)}"
            f" (request id {request_id or 'not sent'}); check that CALCOM_API_URL is Cal.com's API"
        )


class LandingError(CalcomError):
    """The landing folder could not be read or written; nothing that was landed before is lost."""


class ApiError(CalcomError):
    """An error status from Cal.com, whatever the shape of its body.

    Attributes: `status`, `code` (Cal.com's exception class name, or None), `detail` (its text,
    redacted), `request_id`, `path` (without its query), `kind`, `advice` (what to do next).
    Source: the shapes of `details` that Cal.com's exception filters write.
    """

    def __init__(
        self, *, status: int, path: str, code: str | None, detail: str, request_id: str | None
    ) -> None:
        """Keep the facts and derive what to do from the status."""
        self.status, self.path, self.code, self.request_id = status, path, code, request_id
        self.detail = redact(detail)
        self.kind = _kind_of(status)
        self.advice = _ADVICE[self.kind]
        super().__init__(
            f"Cal.com answered {status} {code or '(no code)'} to GET {path}: {self.detail or '(no text)'}"
            f" (request id {request_id or 'not sent'}); {self.advice}"
        )


def _kind_of(status: int) -> ErrorKind:
    # 498 is what Cal.com answers to an expired managed-user token.
    by_status = {
        401: ErrorKind.CREDENTIALS,
        498: ErrorKind.CREDENTIALS,
        403: ErrorKind.FORBIDDEN,
        404: ErrorKind.NOT_FOUND,
        429: ErrorKind.THROTTLED,
    }
    fallback = ErrorKind.SERVER if status >= 500 else ErrorKind.INVALID_REQUEST  # noqa: PLR2004
    return by_status.get(status, fallback)


def error_from_answer(*, status: int, path: str, request_id: str | None, body: bytes) -> ApiError:
    """The one error for an answer with an error status, whichever of the documented bodies it has.

    Bodies: the envelope with `details` as an object, a list of validation errors or a plain string;
    Prisma's envelope without details; the bare `{"statusCode", "message"}`; an edge server's HTML.
    """
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        text = "an answer that is not JSON, as an edge server in front of Cal.com would send"
        return ApiError(status=status, path=path, code=None, detail=text, request_id=request_id)
    error = answer.get("error")
    facts: dict[str, Any] = error if isinstance(error, dict) else answer
    code = facts.get("code")
    return ApiError(
        status=status,
        path=path,
        code=code if isinstance(code, str) else None,
        detail=_detail_text(facts),
        request_id=request_id,
    )


def _detail_text(facts: dict[str, Any]) -> str:
    details = facts.get("details")
    if isinstance(details, dict) and isinstance(details.get("errors"), list):
        constraints = (
            text
            for problem in details["errors"]
            if isinstance(problem, dict) and isinstance(problem.get("constraints"), dict)
            for text in problem["constraints"].values()
        )
        return "; ".join(str(text) for text in constraints)
    return str(facts.get("message") or "")


def is_transient(error: BaseException) -> bool:
    """True for what another attempt may mend; never for a refused credential or a bad request."""
    if isinstance(error, ApiError):
        return error.kind in (ErrorKind.SERVER, ErrorKind.THROTTLED)
    return isinstance(error, TransportError | ProtocolError)
