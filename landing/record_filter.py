"""Filter the records that a landing stores: remove the records of erased people, and most keys of rejected records."""

import json
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from calcom.errors import redact
from calcom.records import Records, RejectedRecord

WITHHELD = json.dumps("withheld: it may belong to an erased person")
_SHAPES = (
    json.loads(WITHHELD),
    *(f"a JSON {shape}" for shape in ("list", "str", "int", "float", "bool", "NoneType")),
)
_PERSON_KEYS = frozenset({"userId", "toUserId", "user", "toUser"})
_ID_KEYS = frozenset({"id", "userId", "toUserId", "teamId", "parentId"})


def remove_erased_people(
    records: Records, erased: AbstractSet[int], *, owner: int | None, key: str
) -> Records:
    """Return `records` without the records of erased people and without their ids as covers.

    `ids` stay complete, because they are what a page proves. `key` is the owner's id in a record (`id` of a user,
    `userId` of an entry). `owner` is the user who owns the whole scope, if it is the scope of one user.
    The text of a rejected record whose owner cannot be read is withheld.
    """
    accepted = [_without_cover(record, erased) for record in records.accepted if record[key] not in erased]
    rejected = [_withhold(record, erased, owner=owner, key=key) for record in records.rejected]
    kept = [record for record in rejected if record is not None]
    return replace(records, accepted=accepted, rejected=kept, body=None)


def filter_rejected_text(raw: str, keys: frozenset[str]) -> str:
    """Return the JSON text of a rejected record with nothing but `keys`, and only texts and numbers in them.

    Texts are redacted, because any field can echo a credential or an e-mail address.
    An id in a list or an object is kept as a number, so that an erasure finds it.
    Idempotent: filtering a filtered text returns it unchanged.
    """
    record = json.loads(raw)
    if not isinstance(record, dict):
        return raw if record in _SHAPES else json.dumps(f"a JSON {type(record).__name__}")
    kept = {key: _flatten(key, value) for key, value in record.items() if key in keys}
    return json.dumps(kept, sort_keys=True)


def _flatten(key: str, value: Any) -> Any:
    """Return a text redacted, a number unchanged, and an object or a list as the id in it or the name of its type."""
    if isinstance(value, str):
        return redact(value)
    if not isinstance(value, dict | list):
        return value
    record_id = parse_id(value) if key in _ID_KEYS else None
    return f"a JSON {type(value).__name__}" if record_id is None else record_id


def _without_cover(record: dict[str, Any], erased: AbstractSet[int]) -> dict[str, Any]:
    return record | {"toUserId": None} if parse_id(record.get("toUserId")) in erased else record


def _withhold(
    rejected: RejectedRecord, erased: AbstractSet[int], *, owner: int | None, key: str
) -> RejectedRecord | None:
    """Return the rejected record as it may be stored, or None if it belongs to an erased person."""
    record = json.loads(rejected.raw)
    user_id = parse_id(record.get(key)) if isinstance(record, dict) else None
    if user_id in erased or owner in erased:
        return None
    if user_id is None:
        return replace(rejected, raw=WITHHELD)
    return replace(rejected, raw=json.dumps(_without_cover(record, erased), sort_keys=True))


def find_people(record: Any, *, key: str) -> tuple[int | None, set[int]]:
    """Return the id of the owner of a record, or None if it cannot be read, and the ids of all people in it.

    `key` is the owner's id in a record, as in `remove_erased_people`. Nested records count too.
    """
    owner = parse_id(record.get(key)) if isinstance(record, dict) else None
    people = {parse_id(value) for name, value in _walk(record) if name in _PERSON_KEYS} | {owner}
    return owner, {person for person in people if person is not None}


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each key with its value, at every depth of a JSON value."""
    rest = [value]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            yield from value.items()
            rest += value.values()
        elif isinstance(value, list):
            rest += value


def parse_id(value: Any) -> int | None:
    """Return the id in `value`, or None if it holds no id.

    A whole number also counts as a float (`102.0`), as text (`" 102 "`), alone in a list (`[102]`) and as the `id`
    of an object, because all of these identify the same person.
    """
    while isinstance(value, dict | list):
        items = [value.get("id")] if isinstance(value, dict) else value
        value = items[0] if len(items) == 1 else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        if isinstance(value, str):
            return int(value) if value.strip().isdecimal() else parse_id(float(value))
        return int(value) if value == int(value) else None
    except (ValueError, OverflowError):
        return None
