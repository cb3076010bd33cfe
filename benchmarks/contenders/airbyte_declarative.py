"""Read users and entries with PyAirbyte: a declarative source for Cal.com's lists, and its DuckDB cache."""

import os
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
os.environ |= {"AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1", "AIRBYTE_LOGGING_ROOT": str(FOLDER)}

import airbyte  # noqa: E402 - reads the environment
import requests  # noqa: E402


def main(folder: Path) -> None:
    """Write users and entries to the cache `airbyte.duckdb`, in place of the rows of an earlier run."""
    url, key = os.environ["CALCOM_API_URL"], os.environ["CALCOM_API_KEY"]
    me = requests.get(f"{url}/v2/me", headers={"Authorization": f"Bearer {key}"}, timeout=60).json()["data"]
    base = f"{url}/v2/organizations/{me['organizationId']}"
    source = airbyte.get_source(
        "source-calcom", config={"api_key": key}, source_manifest=manifest(base), streams="*"
    )
    cache = airbyte.caches.DuckDBCache(db_path=folder / "airbyte.duckdb", cache_dir=folder / "cache")
    source.read(cache=cache, write_strategy="replace", force_full_refresh=True)


def manifest(base: str) -> dict[str, object]:
    """Return the declarative source of the two lists of an organization."""
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["users"]},
        "streams": [stream(base, "users", "users", 1000), stream(base, "entries", "ooo", 250)],
        "spec": {
            "type": "Spec",
            "connection_specification": {"type": "object", "properties": {"api_key": {"type": "string"}}},
        },
    }


def stream(base: str, name: str, path: str, take: int) -> dict[str, object]:
    """Return a stream that is read page by page."""
    return {
        "type": "DeclarativeStream",
        "name": name,
        "primary_key": ["id"],
        "schema_loader": {"type": "InlineSchemaLoader", "schema": SCHEMAS[name]},
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {
                "type": "HttpRequester",
                "url_base": base,
                "path": path,
                "http_method": "GET",
                "authenticator": {"type": "BearerAuthenticator", "api_token": "{{ config['api_key'] }}"},
            },
            "record_selector": {
                "type": "RecordSelector",
                "extractor": {"type": "DpathExtractor", "field_path": ["data"]},
            },
            "paginator": {
                "type": "DefaultPaginator",
                "pagination_strategy": {"type": "OffsetIncrement", "page_size": take},
                "page_size_option": {
                    "type": "RequestOption",
                    "inject_into": "request_parameter",
                    "field_name": "take",
                },
                "page_token_option": {
                    "type": "RequestOption",
                    "inject_into": "request_parameter",
                    "field_name": "skip",
                },
            },
        },
    }


TEXT, NUMBER, RECORD = ({"type": [kind, "null"]} for kind in ("string", "integer", "object"))
SCHEMAS = {
    "users": {
        "type": "object",
        "properties": {"id": NUMBER, "email": TEXT, "name": TEXT, "username": TEXT, "timeZone": TEXT},
    },
    "entries": {
        "type": "object",
        "properties": {
            "id": NUMBER,
            "uuid": TEXT,
            "userId": NUMBER,
            "toUserId": NUMBER,
            "start": TEXT,
            "end": TEXT,
            "reason": TEXT,
            "notes": TEXT,
            "user": RECORD,
            "toUser": RECORD,
        },
    },
}

if __name__ == "__main__":
    main(FOLDER)
