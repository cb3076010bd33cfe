"""Read all entries page by page with httpx into DuckDB and Parquet, as a simple script without a proof would."""

import os
import sys
from pathlib import Path

import duckdb
import httpx
import polars as pl

TAKE = 250


def main(folder: Path) -> None:
    """Write all entries to `bare.duckdb` and `entries.parquet`."""
    url, key = os.environ["CALCOM_API_URL"], os.environ["CALCOM_API_KEY"]
    entries: list[dict[str, object]] = []
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        me = client.get("/v2/me").raise_for_status().json()["data"]
        path, page = f"/v2/organizations/{me['organizationId']}/ooo", [{}] * TAKE
        while len(page) == TAKE:
            answer = client.get(path, params={"skip": len(entries), "take": TAKE})
            page = answer.raise_for_status().json()["data"]
            entries += page
    frame = pl.DataFrame(entries, infer_schema_length=None)
    frame.write_parquet(folder / "entries.parquet")
    with duckdb.connect(str(folder / "bare.duckdb")) as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE entries AS FROM frame").fetchall()


main(Path(sys.argv[1]))
