"""The reasons for an absence, in the order that decides which one a day counts under.

Cal.com's API maps reason ids 1 to 5 to names and drops the key for every other id, so a missing reason
is a custom one. `unspecified` is ambiguous at the source: chosen, never set, or a deleted custom reason.
"""

from dataclasses import dataclass

import polars as pl

from transforms.schema import REASONS


@dataclass(frozen=True)
class Reason:
    """One reason: its code, its label, and whether Cal.com's API names it."""

    code: str
    label: str
    is_standard: bool


PRECEDENCE = (
    Reason("public_holiday", "Public holiday", is_standard=True),
    Reason("sick", "Sick leave", is_standard=True),
    Reason("vacation", "Vacation", is_standard=True),
    Reason("travel", "Travel", is_standard=True),
    Reason("custom", "Custom reason", is_standard=False),
    Reason("unspecified", "Unspecified", is_standard=True),
    Reason("unknown", "Unknown to this version", is_standard=False),
)
"""First wins where a person's entries overlap on a day: a holiday is nobody's leave, and a sick day within
a vacation is a sick day."""

STANDARD = tuple(reason.code for reason in PRECEDENCE if reason.is_standard)
"""The reasons that Cal.com's API names. Source: `formatOooReason` in its `ooo.service.ts`."""

SORT_ORDER = {reason.code: order for order, reason in enumerate(PRECEDENCE, start=1)}


def build_reasons() -> pl.DataFrame:
    """One row a reason, as `REASONS`, in the order of precedence."""
    reasons = pl.DataFrame(
        {
            "reason": [reason.code for reason in PRECEDENCE],
            "label": [reason.label for reason in PRECEDENCE],
            "is_standard": [reason.is_standard for reason in PRECEDENCE],
            "sort_order": list(SORT_ORDER.values()),
        },
        schema=REASONS.polars_schema,
    )
    return REASONS.check(reasons)
