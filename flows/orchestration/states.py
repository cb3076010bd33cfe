"""How a flow run ends in Prefect: the same truth as `ooo`'s exit code."""

import re
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from calcom.errors import ExitCode, OooError

UNFORESEEN = 1

_MESSAGE = re.compile(r"exit code (\d+): (.*)", re.DOTALL)


def ended(exit_code: int, message: str, facts: Any) -> State[Any]:
    """`Completed` only if nothing is missing; `Partial` (of the same type) if something is."""
    name = {ExitCode.DONE: "Completed", ExitCode.PARTIAL: "Partial"}.get(ExitCode(exit_code))
    if name is None:
        return Failed(message=f"exit code {exit_code}: {message}", data=facts)
    return Completed(name=name, message=message, data=facts)


def failed(error: Exception) -> State[Any]:
    """`Failed` with the exit code and the error's own text. Raises `error` if no one foresaw it."""
    if not isinstance(error, OooError):
        raise error
    return Failed(message=f"exit code {error.exit_code}: {error}")


def told_by(state: State[Any]) -> tuple[int, str]:
    """The exit code and text that a state made by `failed` tells; for any other, 1 and what there is."""
    message = state.message or f"ended as {state.name} without a message"
    if found := _MESSAGE.search(message):
        return int(found[1]), found[2]
    return UNFORESEEN, f"{state.name}: {message}"


def is_source_unavailable(_task: object, _task_run: object, state: State[Any]) -> bool:
    """True if Cal.com did not answer: the one failure of a task that time may mend."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, OooError) and error.exit_code is ExitCode.UNAVAILABLE
