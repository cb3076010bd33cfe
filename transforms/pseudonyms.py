"""The former place of the functions and constants of `transforms.privacy`."""

from transforms.privacy import (
    COUNTS,
    DIMENSIONS,
    LABELS,
    PARTS,
    assign_pseudonyms,
    pseudonym_of,
    suppress_small_groups,
)

__all__ = (
    "COUNTS",
    "DIMENSIONS",
    "LABELS",
    "PARTS",
    "assign_pseudonyms",
    "pseudonym_of",
    "suppress_small_groups",
)
