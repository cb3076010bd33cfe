"""The log of a flow run: one line at the level ERROR per failure, without a traceback if the failure is foreseen."""

import logging
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from prefect import get_run_logger
from prefect.logging import get_logger

from calcom.errors import ExitCode, OooError
from flows.run.event_log import listen
from flows.run.progress import ProgressListener
from flows.settings import Settings
from flows.settings.values import LogFormat

_REPEATED = ("Engine execution exited with", "Task run failed with state", "Timeout of ")
"""The begin of records of Prefect that say nothing new: the failure of a run whose cause is in the log already, and
the time limit of a task in a thread, which takes effect after the request that runs."""


class ForeseenFailures(logging.Filter):
    """Keeps the failures of tasks out of the level ERROR: the flow writes the sentence of a foreseen failure once.

    An unforeseen failure keeps its traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a repeated record and the traceback of an `OooError`; lower the level of a task's end."""
        if str(record.msg).startswith(_REPEATED):
            return False
        if isinstance(record.exc_info, tuple) and isinstance(record.exc_info[1], OooError):
            return False
        if record.levelno == logging.ERROR and str(record.msg).startswith("Finished in state"):
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


# The first task of a Dask worker writes a record before it calls a function of this module.
for _name in ("prefect.task_runs", "prefect.flow_runs"):
    get_logger(_name).addFilter(ForeseenFailures())


class _EndOfOutput:
    """Discards the output of the interpreter's last steps.

    DuckDB 2.0 lists there the objects that the interpreter has not freed, in 60 lines per run ("nanobind: leaked").
    This object is freed with the module that holds it, after all exit handlers and the flush of the logs. The module
    has no other content, because the functions of a module can keep its content from being freed.
    """

    def __del__(
        self,
        open_file: Callable[[str, int], int] = os.open,
        replace: Callable[[int, int], int] = os.dup2,
        mode: int = os.O_WRONLY,
    ) -> None:
        """Redirect standard error to /dev/null. Names of modules may be unset by now, so all are arguments."""
        replace(open_file("/dev/null", mode), 2)


sys.modules[f"{__name__}.end"] = ModuleType("end")
setattr(sys.modules[f"{__name__}.end"], "of_output", _EndOfOutput())  # noqa: B010 - a module has no such attribute


def open_run_logger() -> "logging.LoggerAdapter[Any]":
    """Return the logger of the current flow or task run, whose foreseen failures have no traceback."""
    logger: logging.LoggerAdapter[Any] = get_run_logger()  # type: ignore[assignment]
    return logger


def listen_in_flow(listener: ProgressListener, settings: Settings) -> ProgressListener:
    """Return the listener with the telemetry of the settings, whose lines go to the log of the flow run."""
    return listen(listener, open_run_logger().info, is_json=settings.log_format is LogFormat.JSON)


def log_summary(exit_code: int, text: str) -> None:
    """Write the summary of a run: a complete one at the level INFO, a partial one at WARNING, a failed one at ERROR."""
    levels = {ExitCode.DONE: logging.INFO, ExitCode.PARTIAL: logging.WARNING}
    open_run_logger().log(levels.get(ExitCode(exit_code), logging.ERROR), "%s", text)
