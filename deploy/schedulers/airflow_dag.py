"""A DAG of Airflow 3 that syncs every night: `ooo` is installed in an environment of its own on the worker."""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="calcom_out_of_office",
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # each run reads all entries, past and future
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=15)},
):
    # The connection's password, which Airflow masks in its logs, becomes the environment variable of the command.
    sync = BashOperator(
        task_id="sync",
        bash_command="/opt/ooo/bin/ooo sync --quiet",
        env={"OOO_DATA_DIR": "/var/lib/ooo", "CALCOM_API_KEY": "{{ conn.calcom.password }}"},
        append_env=True,
        execution_timeout=timedelta(hours=6),
    )
    check_freshness = BashOperator(
        task_id="check_freshness",
        bash_command="/opt/ooo/bin/ooo status --max-age-hours 26",
        env={"OOO_DATA_DIR": "/var/lib/ooo"},
        append_env=True,
        trigger_rule="all_done",  # a partial sync ends with exit code 17 and is published nevertheless
    )
    sync >> check_freshness
