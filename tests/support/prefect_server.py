"""Run a Prefect server and its workers for the tests: real processes that listen on the loopback address only."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

ROOT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).with_name("prefect")
POOL, QUEUE = "ooo", "warehouse"
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

_T = TypeVar("_T")


def until(
    condition: Callable[[], _T | None], *, seconds: float = 240.0, every_seconds: float = 0.2, what: str = ""
) -> _T:
    """Return the result of `condition` once it is true. Raise `TimeoutError`, which names `what`, at the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what or condition}")
        time.sleep(every_seconds)
    return value


@dataclass(frozen=True)
class PrefectServer:
    """A running server: its API, and the environment in which `prefect` and workers find it."""

    api: httpx.Client
    environment: dict[str, str]
    folder: Path

    def run(self, *arguments: str, cwd: Path = ROOT, **environment: str) -> str:
        """Run `prefect` with the arguments. Return its output, or raise `AssertionError` with it if it fails."""
        done = subprocess.run(
            [str(PREFECT), *arguments],
            cwd=cwd,
            env=self.environment | environment | {"PWD": str(cwd)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def worker(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a process worker with these settings. Kill it and its flow runs at the end of the block."""
        folder = self.folder / f"worker-{time.monotonic_ns()}"
        folder.mkdir()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(PREFECT), "worker", "start", "--pool", POOL, "--name", folder.name, *arguments],
                cwd=folder,
                env=self.environment | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                kill_tree(process)

    def start(self, deployment: str, **parameters: Any) -> str:
        """Schedule a run of `flow/deployment` for now, and return its id."""
        deployment_id = self.get(f"/deployments/name/{deployment}")["id"]
        path = f"/deployments/{deployment_id}/create_flow_run"
        return str(self.post(path, parameters=parameters, state={"type": "SCHEDULED"})["id"])

    def get(self, path: str) -> Any:
        """Return the content at `path`."""
        return self._request("GET", path)

    def post(self, path: str, **body: Any) -> Any:
        """Send `body` to `path`, and return the response."""
        return self._request("POST", path, body)

    def patch(self, path: str, **body: Any) -> None:
        """Change the object at `path`."""
        self._request("PATCH", path, body)

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        """Send the request until the server's own services do not lock its database, and return the response."""

        def send() -> httpx.Response | None:
            response = self.api.request(method, path, json=body)
            return None if response.is_server_error else response

        response = until(send, seconds=60, what=f"a response to {method} {path}")
        assert response.is_success, response.text
        return response.json() if response.content else None

    def flow_run(self, run_id: str) -> Any:
        """Return the present flow run."""
        return self.get(f"/flow_runs/{run_id}")

    def wait_for_end(self, run_id: str, *, seconds: float = 240.0) -> Any:
        """Wait until the state of the flow run is final, and return it."""

        def final() -> Any:
            state = self.flow_run(run_id)["state"]
            return state if state["type"] in FINAL else None

        return until(final, seconds=seconds, what=f"the end of flow run {run_id}")

    def crash(self, run_id: str) -> None:
        """Mark the flow run as crashed, as an operator or the automation does if a worker does not respond."""
        crashed = {"type": "CRASHED", "message": "its worker does not respond"}
        self.post(f"/flow_runs/{run_id}/set_state", state=crashed, force=True)

    def wait_for_state(self, run_id: str, kind: str) -> None:
        """Wait until the flow run is, or has been, in a state of this kind."""
        until(
            lambda: kind in {state["type"] for state in self.get(f"/flow_run_states/?flow_run_id={run_id}")},
            what=f"{kind} of flow run {run_id}",
        )

    def artifacts(self, run_id: str) -> dict[str, Any]:
        """Return the artifacts of the flow run by key."""
        artifacts = self.post("/artifacts/filter", flow_runs={"id": {"any_": [run_id]}})
        return {artifact["key"]: artifact for artifact in artifacts}

    def log_records(self, run_id: str) -> list[Any]:
        """Return all records of the flow run's log and of the logs of its tasks."""
        records: list[Any] = []
        while True:
            page = self.post(
                "/logs/filter",
                logs={"flow_run_id": {"any_": [run_id]}},
                limit=200,
                offset=len(records),
            )
            records += page
            if len(page) < 200:
                return records

    def logs(self, run_id: str) -> str:
        """Return all messages of the flow run's log, in lines."""
        return "\n".join(record["message"] for record in self.log_records(run_id))

    def worker_logs(self) -> str:
        """Return the standard output and the standard error of all workers so far."""
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("worker-*/log"))


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Send SIGKILL to the process and to its descendants, which are in sessions of their own."""
    doomed = [process.pid]
    for pid in doomed:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGSTOP)  # a stopped process starts no other one
            doomed += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    for pid in doomed:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def clone_project(folder: Path) -> Path:
    """Clone the last commit of this repository into `folder`, and return the folder."""
    command = [str(shutil.which("git")), "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(folder)]
    subprocess.run(command, check=True)
    return folder


@contextmanager
def serve_prefect(folder: Path, port: int | None = None) -> Iterator[PrefectServer]:
    """Run a server with its database in `folder`, on a free port, with the work pool and its queue.

    With the `port` and the `folder` of an earlier server, the server has the state of the earlier one.
    """
    is_new, port = port is None, port or _free_port()
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    environment = inherited | {
        "PREFECT_HOME": str(folder),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_CLIENT_MAX_RETRIES": "10",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(folder / "results"),
        "DO_NOT_TRACK": "1",
    }
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [str(PREFECT), "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with httpx.Client(base_url=environment["PREFECT_API_URL"], timeout=120) as api:
                until(lambda: _is_up(api, process), what=f"a Prefect server, see {log.name}")
                server = PrefectServer(api, environment, folder)
                if is_new:
                    server.post("/work_pools/", name=POOL, type="process", base_job_template=_job_template())
                    server.post(f"/work_pools/{POOL}/queues", name=QUEUE)
                yield server
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _job_template() -> dict[str, Any]:
    """Return the template of a process pool, which the server does not have by itself."""
    from prefect.workers.process import ProcessWorker  # noqa: PLC0415 - # takes seconds, and only a server needs it

    template: dict[str, Any] = json.loads(json.dumps(ProcessWorker.get_default_base_job_template()))
    return template


def _is_up(api: httpx.Client, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the Prefect server ended"
    try:
        return api.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
