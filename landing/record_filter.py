"""People who were erased: what the source still says of them is never kept."""

import json
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from calcom.models import Records, RejectedRecord

WITHHELD = json.dumps("withheld: it may be of someone who was erased")


def without_people(records: Records, erased: AbstractSet[int], *, owner: int | None, key: str) -> Records:
    """`records` without anything of the erased; `ids` are as they were, for they are what a page proves.

    `key` names the owner's id in a record (`id` of a user, `userId` of an entry); `owner` is who owns
    the whole scope, if it is one user's. Of a record whose owner can't be read no text is kept.
    """
    accepted = [_without_cover(one, erased) for one in records.accepted if one[key] not in erased]
    rejected = [_withhold(one, erased, owner=owner, key=key) for one in records.rejected]
    kept = [one for one in rejected if one is not None]
    return replace(records, accepted=accepted, rejected=kept, body=None)


def _without_cover(record: dict[str, Any], erased: AbstractSet[int]) -> dict[str, Any]:
    return record | {"toUserId": None} if _number(record.get("toUserId")) in erased else record


def _withhold(
    one: RejectedRecord, erased: AbstractSet[int], *, owner: int | None, key: str
) -> RejectedRecord | None:
    """The record as it may be kept, or None if it is of someone who was erased."""
    record = json.loads(one.raw)
    named = _number(record.get(key)) if isinstance(record, dict) else None
    if named in erased or owner in erased:
        return None
    if named is None:
        return replace(one, raw=WITHHELD)
    return replace(one, raw=json.dumps(_without_cover(record, erased), sort_keys=True))


def _number(value: Any) -> int | None:
    """The id that `value` is, also as text; None for anything else."""
    try:
        return None if isinstance(value, bool) else int(value)
    except (TypeError, ValueError, OverflowError):
        return None
