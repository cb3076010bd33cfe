"""What an audit promises, and what it found."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Audit:
    """One audit: what has to hold, and how many rows break that promise."""

    name: str
    severity: Severity
    promise: str
    offending_rows: int = 0

    @property
    def is_failed(self) -> bool:
        """True if it stands against publication."""
        return self.severity == "error" and self.offending_rows > 0

    @property
    def is_warning(self) -> bool:
        """True if someone should look, though it is published."""
        return self.severity == "warning" and self.offending_rows > 0
