"""The fleet's flow with a Dask cluster for its extractions: run it with `extract_with="task runner"`.

Needs the extra: pip install 'calcom-ooo-warehouse[dask]'. The workers of the cluster need this package, the
settings and the credentials in their environment, and an OOO_EXCHANGE_URL that all of them can reach.
"""

from prefect_dask.task_runners import DaskTaskRunner

from flows.settings import load_settings
from flows.sync_fleet import fleet

fleet_on_dask = fleet.with_options(
    name="fleet-on-dask",
    task_runner=DaskTaskRunner(address=load_settings().dask_address),  # type: ignore[arg-type]  # its futures are typed more narrowly
)
