"""The findings of `ooo doctor`."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from calcom.errors import ExitCode, OooError


class Level(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """The result of one check, with the next step for the user if the check failed."""

    subject: str
    level: Level
    text: str
    exit_code: int = ExitCode.DONE
    """The exit code of `ooo doctor` if this is its first failure."""

    @classmethod
    def of_error(cls, subject: str, error: OooError) -> "Finding":
        """Return the failure that the error describes."""
        return cls(subject, Level.FAILURE, str(error), error.exit_code)

    def as_json(self) -> dict[str, Any]:
        """Return the finding as JSON types."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the finding as one line: the level, the subject, the text."""
        mark = {Level.OK: "ok", Level.WARNING: "WARN", Level.FAILURE: "FAIL"}[self.level]
        return f"{mark:<5} {self.subject:<12} {self.text}"
