"""The final state of a flow run in Prefect: the same outcome as the exit code of `ooo`."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from calcom.errors import ExitCode, OooError


def end_with(exit_code: int, message: str, facts: dict[str, Any] | None) -> State[Any]:
    """Return `Completed` for a complete run, `Partial` (of the same type) for a partial one, else `Failed`."""
    name = {ExitCode.DONE: "Completed", ExitCode.PARTIAL: "Partial"}.get(ExitCode(exit_code))
    if name is None:
        return Failed(message=f"exit code {exit_code}: {message}", data=facts)
    return Completed(name=name, message=message, data=facts)


def fail_with(error: OooError) -> State[Any]:
    """Return `Failed` with the exit code and the message of the error."""
    return Failed(message=f"exit code {error.exit_code}: {error}")


def is_source_unavailable(_task: object, _task_run: object, state: State[Any]) -> bool:
    """Return True if Cal.com was unavailable: the one failure of a task that a later attempt can cure."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, OooError) and error.exit_code is ExitCode.UNAVAILABLE
