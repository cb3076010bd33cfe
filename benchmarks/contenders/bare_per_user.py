"""Read all entries user by user with httpx into DuckDB and Parquet, as a simple script without a proof would."""

import asyncio
import os
import sys
from pathlib import Path

import duckdb
import httpx
import polars as pl

CONNECTIONS = 10
"""Open connections; the script has no rate limiter."""


async def main(folder: Path) -> None:
    """Write all entries to `bare.duckdb` and `entries.parquet`."""
    url, key = os.environ["CALCOM_API_URL"], os.environ["CALCOM_API_KEY"]
    headers = {"Authorization": f"Bearer {key}"}
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60) as client:

        async def read_all(path: str, take: int) -> list[dict[str, object]]:
            records: list[dict[str, object]] = []
            while True:
                answer = await client.get(path, params={"skip": len(records), "take": take})
                answer.raise_for_status()
                page = answer.json()["data"]
                records += page
                if len(page) < take:
                    return records

        me = (await client.get("/v2/me")).raise_for_status().json()["data"]
        organization = f"/v2/organizations/{me['organizationId']}"
        users = iter(await read_all(f"{organization}/users", 1000))
        entries: list[dict[str, object]] = []

        async def work() -> None:
            for user in users:
                entries.extend(await read_all(f"{organization}/users/{user['id']}/ooo", 250))

        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    frame = pl.DataFrame(entries, infer_schema_length=None)
    frame.write_parquet(folder / "entries.parquet")
    with duckdb.connect(str(folder / "bare.duckdb")) as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE entries AS FROM frame").fetchall()


asyncio.run(main(Path(sys.argv[1])))
