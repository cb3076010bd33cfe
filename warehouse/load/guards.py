"""Guards: refuse a snapshot that would replace, delete or quarantine too much without the operator's consent."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from warehouse.errors import GuardError


@dataclass(frozen=True)
class Guards:
    """The most that one snapshot may delete or quarantine without the operator's consent."""

    max_deleted_share: float = 0.20
    max_deleted_rows: int = 50
    allows_mass_delete: bool = False
    max_quarantined_share: float = 0.05
    max_quarantined_rows: int = 50
    allows_new_host: bool = False
    """True accepts that the organization is read from another API host than before."""


ALL_AT_LEAST = 10
"""All entries, or all people, of an organization with at least this number never vanish without consent."""


def raise_if_moved(organization_id: int, stored_url: str | None, api_url: str | None, guards: Guards) -> None:
    """Raise `GuardError` if the two URLs name different hosts, unless `guards` allow it or a URL is unknown."""
    if stored_url is None or api_url is None or guards.allows_new_host:
        return
    if urlsplit(stored_url).netloc == urlsplit(api_url).netloc:
        return
    message = (
        f"organization {organization_id} was read from {stored_url} before, and CALCOM_API_URL is {api_url} now:"
        " an organization with the same id on another server would replace this one; nothing was changed. If the"
        " server has moved, run once with OOO_ALLOW_NEW_HOST=true; else correct CALCOM_API_URL or OOO_DATA_DIR"
    )
    raise GuardError(message)


def check_deletions(noun: str, gone: int, live: int, guards: Guards) -> None:
    """Raise `GuardError` if too many live rows vanish together: a large share, or all of ten or more."""
    share = gone / live if live else 0.0
    is_mass = gone > guards.max_deleted_rows and share > guards.max_deleted_share
    if (is_mass or gone == live >= ALL_AT_LEAST) and not guards.allows_mass_delete:
        message = (
            f"mass delete: this snapshot would delete {gone} of {live} {noun}"
            f" ({share:.0%}; the limit is {guards.max_deleted_share:.0%} and {guards.max_deleted_rows}"
            f" {noun}, and never all of {ALL_AT_LEAST} or more); nothing was changed. If the deletion is real, run"
            " again with --allow-mass-delete"
        )
        raise GuardError(message)


def check_quarantine(quarantined: int, rows_in: int, problem: str | None, guards: Guards) -> None:
    """Raise `GuardError` if too many of the entries that were read failed validation, most often with `problem`."""
    share = quarantined / rows_in if rows_in else 0.0
    if quarantined > guards.max_quarantined_rows and share > guards.max_quarantined_share:
        message = (
            f"quarantine limit: {quarantined} of {rows_in} entries failed validation, most often with {problem}"
            f" ({share:.0%}; the limit is {guards.max_quarantined_share:.0%} and"
            f" {guards.max_quarantined_rows} entries); nothing was changed. The format of"
            " Cal.com's responses has probably changed; report the message"
        )
        if quarantined < rows_in:
            message += ", or raise OOO_MAX_QUARANTINED_SHARE to load the rest"
        raise GuardError(message)
