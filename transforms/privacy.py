"""Assign pseudonyms to people."""

import hashlib
import hmac

import polars as pl

from transforms.errors import TransformError

_BITS = 49
"""The bits of an integer of at most 15 digits, which Excel, JavaScript and jq store exactly.

Among 100,000 people, one key in 100,000 gives two of them the same pseudonym; `assign_pseudonyms` refuses that key.
"""


def pseudonym_of(organization_id: int, user_id: int, key: bytes) -> int:
    """Return the pseudonym of a person, from 0 to 2^49 - 1; the same key always gives the same number.

    It is the first 49 bits of an HMAC-SHA-256. Without the key it can be neither reversed nor found by trying
    all ids. The same person has unrelated pseudonyms in two organizations.
    """
    digest = hmac.digest(key, f"person {organization_id} {user_id}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") >> (64 - _BITS)


def assign_pseudonyms(people: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Return `organization_id`, `user_id` and `pseudonym` of each person, in the order of `people`.

    `people` has one row per person, with `organization_id` and `user_id`. Raise `TransformError` if two
    people would share a pseudonym.
    """
    pseudonyms = [
        pseudonym_of(organization_id, user_id, key)
        for organization_id, user_id in people.select("organization_id", "user_id").iter_rows()
    ]
    if len(set(pseudonyms)) != people.height:
        message = (
            f"expected {people.height} different pseudonyms for {people.height} people,"
            f" found {len(set(pseudonyms))}; set another OOO_PSEUDONYM_KEY"
        )
        raise TransformError(message)
    return people.select("organization_id", "user_id").with_columns(
        pl.Series("pseudonym", pseudonyms, dtype=pl.Int64)
    )
