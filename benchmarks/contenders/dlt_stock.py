"""Read users and the entries of each user with dlt's REST API source into DuckDB, as dlt's documentation shows."""

import os
import sys
from pathlib import Path

import dlt
from dlt.sources.helpers import requests
from dlt.sources.rest_api import rest_api_source


def main(folder: Path) -> None:
    """Write users and entries to `dlt.duckdb`."""
    url, key = os.environ["CALCOM_API_URL"], os.environ["CALCOM_API_KEY"]
    me = requests.get(f"{url}/v2/me", headers={"Authorization": f"Bearer {key}"}).json()["data"]

    def pages(take: int) -> dict[str, object]:
        return {
            "type": "offset",
            "limit": take,
            "offset_param": "skip",
            "limit_param": "take",
            "total_path": None,
        }

    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/v2/organizations/{me['organizationId']}/",
                "auth": {"type": "bearer", "token": key},
            },
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
            "resources": [
                {
                    "name": "users",
                    "endpoint": {"path": "users", "data_selector": "data", "paginator": pages(1000)},
                },
                {
                    "name": "entries",
                    "endpoint": {
                        "path": "users/{resources.users.id}/ooo",
                        "data_selector": "data",
                        "paginator": pages(250),
                    },
                },
            ],
        }
    )
    pipeline = dlt.pipeline(
        pipeline_name="ooo",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
        dataset_name="ooo",
    )
    pipeline.run(source)


main(Path(sys.argv[1]))
