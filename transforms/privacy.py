"""Who can be recognised: people behind keyed pseudonyms, and groups too small to hide anyone in."""

import hashlib
import hmac

import polars as pl

from transforms.errors import TransformError

_BITS = 63
"""What a positive BIGINT holds: among 100,000 people two are alike once in two billion keys."""


def pseudonym_of(organization_id: int, user_id: int, key: bytes) -> int:
    """The number that stands for a person, from 0 up to 2^63 - 1; the same for the same key, always.

    HMAC-SHA-256, its first 63 bits. Without the key it can be neither reversed nor guessed by trying all ids,
    and the same person has unrelated numbers in two organizations.
    """
    digest = hmac.digest(key, f"person {organization_id} {user_id}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") >> (64 - _BITS)


def assign_pseudonyms(people: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """One row a person with `pseudonym`, in the order of `people`.

    Needs `organization_id` and `user_id`, one row a person. Raises `TransformError` if two would share one.
    """
    pseudonyms = [
        pseudonym_of(organization_id, user_id, key)
        for organization_id, user_id in people.select("organization_id", "user_id").iter_rows()
    ]
    if len(set(pseudonyms)) != people.height:
        message = (
            f"two of {people.height} people would get the same pseudonym, and their rows be mixed; expected"
            " all different. Set another OOO_PSEUDONYM_KEY"
        )
        raise TransformError(message)
    return people.select("organization_id", "user_id").with_columns(
        pl.Series("pseudonym", pseudonyms, dtype=pl.Int64)
    )
