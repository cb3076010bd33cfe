"""Errors of the API client, the root of all errors of the project, and the exit codes of `ooo`.

OooError                    the root of all packages' errors; `exit_code` is how `ooo` ends
└── CalcomError             the root of this package's errors
    ├── ApiError            Cal.com answered with an error status; `kind` groups the statuses by recovery
    ├── CredentialError     the credential cannot be sent as an HTTP header
    ├── TransportError      no response arrived: connection refused, name unresolved, reset or timed out
    ├── WaitTooLongError    the server requires a pause that is longer than the bound of the settings
    └── ProtocolError       a response arrived that the API does not document
"""

import base64
import functools
import json
import re
from collections.abc import Collection
from enum import IntEnum, StrEnum
from typing import Any

BODY_LIMIT = 500
_REDACTED_LENGTH = 65_536
"""The number of characters of a text that `redact` examines; it must exceed the longest credential by far."""

_LONGEST_ERROR_BYTES = 1_000_000
"""The size above which the body of an error is not parsed; Cal.com's have less than 10 KB."""

_LONGEST_CREDENTIAL = 8_192
"""The number of characters that a header can hold, so that a credential cut at the end is removed whole."""

_SHORTEST_BASE64 = 8
"""The number of base64 characters below which a secret is not searched, because words could equal it."""

_TOKEN = re.compile(r"[^\s\"<>,;]+")
_EMAIL_SIGN = re.compile(r"[@\uff20\ufe6b]|%(?:25)*40")
_KEY = re.compile(r"(?:(?<![A-Za-z])|(?<=%[0-9A-Fa-f]{2}))cal_[A-Za-z0-9_\-]+", re.IGNORECASE)
_BEARER = re.compile(r"\bbearer(?:\s|%20|\+)+[^\s\"'<>,;]+", re.IGNORECASE)
_JSON_WEB_TOKEN = re.compile(r"eyJ[A-Za-z0-9_\-]{5,}(?:\.[A-Za-z0-9_\-]*)*")


class ErrorKind(StrEnum):
    """The kinds of error status, grouped by how the caller can recover."""

    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    THROTTLED = "throttled"
    INVALID_REQUEST = "invalid_request"
    NOT_FOUND = "not_found"
    SERVER = "server"


_ADVICE = {
    ErrorKind.CREDENTIALS: "check that the credential is right, has not expired, and belongs to this host's region",
    ErrorKind.FORBIDDEN: "use a credential of an admin or owner of that organization",
    ErrorKind.THROTTLED: "wait for the whole reset before the next request; polling extends the block",
    ErrorKind.INVALID_REQUEST: "correct the request; repeating it will not help",
    ErrorKind.NOT_FOUND: "check CALCOM_API_URL: the API lives under /v2 of https://api.cal.com or https://api.cal.eu",
    ErrorKind.SERVER: "try again later; the pages that were read are kept",
}

_EDGE_ADVICE = (
    "a proxy or an edge server probably refused the request before it reached Cal.com, so the credential may be"
    " right: check CALCOM_API_URL, the proxy variables of the environment, and whether this network is blocked"
)


def redact(text: str, secrets: Collection[str] = ()) -> str:
    """Return `text` as it may be shown: without credentials and e-mail addresses, printable, at most 500 characters.

    `secrets` are the credentials of the connection, which are also found with percent-encoding, in base64 and in
    other case. API keys and bearer tokens are also found by their form.
    Every text of a server passes this function before it becomes part of a message. Control characters and
    invisible characters, such as bidirectional overrides, are removed first, because they could split a credential.
    Takes linear time. Redacting a redacted text returns it unchanged.
    """
    shown = text[:_REDACTED_LENGTH]
    if len(text) > _REDACTED_LENGTH:  # the cut may go through a credential
        tail = shown[-_LONGEST_CREDENTIAL:]
        shown = shown[:-_LONGEST_CREDENTIAL] + tail[: max(tail.rfind(" "), 0)]
    shown = "".join(
        " " if character.isspace() else character
        for character in shown
        if character.isprintable() or character.isspace()
    )
    shown = remove_secrets(shown, secrets)
    shown = _BEARER.sub("Bearer …", shown)
    shown = _KEY.sub("cal_…", _JSON_WEB_TOKEN.sub("…", shown))
    shown = _TOKEN.sub(
        lambda token: "<e-mail>" if _EMAIL_SIGN.search(token[0]) else token[0],
        shown,
    )
    return shown[:BODY_LIMIT]


