"""The clock, in the form in which the warehouse stores instants."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present instant, in UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
