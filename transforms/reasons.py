"""Declare the reasons for an absence, in their order of precedence.

The API of Cal.com maps the reason ids 1 to 5 to names and omits the key for every other id. A missing reason
is therefore a custom one. `unspecified` is ambiguous at the source: the person selected it, or no reason was
ever set, or the custom reason was deleted.
"""

from dataclasses import dataclass

import polars as pl

from transforms.schema import REASONS


@dataclass(frozen=True)
class Reason:
    """One reason: its code, its label, and whether the API of Cal.com has a name for it."""

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
"""Where entries of a person overlap on a day, the first of their reasons counts.

A public holiday does not use up leave, and a sick day during a vacation is a sick day.
"""

STANDARD = tuple(reason.code for reason in PRECEDENCE if reason.is_standard)
"""The reasons that the API of Cal.com names. Source: `formatOooReason` in its `ooo.service.ts`."""

SORT_ORDER = {reason.code: order for order, reason in enumerate(PRECEDENCE, start=1)}


def build_reasons() -> pl.DataFrame:
    """Return one row per reason, as `REASONS`, in the order of precedence."""
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