def remove_secrets(text: str, secrets: Collection[str]) -> str:
    """Return `text` without the credentials in `secrets`, in any of the forms that `redact` finds."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = _forms_of(secret).sub("…", text)
    return text


@functools.cache
def _forms_of(secret: str) -> re.Pattern[str]:
    """Return the pattern of `secret` itself, with percent-encoding of any of its characters, and in base64.

    In base64, for example of `user:secret`, the characters that only the secret determines depend on the number of
    bytes before it.
    """
    forms = [
        "".join(
            f"(?:{re.escape(character)}|{''.join(f'%(?:25)*{byte:02x}' for byte in character.encode())})"
            for character in secret
        )
    ]
    for before in range(3):
        content = bytes(before) + secret.encode()
        known = base64.b64encode(content)[-(-before * 8 // 6) : len(content) * 8 // 6].decode()
        if len(known) >= _SHORTEST_BASE64:
            forms.append(re.escape(known).replace(r"\+", "[-+]").replace("/", "[_/]"))
    return re.compile("|".join(forms), re.IGNORECASE)


class ExitCode(IntEnum):
    """How the `ooo` process ends; README lists the codes."""

    DONE = 0
    USAGE = 2
    CONFIGURATION = 10
    CREDENTIALS = 11
    UNAVAILABLE = 12
    PROTOCOL = 13
    TRANSFORM = 14
    WAREHOUSE = 15
    GUARD = 16
    PARTIAL = 17
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class OooError(Exception):
    """The root of every error that this project raises on purpose."""

    exit_code: ExitCode


class CalcomError(OooError):
    """The root of the errors of this package."""

    exit_code = ExitCode.PROTOCOL
    is_permanent = False
    """True if another attempt of the same request would fail in the same way."""


class CredentialError(CalcomError):
    """The credential cannot be sent as an HTTP header; the message never quotes it."""

    exit_code = ExitCode.CONFIGURATION


class TransportError(CalcomError):
    """No response arrived from `host`: refused, unresolved, reset or timed out."""

    exit_code = ExitCode.UNAVAILABLE

    def __init__(self, *, host: str, path: str, cause: str, advice: str | None = None) -> None:
        """Store the facts and build the message; `cause` is the short text of the transport's error.

        `advice` is the next step for the user, if the failure is permanent.
        """
        self.host, self.path, self.cause = host, path, redact(cause)
        self.is_permanent = advice is not None
        advice = advice or "check CALCOM_API_URL and the network"
        super().__init__(f"no answer from {host} for GET {path}: {self.cause}; {advice}")


class WaitTooLongError(CalcomError):
    """The rate limit requires a pause that is longer than the bound of the settings."""

    exit_code = ExitCode.UNAVAILABLE
    is_permanent = True

    def __init__(self, *, header: str, seconds: float, max_seconds: float) -> None:
        """Store the facts and build the message; `header` names the source of the pause."""
        self.header, self.seconds, self.max_seconds = redact(header), seconds, max_seconds
        super().__init__(
            f"Cal.com requires a pause of {seconds:.0f} seconds ({self.header}), but OOO_MAX_WAIT_SECONDS allows"
            f" {max_seconds:.0f}; run again after the pause, or raise OOO_MAX_WAIT_SECONDS. The pages that were"
            " read are kept"
        )


class ProtocolError(CalcomError):
    """A response that the API does not document; `expected` and `observed` describe the difference."""

    def __init__(
        self,
        *,
        path: str,
        expected: str,
        observed: str,
        request_id: str | None = None,
        is_permanent: bool = False,
    ) -> None:
        """Store the facts and build the message, which quotes at most 500 characters of `observed`."""
        self.path, self.expected, self.observed = path, expected, redact(observed)
        self.request_id = redact(request_id) if request_id else None
        self.is_permanent = is_permanent
        super().__init__(
            f"unusable answer to GET {path}: expected {expected}, found {self.observed}"
            f" (request id {self.request_id or 'not sent'}); check that CALCOM_API_URL is Cal.com's API"
        )


class ApiError(CalcomError):
    """Cal.com responded with an error status, with a body of any shape.

    Attributes: `status`, `code` (the name of Cal.com's exception class, or None), `detail` (the text,
    redacted), `request_id`, `path` (without the query), `kind`, `advice` (the next step for the user),
    `is_from_edge` (True if another server than Cal.com probably sent the response, because its body is not JSON).
    Source: the shapes of `details` that Cal.com's exception filters write.
    """

    def __init__(  # noqa: PLR0913 - the facts of one response
        self,
        *,
        status: int,
        path: str,
        code: str | None,
        detail: str,
        request_id: str | None,
        is_from_edge: bool = False,
    ) -> None:
        """Store the facts and derive the kind, the exit code and the advice from the status and the sender."""
        self.status, self.path, self.detail = status, path, redact(detail)
        self.code = redact(code) if code else None
        self.request_id = redact(request_id) if request_id else None
        self.kind = _kind_of(status)
        self.exit_code = _EXIT_CODES.get(self.kind, ExitCode.PROTOCOL)
        self.is_from_edge = is_from_edge
        is_passing = self.kind in (ErrorKind.THROTTLED, ErrorKind.SERVER)
        self.advice = _EDGE_ADVICE if is_from_edge and not is_passing else _ADVICE[self.kind]
        super().__init__(
            f"Cal.com answered {status} {self.code or '(no code)'} to GET {path}: {self.detail or '(no text)'}"
            f" (request id {self.request_id or 'not sent'}); {self.advice}"
        )


_EXIT_CODES = {
    ErrorKind.CREDENTIALS: ExitCode.CREDENTIALS,
    ErrorKind.FORBIDDEN: ExitCode.CREDENTIALS,
    ErrorKind.SERVER: ExitCode.UNAVAILABLE,
    ErrorKind.THROTTLED: ExitCode.UNAVAILABLE,
}


def _kind_of(status: int) -> ErrorKind:
    # Cal.com responds with 498 to an expired token of a managed user.
    by_status = {
        401: ErrorKind.CREDENTIALS,
        498: ErrorKind.CREDENTIALS,
        403: ErrorKind.FORBIDDEN,
        404: ErrorKind.NOT_FOUND,
        429: ErrorKind.THROTTLED,
    }
    fallback = ErrorKind.SERVER if status >= 500 else ErrorKind.INVALID_REQUEST  # noqa: PLR2004
    return by_status.get(status, fallback)


def error_from_response(
    *, status: int, path: str, request_id: str | None, body: bytes, secrets: Collection[str] = ()
) -> ApiError:
    """Return the error for a response with an error status and any of the known bodies.

    `secrets` are the credentials of the connection, which a server may quote.

    Known bodies: the envelope with `details` as an object, a list of validation errors or a plain string;
    Prisma's envelope without details; the bare `{"statusCode", "message"}`; an edge server's HTML.
    """
    try:
        document: Any = json.loads(body) if len(body) <= _LONGEST_ERROR_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        content = "an HTML page" if body.lstrip().startswith(b"<") else "a body"
        text = f"{content} that is not JSON, as an edge server in front of Cal.com would send"
        return ApiError(
            status=status, path=path, code=None, detail=text, request_id=request_id, is_from_edge=True
        )
    error = document.get("error")
    facts: dict[str, Any] = error if isinstance(error, dict) else document
    code = facts.get("code")
    return ApiError(
        status=status,
        path=path,
        code=redact(code, secrets) if isinstance(code, str) else None,
        detail=redact(_detail_text(facts), secrets),
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
    """Return True for a failure of the server or the network, and not of the credential or the request.

    Another request would probably fail, too. The same request is only sent again if `is_permanent` is false.
    """
    if isinstance(error, ApiError):
        return error.kind in (ErrorKind.SERVER, ErrorKind.THROTTLED)
    return isinstance(error, TransportError | ProtocolError | WaitTooLongError)
