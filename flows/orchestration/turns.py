"""One flow run at a time per data folder: its lock, the runs that were killed, and the runs that are not needed.

No limit of the Prefect server keeps the runs apart. Such a limit stays taken if a worker dies, and its lease ends with
a restart of the server. The lock here ends with its process.
"""

import contextlib
import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import prefect.runtime
from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import Pause, TerminationSignal
from prefect.states import Completed, Crashed, Scheduled
from prefect.utilities.engine import propose_state_sync

from flows.settings import Settings
from flows.settings.clock import utc_now
from flows.settings.data_folder import lock_data_folder
from warehouse.errors import LockedError

LOCK, RECORD = ".flow-run.lock", ".flow-run.json"
"""The lock of the flow runs of a data folder, and the record of the run that holds or held it."""

MAX_WAIT_HOURS = 6.0
"""The longest wait for another flow run; after it, this run fails."""

FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS = 20, 300
"""The delays before a waiting flow run starts again: the first one, which then doubles, and the longest one.
The first one is longer than the time by which a worker takes a run early, which is 10 seconds."""


def take_turn(settings: Settings, work: Callable[[], State[Any]]) -> State[Any]:
    """Call `work` when no other flow run uses the data folder, and return its final state.

    If the process of the previous run was killed, its state becomes `Crashed`. If a run of the same deployment with
    the same parameters began after this run was due, `work` is not called, and the state is `Skipped`.

    A flow run that a worker started ends its process while another one uses the data folder, and starts again later,
    so that it holds no slot of the worker. A flow run without a deployment waits in its process. Raise `LockedError`
    if another flow run holds the data folder for longer than `MAX_WAIT_HOURS`.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_lock(settings, timeout_seconds=1.0))
        except LockedError as error:
            get_run_logger().info("waiting: another flow run uses the data folder %s", settings.data_dir)
            _start_again_later(error)
            stack.enter_context(_lock(settings, timeout_seconds=MAX_WAIT_HOURS * 3600))
        path = settings.data_dir / RECORD
        previous = _read_record(path)
        if previous.get("is_running"):
            _report_killed(str(previous.get("id")))
        elif _did_the_same(previous):
            message = (
                f"skipped: flow run {previous['id']} of the same deployment began at {previous['began_at']} UTC,"
                " after this run was due, and has done the same"
            )
            return Completed(name="Skipped", message=message)
        return _work_on_record(path, work)


def _lock(settings: Settings, *, timeout_seconds: float) -> contextlib.AbstractContextManager[None]:
    return lock_data_folder(
        settings.data_dir, settings.file_permissions, name=LOCK, timeout_seconds=timeout_seconds
    )


def _start_again_later(error: LockedError) -> None:
    """Schedule the flow run again, and end its process. Return without an effect if the flow run has no deployment.

    Raise `error` if the flow run has waited for `MAX_WAIT_HOURS` since its first start.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow_run.deployment_id is None:
        return
    run, now = context.flow_run, datetime.now(UTC)
    if now - (run.start_time or now) > timedelta(hours=MAX_WAIT_HOURS):
        raise error
    delay_seconds = min(FIRST_DELAY_SECONDS * 2 ** min(run.run_count, 10), MAX_DELAY_SECONDS)
    message = f"another flow run uses the data folder; this run starts again after {delay_seconds} s"
    # The server cancels a run in a state of this name without a process that ends.
    again: State[Any] = Scheduled(
        name="Resuming", message=message, scheduled_time=now + timedelta(seconds=delay_seconds)
    )
    with get_client(sync_client=True) as client:
        raise Pause(message, state=propose_state_sync(client, again, flow_run_id=run.id))


def _work_on_record(path: Path, work: Callable[[], State[Any]]) -> State[Any]:
    record: dict[str, Any] = {
        "id": prefect.runtime.flow_run.id,
        "deployment": prefect.runtime.deployment.id,
        "parameters": json.dumps(prefect.runtime.flow_run.parameters, sort_keys=True, default=str),
        "began_at": utc_now().isoformat(),
    }
    _write_record(path, record | {"is_running": True})
    state = None
    try:
        state = work()
    except KeyboardInterrupt as error:  # a statement of DuckDB that Prefect's signal ended
        raise TerminationSignal(signal.SIGTERM) from error
    else:
        return state
    finally:
        is_done = state is not None and state.is_completed()
        _write_record(path, record | {"is_running": False, "is_done": is_done})


def _write_record(path: Path, record: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the run reports a full disk by itself
        path.write_text(json.dumps(record), encoding="utf-8")


def _read_record(path: Path) -> dict[str, Any]:
    """Return the record of the previous flow run; an empty one if there is none, or if it is not readable."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _report_killed(flow_run_id: str) -> None:
    """Set the state of a run whose process ended without a final state. The lock proves that it has ended."""
    # The state of an earlier run must not end this one, for example if the run was deleted.
    with contextlib.suppress(Exception), get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(flow_run_id)).state
        if state is not None and not state.is_final():
            message = "the process of this run was killed; the next run resumes from its landing"
            client.set_flow_run_state(UUID(flow_run_id), Crashed(message=message), force=True)
            get_run_logger().warning("flow run %s was killed; its state is now Crashed", flow_run_id)


def _did_the_same(previous: dict[str, Any]) -> bool:
    """Return True if the previous run of the same deployment began after this run was due, and completed."""
    deployment = prefect.runtime.deployment.id
    if not (deployment and previous.get("is_done") and previous.get("deployment") == deployment):
        return False
    parameters = json.dumps(prefect.runtime.flow_run.parameters, sort_keys=True, default=str)
    due_at: datetime = prefect.runtime.flow_run.scheduled_start_time.astimezone(UTC).replace(tzinfo=None)
    began_at = datetime.fromisoformat(str(previous["began_at"]))
    return bool(previous.get("parameters") == parameters and began_at > due_at)
