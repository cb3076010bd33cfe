"""Read users and entries with dlt, tuned: the organization's endpoint, Parquet files, large buffers, no merge."""

import os
import sys
from pathlib import Path

import dlt
from dlt.sources.helpers import requests
from dlt.sources.rest_api import rest_api_source

ROWS_IN_MEMORY = 100_000


def main(folder: Path) -> None:
    """Write users and entries to `dlt.duckdb`, in place of the rows of an earlier run."""
    url, key = os.environ["CALCOM_API_URL"], os.environ["CALCOM_API_KEY"]
    me = requests.get(f"{url}/v2/me", headers={"Authorization": f"Bearer {key}"}).json()["data"]
    dlt.config["data_writer.buffer_max_items"] = ROWS_IN_MEMORY
    dlt.config["data_writer.file_max_items"] = ROWS_IN_MEMORY
    dlt.config["normalize.workers"] = 2

    def resource(name: str, path: str, take: int) -> dict[str, object]:
        paginator = {
            "type": "offset",
            "limit": take,
            "offset_param": "skip",
            "limit_param": "take",
            "total_path": None,
        }
        return {
            "name": name,
            "parallelized": True,
            "endpoint": {"path": path, "data_selector": "data", "paginator": paginator},
        }

    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/v2/organizations/{me['organizationId']}/",
                "auth": {"type": "bearer", "token": key},
            },
            "resource_defaults": {"write_disposition": "replace"},
            "resources": [resource("users", "users", 1000), resource("entries", "ooo", 250)],
        },
        max_table_nesting=0,
    )
    pipeline = dlt.pipeline(
        pipeline_name="ooo",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.duckdb(str(folder / "dlt.duckdb")),
        dataset_name="ooo",
    )
    pipeline.run(source, loader_file_format="parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
