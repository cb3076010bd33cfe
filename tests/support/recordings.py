"""Access to the recorded responses in tests/recordings; the README there describes their source."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent.parent / "recordings"


@dataclass(frozen=True, slots=True)
class RecordedExchange:
    """One recorded request with its response; a description replaces the credential."""

    name: str
    method: str
    path_and_query: str
    request_headers: dict[str, str]
    status: int
    response_headers: dict[str, str]
    body: Any

    def __str__(self) -> str:
        """Return the name, which pytest shows for a parametrized test."""
        return self.name


def load_truth() -> list[dict[str, Any]]:
    """Return every visible entry of the recorded organization, by ascending id."""
    return list(_read_lines("truth.jsonl.gz"))


def load_users() -> list[dict[str, Any]]:
    """Return every person of the recorded organization, by ascending id."""
    return list(_read_lines("users.jsonl.gz"))


def load_exchanges(*prefixes: str) -> list[RecordedExchange]:
    """Return the recorded exchanges, or those with a name that starts with one of the prefixes."""
    return [
        RecordedExchange(
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
