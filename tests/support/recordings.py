"""The recorded answers in tests/recordings; its README says where they come from."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent.parent / "recordings"


@dataclass(frozen=True, slots=True)
class HandOffStore:
    """One recorded request with its response; credentials are described, not kept."""

    name: str
    method: str
    path_and_query: str
    request_headers: dict[str, str]
    status: int
    response_headers: dict[str, str]
    body: Any

    def __str__(self) -> str:
        """The name, which is also how pytest shows a parametrized test."""
        return self.name


def load_truth() -> list[dict[str, Any]]:
    """Every visible entry of the recorded organization, by ascending id."""
    return list(_read_lines("truth.jsonl.gz"))


def load_users() -> list[dict[str, Any]]:
    """Every person of the recorded organization, by ascending id."""
    return list(_read_lines("users.jsonl.gz"))


def load_exchanges(*prefixes: str) -> list[HandOffStore]:
    """The recorded exchanges, or those whose names start with one of the prefixes."""
    return [
        HandOffStore(
            name=line["name"],
            method=line["request"]["method"],
            path_and_query=line["request"]["path_and_query"],
            request_headers=line["request"]["headers"],
            status=line["response"]["status"],
            response_headers=line["response"]["headers"],
            body=line["response"]["body"],
        )
        for line in _read_lines("exchanges.jsonl.gz")
        if line["name"].startswith(prefixes or ("",))
    ]


def _read_lines(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(_FOLDER / name, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
