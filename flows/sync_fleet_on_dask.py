"""The fleet's flow with a Dask cluster for its extractions: run it with `extract_with="task runner"`.

Needs the extra: pip install 'calcom-ooo-warehouse[dask]'. The cluster's workers need this package, the
settings and the credentials in their environment, and OOO_EXCHANGE_URL where all reach it.
"""

from prefect_dask.task_runners import DaskTaskRunner

from flows.settings import load_settings
from flows.sync_fleet import fleet

fleet_on_dask = fleet.with_options(
    name="fleet-on-dask",
    task_runner=DaskTaskRunner(address=load_settings().dask_address),  # type: ignore[arg-type]  # its futures are typed more narrowly
)
